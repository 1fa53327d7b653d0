"""A part of a text that has to go."""

from __future__ import annotations

from typing import Final, NamedTuple


LIMIT: Final = "limit"
"""The rule name under which a text goes that asks for too many looks."""


class Span(NamedTuple):
    """What of a text has to go, and by which rule."""

    start: int
    end: int
    rule: str


MAX_LOOKS: Final = 10_000
"""Looks at places in one text, 1 to 3 us each; then the rest is hidden."""


class Looks:
    """How many places of one text may still be looked at."""

    __slots__ = ("left",)

    def __init__(self, left: int = MAX_LOOKS) -> None:
        self.left = left

    def __call__(self) -> bool:
        self.left -= 1
        return self.left >= 0
