"""The levels of many tools, as names and on one scale."""

from __future__ import annotations

from typing import Any


RANKS = {
    "trace": 5,
    "verbose": 10,
    "debug": 10,
    "default": 20,
    "info": 20,
    "notice": 25,
    "success": 25,
    "warning": 30,
    "error": 40,
    "critical": 50,
    "alert": 50,
    "emergency": 50,
}
"""The names that are shown, on the scale of :mod:`logging`."""

_OTHER_NAMES = {
    "crit": "critical",
    "dpanic": "critical",
    "emerg": "emergency",
    "err": "error",
    "fatal": "critical",
    "information": "info",
    "panic": "critical",
    "severe": "error",
    "warn": "warning",
}

_SYSLOG = (
    "emergency",
    "alert",
    "critical",
    "error",
    "warning",
    "notice",
    "info",
    "debug",
)
"""Severities 0 to 7 of RFC 5424, which GELF and the journal use."""

_NAMES = ("trace", "debug", "info", "warning", "error", "critical")


def of_logging(number: int) -> str:
    """Return the name for a number of :mod:`logging`, where 20 is info."""
    return _NAMES[min(max(number // 10, 0), 5)]


def of_opentelemetry(number: int) -> str:
    """Return the name for a severity number, where 9 to 12 are info."""
    return _NAMES[min(max((number - 1) // 4, 0), 5)]


def level_name(value: Any) -> Any:
    """
    Return the name that is shown for a level, or *value* if it is none.

    Numbers are those of pino and bunyan, where 30 is info, and up to 7 those
    of syslog.
    """
    if isinstance(value, str):
        name = value.strip().lower()
        if not name.isdecimal() or len(name) > 4:
            name = _OTHER_NAMES.get(name, name)
            return name if name in RANKS else value
        value = int(name)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        return value
    if value < len(_SYSLOG):
        return _SYSLOG[value]
    return _NAMES[min(max(value // 10 - 1, 0), 5)]
