"""Where in a text a name may end that hides what follows."""

from __future__ import annotations

import re

from collections.abc import Iterable, Iterator
from typing import Final

from mohflow.processors._remembered import remember
from mohflow.processors._shapes import Views, letters_of


SEGMENT: Final = 16_384
"""Characters that are searched at once, so that a hostile text ends early."""

MAX_NAME: Final = 320
"""Characters before a separator that are read: four words of 64, and more."""

MAX_TAIL: Final = 24
"""Letters before a separator that are looked at, and remembered."""

_SEPARATOR = re.compile("[=:]")
_END = ""
_Node = dict[str, "_Node"]


class Endings:
    """
    Find the ``=`` and ``:`` before which a name ends as secret names do.

    Of the text only letters and separators are kept, and read backwards: one
    search for a character then finds all names, however they are written. As
    words run together, some are found that only look alike.

    Args:
        phrases: The words of each name.
        tails: Words that may follow a name without changing its meaning.
    """

    def __init__(
        self, phrases: Iterable[tuple[str, ...]], tails: Iterable[str]
    ) -> None:
        ends = {
            letters_of(case("".join(phrase)))[::-1]
            for phrase in phrases
            for case in (str.lower, str.upper)
        }
        self._ends = re.compile(_trie(ends))
        self._tails = re.compile(_trie({tail[::-1] for tail in tails} - {""}))
        found = _trie(ends | {letters_of(tail)[::-1] for tail in tails})
        self._pattern = re.compile(f"=(?:{found}|[\x80-\xff])")
        self._harmless: set[str] = set()

    def __call__(self, views: Views) -> Iterator[tuple[int, list[int]]]:
        """Yield where each part of a text begins, and its separators."""
        text = views.text
        if len(text) <= SEGMENT:
            yield 0, self._places(text, views.letters)
            return
        for start in range(0, len(text), SEGMENT):
            before = max(0, start - MAX_NAME)
            part = text[before : start + SEGMENT]
            if "=" in part or ":" in part:
                places = self._places(part, letters_of(part))
                skipped = start - before
                yield start, [p + before for p in places if p >= skipped]

    def _places(self, text: str, letters: str) -> list[int]:
        backwards = letters[::-1]
        last = len(letters) - 1
        ends = [
            last - match.start()
            for match in self._pattern.finditer(backwards)
            if not self._is_harmless(backwards, match.start() + 1)
        ]
        if not ends:
            return []
        separators = [match.start() for match in _SEPARATOR.finditer(text)]
        places = []
        done = count = 0
        for end in reversed(ends):
            count += letters.count("=", done, end)
            done = end
            places.append(separators[count])
        return places

    def _is_harmless(self, backwards: str, at: int) -> bool:
        """Return whether only the tail of a name is like that of secrets."""
        name = backwards[at : at + MAX_TAIL]
        if name in self._harmless:
            return True
        rest, separator, _ = name.partition("=")
        while self._ends.match(rest) is None:
            tail = self._tails.match(rest)
            if tail is None:
                break
            rest = rest[tail.end() :]
        else:
            return False
        is_whole = separator or not rest[-1:].isalpha() or len(rest) >= 8
        if not is_whole or not rest.isascii():
            return False
        remember(self._harmless, name)
        return True


def _trie(words: Iterable[str]) -> str:
    """Return an expression that finds the shortest of *words* that fits."""
    root: _Node = {}
    for word in sorted(words):
        node = root
        for letter in word:
            node = node.setdefault(letter, {})
        node[_END] = {}
    return _expression(root)


def _expression(node: _Node) -> str:
    if _END in node:
        return ""
    branches = [
        re.escape(letter) + _expression(child)
        for letter, child in node.items()
    ]
    return branches[0] if len(branches) == 1 else f"(?:{'|'.join(branches)})"
