"""Where in a text a name may end that hides what follows."""

from __future__ import annotations

import re

from collections.abc import Iterable
from typing import Final

from mohflow._expression import expression
from mohflow.processors._remembered import MAX_REMEMBERED
from mohflow.processors._shapes import Views, letters_of


SEGMENT: Final = 8_192
"""Characters that are searched at once, so that a hostile text ends early."""

MAX_NAME: Final = 320
"""Characters before a separator that are read: four words of 64, and more."""

MAX_TAIL: Final = 24
"""Letters before a separator that are looked at, and remembered."""

_SEPARATOR = expression("[=:]")
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
        self._ends = expression(_trie(ends))
        self._tails = expression(_trie({tail[::-1] for tail in tails} - {""}))
        found = _trie(ends | {letters_of(tail)[::-1] for tail in tails})
        self._pattern = expression(f"=(?:{found}|[\x80-\xff])")
        self._verdicts: dict[str, bool] = {}

    def __call__(self, views: Views, start: int) -> list[int]:
        """Return the separators in the part of a text that begins there."""
        text = views.text
        if len(text) <= SEGMENT:
            return self._places(text, views.letters)
        before = max(0, start - MAX_NAME)
        part = text[before : start + SEGMENT]
        if "=" not in part and ":" not in part:
            return []
        places = self._places(part, letters_of(part))
        return [before + p for p in places if before + p >= start]

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
        verdict = self._verdicts.get(name)
        if verdict is None:
            verdict = self._is_only_tail(name)
            if len(self._verdicts) >= MAX_REMEMBERED:
                self._verdicts.clear()
            self._verdicts[name] = verdict
        return verdict

    def _is_only_tail(self, name: str) -> bool:
        rest, separator, _ = name.partition("=")
        while self._ends.match(rest) is None:
            tail = self._tails.match(rest)
            if tail is None:
                break
            rest = rest[tail.end() :]
        else:
            return False
        is_whole = separator or not rest[-1:].isalpha() or len(rest) >= 8
        return bool(is_whole) and rest.isascii()


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
