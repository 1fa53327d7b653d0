"""One row of the table of secrets."""

from __future__ import annotations

import re

from collections.abc import Callable
from typing import Literal, NamedTuple

from mohflow.processors._span import Span


class Rule(NamedTuple):
    """
    One kind of secret, or one form of it.

    Time must be linear: an expression is tried only where a hint stands, and
    its quantifiers are capped, or possessive over what holds no hint.
    """

    name: str
    """What a marker and the counts call it."""

    pattern: re.Pattern[str]
    """The group ``secret`` goes if there is one, the whole match if not."""

    hints: tuple[str, ...]
    """One of these is in every text that can match."""

    yes: str
    """A text that holds one."""

    no: str
    """A text that looks alike and holds none."""

    check: Callable[[re.Match[str]], bool] | None = None
    """What the expression alone cannot decide."""

    among: Literal["text", "scan", "phrase", "shape", "word", "all"] = "text"
    """
    Where hints are looked up.

    ``text``: as they are. ``scan``: the pattern begins with the one
    character that is the hint, and is searched for itself. ``phrase``: in the
    text in small letters.
    ``shape``: ``a`` stands for a small letter, ``A`` for a capital and ``0``
    for a digit. Of digits alone: a run of just so many.
    ``word``: at the beginning of a word of 19 characters or more, and behind
    ``-``, ``_`` and ``.`` inside of it. ``all``: there are no hints, the
    pattern runs over every text.
    """

    needs: str = ""
    """One or two characters: one of them is in every text that can match."""

    before: int = 0
    """Characters by which a match begins before the hint."""

    is_called: bool = False
    """Whether the check asks only for what stands before, behind a digit."""

    lead: re.Pattern[str] | None = None
    """What stands before the hint, if its length varies; up to the hint."""

    def span(self, match: re.Match[str], *, whole: bool) -> Span | None:
        """Return what of *match* goes, if it is a secret; *whole*: all."""
        if self.check is not None and not self.check(match):
            return None
        named = "secret" in self.pattern.groupindex and not whole
        return Span(*match.span("secret" if named else 0), self.name)


LEFT = r"(?<![A-Za-z0-9])"
RIGHT = r"(?![A-Za-z0-9])"
