"""Long runs of digits: card numbers, national ids, phones that are named."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from mohflow._expression import expression
from mohflow.processors._remembered import remember
from mohflow.processors._rule import Rule
from mohflow.processors._span import LIMIT, Looks, Span


MAX_CONTEXT: Final = 48
"""Characters before a number that may say what it is."""

_EPOCHS = (10, 16, 19)
"""Digits of seconds, micro- and nanoseconds since 1970: then they begin with
1, and nothing of the table does that is as long."""

_RUNS = expression("000000000*+")


class DigitFinder:
    """
    Find what is known by how many digits it has.

    Args:
        whole: Names of rules whose introduction goes with the secret.
    """

    def __init__(self, whole: frozenset[str]) -> None:
        self._whole = whole
        self._by_size: dict[int, list[Rule]] = {}
        self._calls_nothing: set[tuple[str, str]] = set()

    def add(self, size: int, rule: Rule) -> None:
        """Ask *rule* about runs of just *size* digits."""
        self._by_size.setdefault(size, []).append(rule)

    def find(self, text: str, lines: str, looks: Looks) -> Iterator[Span]:
        """Look at runs of eight digits or more; *lines* shows where."""
        for run in _RUNS.finditer(lines):
            at, end = run.span()
            if text[at] == "1" and end - at in _EPOCHS:
                continue
            if not looks(1):
                yield Span(at, len(text), LIMIT)
                return
            span = self._span(text, lines, at, self._by_size.get(end - at, ()))
            if span is not None:
                if not looks(8):
                    yield Span(at, len(text), LIMIT)
                    return
                yield span

    def _span(
        self, text: str, lines: str, at: int, rules: Iterable[Rule]
    ) -> Span | None:
        for rule in rules:
            context = ""
            if rule.is_called:
                # What leads over to it begins behind the number before.
                before = lines.rfind("0", max(0, at - MAX_CONTEXT), at)
                context = text[max(before + 1, at - MAX_CONTEXT) : at]
                if (rule.name, context) in self._calls_nothing:
                    continue
            match = rule.pattern.match(text, at)
            if match is None:
                continue
            span = rule.span(match, whole=rule.name in self._whole)
            if span is not None:
                return span
            if rule.is_called:
                remember(self._calls_nothing, (rule.name, context))
        return None
