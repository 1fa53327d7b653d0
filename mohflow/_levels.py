"""Names and numbers of levels; only numbers are ever compared."""

from __future__ import annotations

from bisect import bisect_right


TRACE = 5
DEBUG = 10
INFO = 20
WARNING = 30
ERROR = 40
CRITICAL = 50

NUMBERS: dict[str, int] = {
    "notset": 0,
    "trace": TRACE,
    "debug": DEBUG,
    "info": INFO,
    "msg": INFO,
    "success": 25,
    "notice": 25,
    "warning": WARNING,
    "warn": WARNING,
    "error": ERROR,
    "err": ERROR,
    "exception": ERROR,
    "critical": CRITICAL,
    "fatal": CRITICAL,
}
"""Every name that is understood, lower case, aliases included."""

_FLOORS = (0, DEBUG, INFO, WARNING, ERROR, CRITICAL)
_NAMES = ("trace", "debug", "info", "warning", "error", "critical")

STANDARD: dict[int, str] = dict(
    zip(_FLOORS[1:], _NAMES[1:], strict=True),
)
"""The five levels that every tool knows, by number."""


def level_name(number: int) -> str:
    """Return the name of the highest standard level not above *number*."""
    return (
        STANDARD.get(number)
        or _NAMES[max(bisect_right(_FLOORS, number), 1) - 1]
    )


def level_number(level: int | str) -> int:
    """
    Return the number of *level*: a number, its text, or a name in any case.

    Raises:
        ValueError: The name is not known.
    """
    if type(level) is int:
        return level
    text = str(level).strip().lower()
    if text in NUMBERS:
        return NUMBERS[text]
    try:
        return int(text)
    except ValueError:
        # Only who is wrong pays for the import.
        from difflib import get_close_matches  # noqa: PLC0415

        known = ", ".join(NUMBERS)
        given = text if isinstance(level, str) else ""
        close = get_close_matches(given, NUMBERS, n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        msg = (
            f"Unknown level {level!r}.{hint} Use a number or one of: {known}."
        )
        raise ValueError(msg) from None
