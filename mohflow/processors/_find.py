"""The table of secrets over one text: where hints are, a closer look."""

from __future__ import annotations

import re

from collections.abc import Iterable, Iterator
from typing import Final

from mohflow._expression import expression
from mohflow.processors._rule import Rule
from mohflow.processors._span import LIMIT, Looks, Span


MAX_LEAD: Final = 100
"""Characters before a hint that are searched for the begin of a match."""

LONG_WORD: Final = 19
"""Characters of the shortest word that holds a token."""


def _classes(pairs: Iterable[tuple[str, bytes]], other: bytes) -> bytes:
    table = bytearray(other * 256)
    for characters, mark in pairs:
        for character in characters.encode("latin-1"):
            table[character] = mark[0]
    return bytes(table)


_LOWER = "abcdefghijklmnopqrstuvwxyz"
_UPPER = _LOWER.upper()
_DIGIT = "0123456789"
_SIGNS = "".join(map(chr, range(32, 127)))
_SHAPES = bytearray(range(256))
_SHAPES[0xA0] = 32
for _characters, _mark in ((_LOWER, b"a"), (_UPPER, b"A"), (_DIGIT, b"0")):
    for _character in _characters.encode():
        _SHAPES[_character] = _mark[0]
SHAPES = bytes(_SHAPES)
"""Letters to ``a`` and ``A``, digits to ``0``, as hints are written."""

_WORDS = _classes([(_LOWER + _UPPER + _DIGIT + "_-.", b"a")], b" ")
_LONG = "a" * LONG_WORD
_RUN = expression("0++|.", re.DOTALL)
_TAME = expression(r"[a-z_.-]++|[0-9a-f.-]++")
"""Words of names, and of numbers in hexadecimal: never tokens."""


_GATES = ("000 00", "A 00", "0-000", "000.000", "AA00", "A0000000")
"""Each shape holds one of these or is tried by itself."""

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
        self._by_phrase: dict[str, _Hints] = {}
        self._by_gate: dict[str, _Hints] = {}
        self._by_run: dict[int, list[Rule]] = {}
        self._by_prefix: dict[str, Rule] = {}
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
        if rule.among == "text":
            needs = rule.needs or next(c for c in hint if not c.isalnum())
            self._by_character.setdefault(needs, []).append((hint, rule))
        elif rule.among == "phrase":
            gate = "pass" if "pass" in hint else hint
            self._by_phrase.setdefault(gate, []).append((hint, rule))
        elif rule.among == "shape" and not hint.strip("0"):
            self._by_run.setdefault(len(hint), []).append(rule)
        elif rule.among == "shape":
            rare = next((c for c in "+%" if c in hint), hint)
            gate = next((g for g in _GATES if g in hint), rare)
            self._by_gate.setdefault(gate, []).append((hint, rule))
        elif rule.among == "word":
            self._by_prefix.setdefault(hint, rule)

    def find(self, text: str, looks: Looks) -> list[Span]:
        """Return what is found, in no order."""
        found: list[Span] = []
        for character, hints in self._by_character.items():
            if character in text:
                found += self._at_all(hints, text, text, looks)
        raw = text.encode("latin-1", "replace")
        shape = raw.translate(SHAPES).decode("latin-1")
        words = ""
        if len(text) >= LONG_WORD:
            words = raw.translate(_WORDS).decode("latin-1")
        has_long = _LONG in words
        if has_long:
            found += self._in_words(text, words, looks)
        if (" " in text or "%20" in text) and (
            # A text of plain words without quotes holds no credentials.
            has_long or any(mark in shape for mark in "0'\"`")
        ):
            small = raw.lower().decode("latin-1")
            found += self._gated(self._by_phrase, text, small, looks)
        if "00" in shape:
            found += self._gated(self._by_gate, text, shape, looks)
            found += self._in_runs(text, shape, looks)
        return found

    def _gated(
        self, gates: dict[str, _Hints], text: str, haystack: str, looks: Looks
    ) -> Iterator[Span]:
        for gate, hints in gates.items():
            if gate in haystack:
                yield from self._at_all(hints, text, haystack, looks)

    def _at_all(
        self, hints: _Hints, text: str, haystack: str, looks: Looks
    ) -> Iterator[Span]:
        for hint, rule in hints:
            if hint in haystack:
                yield from self._at_hints(rule, hint, text, haystack, looks)

    def _in_runs(self, text: str, shape: str, looks: Looks) -> Iterator[Span]:
        """Look at runs of eight digits or more."""
        at = shape.find("00000000")
        while at >= 0:
            run = _RUN.match(shape, at)
            end = run.end() if run else len(shape)
            if not looks(1):
                yield Span(at, len(text), LIMIT)
                return
            for rule in self._by_run.get(end - at, ()):
                match = rule.pattern.match(text, at)
                if match and not looks(4):
                    yield Span(at, len(text), LIMIT)
                    return
                span = match and self._span(rule, match)
                if span:
                    yield span
                    break
            at = shape.find("00000000", end)

    def _span(self, rule: Rule, match: re.Match[str]) -> Span | None:
        if rule.check is not None and not rule.check(match):
            return None
        named = "secret" in rule.pattern.groupindex
        group = "secret" if named and rule.name not in self._whole else 0
        return Span(*match.span(group), rule.name)

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

    def _in_words(self, text: str, words: str, looks: Looks) -> Iterator[Span]:
        end = 0
        at = words.find(_LONG)
        while at >= 0:
            start = words.rfind(" ", end, at) + 1
            end = words.find(" ", at)
            end = len(text) if end < 0 else end
            if not _TAME.fullmatch(text, start, end):
                if not looks(2):
                    yield Span(start, len(text), LIMIT)
                    return
                yield from self._in_word(text, start, end, looks)
            at = words.find(_LONG, end)

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
