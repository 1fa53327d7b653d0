"""What a text looks like, so that a search can pass over most of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final


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
_KINDS = ((_LOWER, b"a"), (_UPPER, b"A"), (_DIGIT, b"0"))
_SHAPES = bytearray(range(256))
_SHAPES[0xA0] = 32
for _characters, _mark in _KINDS:
    for _character in _characters.encode():
        _SHAPES[_character] = _mark[0]
SHAPES = bytes(_SHAPES)
"""Letters to ``a`` and ``A``, digits to ``0``, as hints are written."""

OUTLINES = _classes(
    [(" -\xa0", b" "), *_KINDS[1:], *((c, c.encode()) for c in ".%:(+")], b"a"
)
"""The same, but each character between digits is a blank or a point."""

_WORDS = _classes([(_LOWER + _UPPER + _DIGIT + "_-.", b"a")], b" ")
_HEXADECIMAL = _classes(
    [
        (_UPPER + _LOWER + "_.", b"a"),
        (_DIGIT + "abcdef", b"0"),
        ("-", b"-"),
    ],
    b" ",
)
_LONG = b"a" * LONG_WORD
_DIGESTS = tuple(
    b" " + b"-".join(b"0" * size for size in sizes)
    for sizes in ((8, 4, 4, 4, 12), (64,), (40,), (32,))
)
"""A UUID, SHA-256, SHA-1, MD5 and trace ids, in small letters."""

_KEPT = bytes(0 if code == 1 else 255 for code in range(256))
_SMALL = bytes(
    ord("=") if code == ord(":") else bytes([code]).lower()[0]
    for code in range(256)
)
_NO_LETTERS = bytes(range(33)) + b"\"'`\\])0123456789_.-"
_TIMES = ("0000 00 00A00:00:", "0000 00 00 00:00:")


class Views:
    """
    One text in the ways in which it is searched, each made on first use.

    Args:
        text: What is searched; each character is one place in every view but
            ``letters``.
    """

    __slots__ = ("_kinds", "_letters", "_shape", "raw", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.raw = text.encode("latin-1", "replace")
        self._kinds: bytes | None = None
        self._letters: str | None = None
        self._shape: str | None = None

    @property
    def letters(self) -> str:
        """Small letters and separators alone, see :func:`letters_of`."""
        if self._letters is None:
            self._letters = letters_of(self.text)
        return self._letters

    @property
    def shape(self) -> str:
        """Letters and digits as hints of shapes are written."""
        if self._shape is None:
            self._shape = self.raw.translate(SHAPES).decode("latin-1")
        return self._shape

    def has_long_word(self) -> bool:
        """Return whether a word is long enough for a token."""
        raw = self.raw
        return len(raw) >= LONG_WORD and _LONG in raw.translate(_WORDS)

    def long_words(self) -> Iterator[tuple[int, int]]:
        """
        Yield where the words are that are long enough for a token.

        Digests and UUIDs at the begin of a word are none: no token begins
        so, or goes on behind them but for one of ``-_.``.
        """
        words = self._without_digests().translate(_WORDS)
        start = words.find(_LONG)
        while start >= 0:
            end = words.find(b" ", start)
            end = len(words) if end < 0 else end
            yield start, end
            start = words.find(_LONG, end)

    def outline(self) -> str:
        """Return the coarser shape, without digests and times of day."""
        raw = self.raw
        if self._kinds is not None and b"\x01" in self._kinds:
            kept = int.from_bytes(self._kinds.translate(_KEPT), "little")
            shown = int.from_bytes(raw, "little") & kept
            raw = shown.to_bytes(len(raw), "little")
        lines = raw.translate(OUTLINES).decode("latin-1")
        if "000 00" in lines:
            for time in _TIMES:
                lines = lines.replace(time, "a" * len(time))
        return lines

    def _without_digests(self) -> bytes:
        if self._kinds is None:
            kinds = self.raw.translate(_HEXADECIMAL)
            for digest in _DIGESTS:
                gone = b" " + b"\x01" * (len(digest) - 1)
                kinds = kinds.replace(digest, gone)
            self._kinds = kinds
        return self._kinds


def letters_of(text: str) -> str:
    """
    Return the letters of *text* in small, ``=`` and other signs.

    Blanks, digits, quotes and what else stands inside of names or between
    them and a separator are dropped; ``:`` becomes ``=``. What is not ASCII
    is left as the bytes of UTF-8.
    """
    if not text.isascii():
        # The two that become letters of ASCII when case is folded.
        text = text.replace("\u017f", "s").replace("\u212a", "k")
    raw = text.encode("utf-8", "replace")
    return raw.translate(_SMALL, _NO_LETTERS).decode("latin-1")


def outlined(hint: str) -> str:
    """Return how *hint*, of a shape, stands in an outline."""
    return hint.encode("latin-1").translate(OUTLINES).decode("latin-1")
