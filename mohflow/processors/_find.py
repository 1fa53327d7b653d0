"""The table of secrets over one text: where hints are, a closer look."""

from __future__ import annotations

import re

from collections.abc import Iterable, Iterator
from typing import Final

from mohflow._expression import expression
from mohflow.processors._digits import DigitFinder
from mohflow.processors._remembered import remember
from mohflow.processors._rule import Rule
from mohflow.processors._shapes import LONG_WORD, Views, letters_of, outlined
from mohflow.processors._span import LIMIT, Looks, Span


MAX_LEAD: Final = 100
"""Characters before a hint that are searched for the begin of a match."""

_TAME = expression(r"[a-z_.-]++|[0-9a-f.-]++")
"""Words of names, and of numbers in hexadecimal: never tokens."""

_GATES: dict[str, tuple[str, ...]] = {
    "(": ("(000",),
    "%": (),
    "+": ("000000+000",),
    "000.000": ("000.000.0", "000.0000.0"),
    "00.00.00": (),
    "000 00": (
        "00 000 00",
        "000 00 0000",
        "000 0000 0000",
        "000000 000",
        "0000 00 ",
        "0000 000 ",
    ),
    "00000000": (),
    "A00": ("AA00", "A0000000", "000A000", "00A0000"),
    "A 00": (),
}
"""
What outlines are searched for, and then for what.

Each outline of a hint holds one of these, and one of those if there are any.
"""

_Hints = list[tuple[str, Rule]]


