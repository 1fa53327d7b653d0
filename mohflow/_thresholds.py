"""
Which levels pass, by logger name, and for how long. No I/O, no thread.

A rule for a name holds for all names below it, the longest name first. A rule
may end by itself: until then the threshold of a logger is the lower of what
holds now and what will hold after, and :meth:`Thresholds.settle`, which every
event that gets so far calls, takes away what has ended.
"""

from __future__ import annotations

import threading
import time

from collections.abc import Callable, Iterable, Mapping
from typing import Generic, NamedTuple, TypeVar
from weakref import WeakValueDictionary

from mohflow._levels import INFO


ROOT = ""
"""The name of the rule that holds for every logger."""


class Rule(NamedTuple):
    """The level of one name, with what replaces it at the end of its time."""

    level: int
    until: float | None = None
    after: int | None = None


class Gate:
    """
    What decides whether an event of the loggers called *name* passes.

    It is made once for each name and kept up to date by the thresholds, so
    that a call that does not pass costs one comparison.
    """

    __slots__ = ("__weakref__", "inherited", "level", "name", "threshold")

    def __init__(self, name: str | None) -> None:
        self.name = name
        self.threshold = 0
        """Below it a call ends at once, whatever rule may have ended."""
        self.level = 0
        """Below it an event is not wanted now."""
        self.inherited = 0
        """The level of the sinks that have none of their own."""


G = TypeVar("G", bound=Gate)


class Thresholds(Generic[G]):
    """
    The level rules of the process, and the loggers they hold for.

    Args:
        make: Makes the gate of a name.
        clock: Returns seconds; only differences count.
    """

    def __init__(
        self,
        make: Callable[[str | None], G],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._make = make
        self._clock = clock
        self._lock = threading.RLock()
        self._rules: dict[str, Rule] = {ROOT: Rule(INFO)}
        self._sink_levels: tuple[int | None, ...] = (None,)
        self._gates: WeakValueDictionary[str, G] = WeakValueDictionary()
        self._listeners: list[Callable[[], None]] = []
        self.is_temporary = False

    def after_fork(self) -> None:
        """Replace a lock that another thread of the parent may have held."""
        self._lock = threading.RLock()

    def gate_of(self, name: str | None) -> G:
        """Return the one gate of the loggers called *name*."""
        key = str(name or ROOT)
        gate = self._gates.get(key)
        if gate is None:
            with self._lock:
                gate = self._gates.get(key) or self._make(name)
                self._apply(gate)
                self._gates[key] = gate
        return gate

    def reset(
        self,
        level: int,
        levels: Mapping[str, int],
        sink_levels: Iterable[int | None],
        swap: Callable[[], None] = lambda: None,
    ) -> None:
        """
        Replace all rules; *sink_levels* are the sinks' own levels.

        While *swap* puts other sinks in force, an event passes only if it
        would pass before and after.
        """
        rules = {name: Rule(number) for name, number in levels.items()}
        rules[ROOT] = Rule(level)
        with self._lock:
            self._replace(rules, sink_levels, swap)

    def reset_sinks(
        self,
        sink_levels: Iterable[int | None],
        swap: Callable[[], None] = lambda: None,
    ) -> None:
        """Replace the sinks' own levels alone; see :meth:`reset`."""
        with self._lock:
            self._replace(self._rules, sink_levels, swap)

    def _replace(
        self,
        rules: dict[str, Rule],
        sink_levels: Iterable[int | None],
        swap: Callable[[], None],
    ) -> None:
        before = {
            gate: (gate.inherited, gate.level, gate.threshold)
            for gate in self._all_gates()
        }
        self._rules = rules
        self._sink_levels = tuple(sink_levels) or (None,)
        for gate, (inherited, level, threshold) in before.items():
            self._apply(gate)
            gate.inherited = max(inherited, gate.inherited)
            gate.level = max(level, gate.level)
            gate.threshold = max(threshold, gate.threshold)
        swap()
        self._refresh()

    def _all_gates(self) -> list[G]:
        """Return the gates; what is collected meanwhile may make others."""
        gates = [reference() for reference in self._gates.valuerefs()]
        return [gate for gate in gates if gate is not None]

    def set(
        self, level: int, name: str | None = None, ttl: float | None = None
    ) -> None:
        """Set the level of *name*, for *ttl* seconds or for good."""
        key = name or ROOT
        with self._lock:
            self._drop_ended()
            old = self._rules.get(key)
            until = after = None
            if ttl is not None:
                until = self._clock() + ttl
                is_nested = old is not None and old.until is not None
                if old is not None:
                    after = old.after if is_nested else old.level
            self._rules[key] = Rule(level, until, after)
            self._refresh()

    def settle(self) -> None:
        """Let the rules end whose time has come."""
        with self._lock:
            if self._drop_ended():
                self._refresh()

    def by_name(self) -> dict[str, int]:
        """Return the threshold of every name that has a rule, and of ROOT."""
        return {name: self._threshold(name) for name in self._rules}

    def listen(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call *listener* after every change; return how to stop that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def _drop_ended(self) -> bool:
        now = self._clock()
        ended = [
            (name, rule)
            for name, rule in self._rules.items()
            if rule.until is not None and rule.until <= now
        ]
        for name, rule in ended:
            if rule.after is None:
                del self._rules[name]
            else:
                self._rules[name] = Rule(rule.after)
        return bool(ended)

    def _refresh(self) -> None:
        self.is_temporary = any(
            rule.until is not None for rule in self._rules.values()
        )
        for gate in self._all_gates():
            self._apply(gate)
        for listener in self._listeners:
            listener()

    def _apply(self, gate: G) -> None:
        gate.inherited = self._level(gate.name, is_over=False)[0]
        gate.level = self._lowest(gate.name, is_over=False)
        gate.threshold = self._threshold(gate.name)

    def _threshold(self, name: str | None) -> int:
        return min(self._lowest(name, is_over=over) for over in (False, True))

    def _lowest(self, name: str | None, *, is_over: bool) -> int:
        level, is_named = self._level(name, is_over=is_over)
        if is_named:
            return level
        return min(level if own is None else own for own in self._sink_levels)

    def _level(self, name: str | None, *, is_over: bool) -> tuple[int, bool]:
        """Return the level of *name*, and whether a rule names it."""
        prefix = name or ROOT
        while prefix:
            level = self._level_of_rule(prefix, is_over=is_over)
            if level is not None:
                return level, True
            prefix = prefix.rpartition(".")[0]
        return self._level_of_rule(ROOT, is_over=is_over) or 0, False

    def _level_of_rule(self, name: str, *, is_over: bool) -> int | None:
        rule = self._rules.get(name)
        if rule is None:
            return None
        return rule.after if is_over and rule.until is not None else rule.level
