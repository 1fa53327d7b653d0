"""Finding secrets in one text: prefilter, patterns, pairs."""

from __future__ import annotations

import re

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from mohflow.processors._keys import KEY, KeyRules
from mohflow.processors._pairs import PairFinder, Span
from mohflow.processors._patterns import Rule


LIMIT: Final = "limit"
"""The rule name under which a text goes that asks for too many looks."""

MAX_LOOKS: Final = 10_000
"""Looks at places in one text, 1 to 3 us each; then the rest is hidden."""

MAX_LEAD: Final = 100
"""Characters before a hint that are searched for the begin of a match."""

LONG_WORD: Final = 19
"""Characters of the shortest word that holds a token."""

Detector = Callable[[str], Iterable[tuple[int, int]]]


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
_LONG = b"a" * LONG_WORD
_RUN = re.compile(rb"0++|.", re.DOTALL)
_TAME = re.compile(r"[a-z_.-]++|[0-9a-f.-]++")
"""Words of names, and of numbers in hexadecimal: never tokens."""


class Looks:
    """How many places of one text may still be looked at."""

    __slots__ = ("left",)

    def __init__(self, left: int = MAX_LOOKS) -> None:
        self.left = left

    def __call__(self) -> bool:
        self.left -= 1
        return self.left >= 0


class Scanner:
    """
    Find the parts of a text that have to go.

    Args:
        rules: Kinds of secrets; the first names what two of them find.
        names: Tells which names hide what.
        detectors: Further functions that find spans.
        whole: Names of rules whose introduction goes with the secret.
    """

    def __init__(
        self,
        rules: Iterable[Rule],
        names: KeyRules,
        detectors: Iterable[tuple[str, Detector]] = (),
        *,
        whole: frozenset[str] = frozenset(),
    ) -> None:
        rules = tuple(rules)
        self._rules = {
            among: [rule for rule in rules if rule.among == among]
            for among in ("text", "shape", "word", "all")
        }
        self._detectors = tuple(detectors)
        self._whole = whole
        self._pairs = PairFinder(names, whole=KEY in whole)
        self.names = tuple(
            dict.fromkeys(
                [*(r.name for r in rules), *(n for n, _ in self._detectors)]
            )
        )
        """The names of all rules, without doubles."""
        by_prefix = {
            prefix: rule
            for rule in reversed(self._rules["word"])
            for prefix in rule.hints
        }
        self._by_prefix = by_prefix
        prefixes = "|".join(
            re.escape(prefix)
            for prefix in sorted(by_prefix, key=lambda p: (-len(p), p))
        )
        self._at_start = re.compile(f"({prefixes})")
        self._inside = re.compile(f"[-_.]({prefixes})")
        names_too = "|".join(
            re.escape(name) for name in (*self.names, KEY, LIMIT)
        )
        self.marker = re.compile(
            rf"\[(?:redacted(?::(?:{names_too}))?"
            rf"|(?:{names_too}):[0-9a-f]{{16}})\]"
        )
        """What a value looks like that was hidden before."""

    def spans(self, text: str, looks: Looks) -> list[Span]:
        """Return what has to go, in order and without overlaps."""
        if "[" in text:
            text = self.marker.sub(lambda m: "\0" * len(m[0]), text)
        found: list[Span] = []
        raw = text.encode("latin-1", "replace")
        shape = raw.translate(SHAPES)
        for rule in self._rules["text"]:
            for hint in rule.hints:
                if hint in text:
                    found += self._at_hints(rule, hint, text, looks)
        if b"00" in shape:
            for rule in self._rules["shape"]:
                for hint in rule.shapes:
                    if hint in shape:
                        found += self._in_shape(rule, hint, text, shape, looks)
        if len(text) >= LONG_WORD:
            words = raw.translate(_WORDS)
            if _LONG in words:
                found += self._in_words(text, words, looks)
        if "=" in text or ":" in text:
            found += self._pairs.find(text, looks)
        for rule in self._rules["all"]:
            found += self._everywhere(rule, text)
        for name, detect in self._detectors:
            found += (Span(*span, name) for span in detect(text))
        return _merged(text, found) if found else found

    def _span(self, rule: Rule, match: re.Match[str]) -> Span | None:
        if rule.check is not None and not rule.check(match):
            return None
        named = "secret" in rule.pattern.groupindex
        group = "secret" if named and rule.name not in self._whole else 0
        return Span(*match.span(group), rule.name)

    def _at_hints(
        self, rule: Rule, hint: str, text: str, looks: Looks
    ) -> Iterator[Span]:
        at = text.find(hint)
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
                at = text.find(hint, done)
            else:
                at = text.find(hint, at + len(hint))

    def _in_shape(
        self, rule: Rule, hint: bytes, text: str, shape: bytes, looks: Looks
    ) -> Iterator[Span]:
        at = shape.find(hint)
        while at >= 0:
            if not looks():
                yield Span(at, len(text), LIMIT)
                return
            match = rule.pattern.match(text, at)
            span = match and self._span(rule, match)
            if match and span:
                yield span
                at = shape.find(hint, match.end())
            else:
                run = _RUN.match(shape, at)
                at = shape.find(hint, run.end() if run else at + 1)

    def _in_words(
        self, text: str, words: bytes, looks: Looks
    ) -> Iterator[Span]:
        end = 0
        at = words.find(_LONG)
        while at >= 0:
            start = words.rfind(b" ", end, at) + 1
            end = words.find(b" ", at)
            end = len(text) if end < 0 else end
            if not _TAME.fullmatch(text, start, end):
                if not looks():
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

    def _everywhere(self, rule: Rule, text: str) -> Iterator[Span]:
        for match in rule.pattern.finditer(text):
            span = self._span(rule, match)
            if span is not None and span.start < span.end:
                yield span


def _merged(text: str, spans: Iterable[Span]) -> list[Span]:
    merged: list[Span] = []
    for span in sorted(spans, key=lambda span: span.start):
        if not text[span.start : span.end].strip("\0"):
            continue
        if merged and span.start < merged[-1].end:
            end = max(span.end, merged[-1].end)
            merged[-1] = merged[-1]._replace(end=end)
        else:
            merged.append(span)
    return merged
