"""Texts that are worked out once, because events repeat themselves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar


MAX_REMEMBERED: Final = 4096
"""What a set remembers; all is dropped when it is full."""

T = TypeVar("T")


class Remembered(dict[str, str]):
    """
    A text for each short text, worked out on first use; bounded in memory.

    Args:
        work_out: Gives the text for a key; what it raises passes through.
    """

    ENTRIES = 4096
    """It is emptied at this size: with at most 64 characters a key, that is
    about 1 MB."""

    KEY_LENGTH = 64

    def __init__(self, work_out: Callable[[str], str]) -> None:
        self._work_out = work_out

    def __missing__(self, key: str) -> str:
        text = self._work_out(key)
        if len(key) <= self.KEY_LENGTH:
            if len(self) >= self.ENTRIES:
                self.clear()
            self[key] = text
        return text


def remember(known: set[T], item: T) -> None:
    """Add *item* to *known*, which holds no more than 4096."""
    if len(known) >= MAX_REMEMBERED:
        known.clear()
    known.add(item)
