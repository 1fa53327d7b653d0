"""Regular expressions that cost nothing until one of them is used."""

from __future__ import annotations

import re

from typing import Any, cast


def expression(pattern: str, flags: int | re.RegexFlag = 0) -> re.Pattern[str]:
    """
    Like :func:`re.compile`, but compiled at its first use.

    Compiling takes a hundred times longer than matching does, and there are
    more than a hundred of ours: most programs never need most of them.

    Args:
        pattern: It must be valid: nothing says so before it is used.
        flags: Those of :mod:`re`.
    """
    return cast("re.Pattern[str]", _Expression(pattern, flags))


_WAYS = tuple(
    name
    for name in dir(re.Pattern)
    if not name.startswith("_") and name != "pattern"
)


class _Expression:
    """What a compiled one can do, each a slot that is empty at first."""

    __slots__ = ("pattern", "wanted", *_WAYS)

    def __init__(self, pattern: str, flags: int | re.RegexFlag) -> None:
        self.pattern = pattern
        self.wanted = flags

    def __getattr__(self, name: str) -> Any:
        # Called only while the slot is empty.
        compiled = re.compile(self.pattern, self.wanted)
        for way in _WAYS:
            setattr(self, way, getattr(compiled, way))
        return getattr(compiled, name)
