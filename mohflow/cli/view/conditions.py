"""
Which events a person wants to see.

A condition on a field is ``NAME OPERATOR VALUE`` without spaces around the
operator. ``=`` and ``!=`` compare with the value as JSON has it, without
quotes around a text; ``~`` looks for VALUE anywhere in it; ``<``, ``<=``,
``>`` and ``>=`` compare numbers. A field that is missing fulfils ``!=`` only.
"""

from __future__ import annotations

import operator
import re

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from mohflow.cli.view.events import OUR_NAMES, Event
from mohflow.cli.view.levels import RANKS, level_name


Condition = Callable[[Event], bool]

FIELD = re.compile(r"([^=!~<>]+)(!=|<=|>=|=|~|<|>)(.*)", re.DOTALL)
_ORDER: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_AGO = re.compile(r"([0-9]+(?:\.[0-9]+)?)(s|m|h|d|w)")
_UNITS = {
    "s": "seconds",
    "m": "minutes",
    "h": "hours",
    "d": "days",
    "w": "weeks",
}
_ABSENT = object()

_NUMBER = re.compile(r"-?[0-9]{1,300}(\.[0-9]+)?([eE][+-]?[0-9]+)?")

_OUR_NAMES = {
    other: ours for ours, others in OUR_NAMES.items() for other in others
}


class Mistake(ValueError):
    """What a person asked for cannot be done; the message says why."""


def at_least(level: str) -> Condition:
    """
    Return whether an event's level is *level* or above.

    Raises:
        Mistake: No tool calls a level that.
    """
    name = level_name(level)
    if name not in RANKS:
        msg = (
            f"unknown level: {level!r}. Choose one of trace, debug, info, "
            "warning, error, critical."
        )
        raise Mistake(msg)
    lowest = RANKS[name]

    def condition(event: Event) -> bool:
        level = event.get("level")
        return type(level) is str and RANKS.get(level, -1) >= lowest

    return condition


def from_loggers(names: Sequence[str]) -> Condition:
    """Return whether a logger is one of *names*, or is below one."""
    parents = tuple(f"{name}." for name in names)

    def condition(event: Event) -> bool:
        logger = event.get("logger")
        return type(logger) is str and (
            logger in names or logger.startswith(parents)
        )

    return condition


def moment(text: str, now: datetime) -> datetime:
    """
    Return the moment that *text* names.

    Args:
        text: A time before *now* (``90s``, ``10m``, ``2h``, ``3d``, ``1w``),
            or an ISO 8601 date or time; without an offset it is local.
        now: With an offset.

    Raises:
        Mistake: *text* is neither.
    """
    try:
        if ago := _AGO.fullmatch(text):
            return now - timedelta(**{_UNITS[ago[2]]: float(ago[1])})
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        msg = (
            f"not a time: {text!r}. Write 10m (also s, h, d, w), 2026-11-24, "
            "or 2026-11-24T03:19."
        )
        raise Mistake(msg) from None


def within(since: datetime | None, until: datetime | None) -> Condition:
    """Return whether an event is of *since* or later, and before *until*."""
    first, end = _second(since, "0"), _second(until, "9")

    def condition(event: Event) -> bool:
        text = event.get("timestamp")
        if type(text) is not str:
            return False
        second = text[:19]
        # Texts in UTC sort like their times, down to the second.
        if text.endswith("Z") and len(second) == 19 and second[10] == "T":
            if first < second < end:
                return True
            if second < first or second > end:
                return False
        return _is_within(text, since, until)

    return condition


def _second(time: datetime | None, default: str) -> str:
    if time is None:
        return default
    return time.astimezone(UTC).isoformat()[:19]


def _is_within(
    text: str, since: datetime | None, until: datetime | None
) -> bool:
    try:
        time = datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        return False
    return (since is None or time >= since) and (until is None or time < until)


def on_field(text: str) -> Condition:
    """
    Return the condition that *text* spells.

    Raises:
        Mistake: It is none.
    """
    parts = FIELD.fullmatch(text)
    if parts is None:
        msg = (
            f"not a condition: {text!r}. Write FIELD=VALUE, or one of "
            "!= ~ < <= > >= for =."
        )
        raise Mistake(msg)
    name, sign, value = parts.groups()
    name = our_name(name)
    path = name.split(".")
    test = _test(sign, str(level_name(value)) if name == "level" else value)

    def condition(event: Event) -> bool:
        found = event.get(name, _ABSENT)
        if found is _ABSENT:
            found = _find(event, path)
        return sign == "!=" if found is _ABSENT else test(found)

    return condition


def our_name(name: str) -> str:
    """Return the name that we have for a field of any tool."""
    return _OUR_NAMES.get(name.strip(), name.strip())


def _find(found: Any, path: list[str]) -> Any:
    """Return what is at *path*; names of fields may hold dots themselves."""
    for end in range(len(path), 0, -1):
        name = ".".join(path[:end])
        inner = _ABSENT
        if isinstance(found, dict):
            inner = found.get(name, _ABSENT)
        elif isinstance(found, list) and name.isdecimal():
            inner = found[int(name)] if int(name) < len(found) else _ABSENT
        if inner is not _ABSENT and end < len(path):
            inner = _find(inner, path[end:])
        if inner is not _ABSENT:
            return inner
    return _ABSENT


def _test(sign: str, value: str) -> Callable[[Any], bool]:
    number = _number(value)
    if sign in _ORDER:
        if number is None:
            msg = f"not a number: {value!r}. Only numbers go with {sign}."
            raise Mistake(msg)
        compare = _ORDER[sign]
        return lambda found: _is_number(found) and compare(found, number)
    if sign == "~":
        return lambda found: value in _text(found)

    def is_equal(found: Any) -> bool:
        if _is_number(found) and number is not None:
            return bool(found == number)
        return _text(found) == value

    if sign == "=":
        return is_equal
    return lambda found: not is_equal(found)


def _number(text: str) -> int | float | None:
    if not _NUMBER.fullmatch(text):
        return None
    return int(text) if text.lstrip("-").isdecimal() else float(text)


def _is_number(value: Any) -> bool:
    return type(value) in (int, float)


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    try:
        return orjson.dumps(value).decode()
    except TypeError:
        # Nested too deeply, or an integer of more than 64 bits.
        return str(value)