class Finder:
    """
    Find what the rules of a table describe.

    Args:
        rules: Kinds of secrets; the first names what two of them find.
        whole: Names of rules whose introduction goes with the secret.
    """

    def __init__(self, rules: Iterable[Rule], whole: frozenset[str]) -> None:
        self._whole = whole
        self._by_character: dict[str, _Hints] = {}
        self._by_phrase: dict[tuple[str, str], _Hints] = {}
        self._by_gate: dict[str, dict[str, _Hints]] = {g: {} for g in _GATES}
        self._runs = DigitFinder(whole)
        self._scanned: list[tuple[str, Rule]] = []
        self._by_word: _Hints = []
        self._by_prefix: dict[str, Rule] = {}
        self._tokenless: set[str] = set()
        for rule in rules:
            for hint in rule.hints:
                self._file(hint, rule)
        prefixes = "|".join(
            re.escape(prefix)
            for prefix in sorted(self._by_prefix, key=lambda p: (-len(p), p))
        )
        self._at_start = expression(f"({prefixes})")
        self._inside = expression(f"[-_.]({prefixes})")

    def _file(self, hint: str, rule: Rule) -> None:
        """Note where *hint* is looked up, and what has to be there before."""
        if rule.among == "text" and rule.before >= LONG_WORD:
            self._by_word.append((hint, rule))
        elif rule.among == "text":
            needs = rule.needs or next(c for c in hint if not c.isalnum())
            self._by_character.setdefault(needs, []).append((hint, rule))
        elif rule.among == "scan":
            self._scanned.append((hint, rule))
        elif rule.among == "phrase":
            letters = letters_of(hint).removesuffix("%")
            gate = "pass" if "pass" in hint else letters
            hints = self._by_phrase.setdefault((gate, rule.needs), [])
            hints.append((hint, rule))
        elif rule.among == "shape" and not hint.strip("0"):
            self._runs.add(len(hint), rule)
        elif rule.among == "shape":
            line = outlined(hint)
            gate = next(g for g in _GATES if g in line)
            closer = next((g for g in _GATES[gate] if g in line), gate)
            hints = self._by_gate[gate].setdefault(closer, [])
            hints.append((hint, rule))
        elif rule.among == "word":
            self._by_prefix.setdefault(hint, rule)

    def find(self, views: Views, looks: Looks) -> list[Span]:
        """Return what is found, in no order."""
        text = views.text
        found: list[Span] = []
        for needs, hints in self._by_character.items():
            if needs[0] in text or needs[-1] in text:
                found += self._at_all(hints, text, text, looks)
        for first, rule in self._scanned:
            if first in text:
                found += self._scan(rule, first, text, looks)
        has_long = views.has_long_word()
        if has_long:
            found += self._in_words(views, looks)
            found += self._at_all(self._by_word, text, text, looks)
        lines = views.outline()
        has_digit = "0" in lines
        if any(between in text for between in (" ", "%20", ",")) and (
            # A text of plain words without quotes holds no credentials.
            has_long or has_digit or any(mark in text for mark in "'\"`")
        ):
            found += self._in_phrases(views, looks)
        if has_digit:
            found += self._in_shapes(views, lines, looks)
        return found

    def _in_phrases(self, views: Views, looks: Looks) -> Iterator[Span]:
        text, letters = views.text, views.letters
        small = ""
        for (gate, needs), hints in self._by_phrase.items():
            is_possible = not needs or needs[0] in text or needs[-1] in text
            if is_possible and gate in letters:
                small = small or views.raw.lower().decode("latin-1")
                yield from self._at_all(hints, text, small, looks)

    def _in_shapes(
        self, views: Views, lines: str, looks: Looks
    ) -> Iterator[Span]:
        text = views.text
        for gate, by_closer in self._by_gate.items():
            if gate not in lines:
                continue
            if gate == "00000000":
                yield from self._runs.find(text, lines, looks)
            for closer, hints in by_closer.items():
                if closer in lines:
                    yield from self._at_all(hints, text, views.shape, looks)

    def _at_all(
        self, hints: _Hints, text: str, haystack: str, looks: Looks
    ) -> Iterator[Span]:
        for hint, rule in hints:
            if hint in haystack:
                yield from self._at_hints(rule, hint, text, haystack, looks)

    def _scan(
        self, rule: Rule, first: str, text: str, looks: Looks
    ) -> Iterator[Span]:
        if not looks(text.count(first) // 2):
            yield Span(text.find(first), len(text), LIMIT)
            return
        for match in rule.pattern.finditer(text):
            if not looks():
                yield Span(match.start(), len(text), LIMIT)
                return
            span = self._span(rule, match)
            if span:
                yield span

    def _span(self, rule: Rule, match: re.Match[str]) -> Span | None:
        return rule.span(match, whole=rule.name in self._whole)

    def _at_hints(
        self,
        rule: Rule,
        hint: str,
        text: str,
        haystack: str,
        looks: Looks,
    ) -> Iterator[Span]:
        """Look at *text* where *hint* is in *haystack*, its shape."""
        at = haystack.find(hint)
        done = 0
        while at >= 0:
            if not looks():
                yield Span(max(done, at - MAX_LEAD), len(text), LIMIT)
                return
            start: int | None = max(done, at - rule.before)
            if rule.lead is not None:
                lead = rule.lead.search(text, max(done, at - MAX_LEAD), at)
                start = lead and lead.start()
            match = None
            if start is not None:
                match = rule.pattern.match(text, start)
            span = match and self._span(rule, match)
            if match and span:
                yield span
                done = max(match.end(), at + len(hint))
                at = haystack.find(hint, done)
            else:
                step = 1 if rule.among == "shape" else len(hint)
                at = haystack.find(hint, at + step)

    def _in_words(self, views: Views, looks: Looks) -> Iterator[Span]:
        text = views.text
        for start, end in views.long_words():
            word = text[start:end]
            if word in self._tokenless or _TAME.fullmatch(word):
                continue
            if not looks(2):
                yield Span(start, len(text), LIMIT)
                return
            candidate = self._at_start.match(word) or self._inside.search(word)
            if candidate is not None:
                yield from self._in_word(text, start, end, looks)
            elif len(word) <= 64:
                remember(self._tokenless, word)

    def _in_word(
        self, text: str, start: int, end: int, looks: Looks
    ) -> Iterator[Span]:
        candidate = self._at_start.match(text, start, end)
        while True:
            if candidate is None:
                candidate = self._inside.search(text, start, end)
            if candidate is None:
                return
            if not looks():
                yield Span(candidate.start(), len(text), LIMIT)
                return
            at = candidate.start(1)
            rule = self._by_prefix[candidate[1]]
            match = rule.pattern.match(text, at)
            span = match and self._span(rule, match)
            if span:
                yield span
            # What a check refuses is not searched for shorter matches: that
            # would take quadratic time.
            start = match.end() if match else at + 1
            candidate = None
