"""
Leave out lines that cannot fulfil a condition, without reading them.

A screen is quick and lets too much through; what it leaves out fulfils the
condition for certain not. To read a line as JSON takes several times as long.
"""

from __future__ import annotations

import re

from collections.abc import Callable
from datetime import UTC, datetime

from mohflow.cli.view.conditions import FIELD, our_name
from mohflow.cli.view.levels import RANKS, level_name


Screen = Callable[[list[bytes]], list[bytes]]

_DIGITS = re.compile(r"[0-9.eE+-]*")
_SEVERAL_SPELLINGS = re.compile(r'[\[\]{},:"\\\x00-\x1f]')
_match_ours = re.compile(
    rb'\{"timestamp":"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d+)?Z",'
    rb'"level":"([a-z]+)"'
).match


def on_field(text: str) -> Screen | None:
    """
    Return the screen for the condition *text*; ``None`` if there is none.

    The value of the condition is on every line that fulfils it, unless the
    line has a backslash: every escape of JSON begins with one. There is no
    screen where JSON has several spellings of the value.
    """
    parts = FIELD.fullmatch(text)
    if parts is None or parts[2] not in ("=", "~"):
        return None
    value = parts[3]
    if our_name(parts[1]) in ("level", "timestamp"):
        return None
    if _SEVERAL_SPELLINGS.search(value) or _DIGITS.fullmatch(value):
        return None
    try:
        literal = value.encode()
    except UnicodeEncodeError:
        return None
    return lambda lines: [
        line for line in lines if literal in line or b"\\" in line
    ]


def on_head(
    level: str | None, since: datetime | None, until: datetime | None
) -> Screen | None:
    """
    Return the screen for the level and the times that a person asks for.

    It knows the lines of our own format, which begin with time and level.
    Another field of that name, which would count or hide there, is looked
    for too.
    """
    if level is None and since is None and until is None:
        return None
    lowest = 0 if level is None else RANKS[level_name(level)]
    below = {name.encode() for name, rank in RANKS.items() if rank < lowest}
    first, last = _second(since, b"0"), _second(until, b"9")

    def may_fulfil(line: bytes) -> bool:
        found = _match_ours(line)
        if found is None:
            return True
        second, name = found.groups()
        if name not in below and first <= second <= last:
            return True
        end = found.end()
        return (
            line.find(b'"level"', end) >= 0
            or line.find(b'"timestamp"', end) >= 0
            or b"\\" in line
        )

    return lambda lines: list(filter(may_fulfil, lines))


def _second(time: datetime | None, default: bytes) -> bytes:
    """Return *time* in UTC, to the second below; such texts sort like it."""
    if time is None:
        return default
    return time.astimezone(UTC).isoformat()[:19].encode()
