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


MAX_COST: Final = 5_000
"""What one text may cost, in units of about a microsecond."""


class Looks:
    """How much closer looks at one text may still cost."""

    __slots__ = ("left",)

    def __init__(self, left: int = MAX_COST) -> None:
        self.left = left

    def __call__(self, cost: int = 5) -> bool:
        """Return whether one more look, of about *cost* us, is allowed."""
        self.left -= cost
        return self.left >= 0
