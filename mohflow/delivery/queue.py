"""Events that wait in memory: in order, and bounded. No lock, no clock."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from itertools import chain
from operator import itemgetter
from typing import Literal

from mohflow._event import Event


Overflow = Literal["drop_lowest", "drop_oldest", "drop_newest", "block"]

Entry = tuple[int, Event, float]
"""The number of an event, the event, and when it came."""


class BoundedQueue:
    """
    A queue that never holds more than *max_events* and *max_bytes*.

    Events of one level stand in one line, so that the oldest of the lowest
    level is found at once; they leave in the order in which they came.

    Args:
        max_events: Events that may wait.
        max_bytes: Bytes of their lines together.
        overflow: Which event gives way; with ``block`` it is the new one.
    """

    def __init__(
        self, max_events: int, max_bytes: int, overflow: Overflow
    ) -> None:
        self._max_events = max_events
        self._max_bytes = max_bytes
        self._overflow = overflow
        self._lines: dict[int, deque[Entry]] = {}
        self._next = 0
        self.bytes = 0
        self.events = 0

    def __len__(self) -> int:
        return self.events

    @property
    def entered(self) -> int:
        """Return how many events have ever been put in."""
        return self._next

    def has_room(self, event: Event) -> bool:
        """Return whether *event* fits without another giving way."""
        return (
            self.events < self._max_events
            and self.bytes + len(event.line) <= self._max_bytes
        )

    def offer(self, event: Event, now: float) -> list[Event]:
        """Put *event* in, and return the events that gave way to it."""
        dropped: list[Event] = []
        while not self.has_room(event):
            level = self._victim(event)
            if level is None:
                return [*dropped, event]
            dropped.append(self._pop(level)[1])
        line = self._lines.setdefault(event.level, deque())
        line.append((self._next, event, now))
        self._next += 1
        self.events += 1
        self.bytes += len(event.line)
        return dropped

    def _victim(self, event: Event) -> int | None:
        """Return the level whose oldest gives way; ``None`` for *event*."""
        if not self._lines or self._overflow in {"drop_newest", "block"}:
            return None
        if self._overflow == "drop_oldest":
            return self._oldest_level()
        lowest = min(self._lines)
        return lowest if lowest <= event.level else None

    def _oldest_level(self) -> int:
        return min(self._lines, key=lambda level: self._lines[level][0][0])

    def _pop(self, level: int) -> Entry:
        line = self._lines[level]
        entry = line.popleft()
        if not line:
            del self._lines[level]
        self.events -= 1
        self.bytes -= len(entry[1].line)
        return entry

    def first(self) -> Entry | None:
        """Return number, event and time of the oldest, which stays."""
        if not self._lines:
            return None
        return self._lines[self._oldest_level()][0]

    def pop(self) -> Entry:
        """Take the oldest entry out."""
        return self._pop(self._oldest_level())

    def drain(self) -> list[Entry]:
        """Take all entries out, the oldest first."""
        lines = self._lines.values()
        entries = sorted(chain.from_iterable(lines), key=itemgetter(0))
        self._lines.clear()
        self.events = self.bytes = 0
        return entries

    def restore(self, entries: Iterable[Entry]) -> None:
        """Put back what :meth:`drain` or :meth:`pop` took out just now."""
        for entry in sorted(entries, key=itemgetter(0), reverse=True):
            line = self._lines.setdefault(entry[1].level, deque())
            line.appendleft(entry)
            self.events += 1
            self.bytes += len(entry[1].line)
