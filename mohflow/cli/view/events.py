"""
Read a line of any tool's log as an event with our names.

JSON objects and logfmt are understood. Of the names that tools have for the
time, the level and so on, the first of the table counts; every other field
keeps its name.
"""

from __future__ import annotations

import json
import re

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple

import orjson

from mohflow.cli.view.levels import (
    RANKS,
    level_name,
    of_logging,
    of_opentelemetry,
)


Event = dict[str, Any]

OUR_NAMES: dict[str, tuple[str, ...]] = {
    "timestamp": ("@timestamp", "time", "ts", "asctime", "datetime", "@t"),
    "level": (
        "severity",
        "log.level",
        "severity_text",
        "levelname",
        "loglevel",
        "log_level",
        "lvl",
        "@l",
        "levelno",
        "severity_number",
    ),
    "event": ("message", "msg", "body", "short_message", "@m"),
    "logger": ("log.logger", "logger.name", "logger_name", "scope.name"),
    "service": ("service.name", "serviceContext.service"),
    "environment": (
        "env",
        "service.environment",
        "deployment.environment.name",
    ),
    "trace_id": (
        "trace.id",
        "dd.trace_id",
        "logging.googleapis.com/trace",
        "traceId",
    ),
    "span_id": (
        "span.id",
        "dd.span_id",
        "logging.googleapis.com/spanId",
        "spanId",
    ),
    "exception": (
        "error.stack_trace",
        "stack_trace",
        "error.stack",
        "exception.stacktrace",
        "err.stack",
        "exc_info",
    ),
}

_NUMBERED = {
    "levelno": of_logging,
    "severity_number": of_opentelemetry,
}

_OPENTELEMETRY = {"body", "severity_text", "severity_number"}
_UNFOLDED = {
    "attributes": ("", _OPENTELEMETRY),
    "resource": ("", _OPENTELEMETRY),
    "scope": ("scope.", _OPENTELEMETRY),
    "serviceContext": ("serviceContext.", {"service"}),  # Google
    "log": ("log.", {"level", "logger"}),  # Elastic, written as objects
    "service": ("service.", {"name"}),
    "error": ("error.", {"stack_trace", "stack"}),
    "err": ("err.", {"stack"}),  # pino and bunyan
}
"""
Objects whose members are fields: what stands before their names, and of what
the object or the event has at least one.
"""

_PAIR = re.compile(r'([^\s"=]+)=("(?:[^"\\]|\\.)*"|[^\s"]*)(?:\s+|$)')
_BARE_VALUE = re.compile(r"-?[0-9]{1,18}(\.[0-9]+)?|true|false|null")
_KNOWN = {
    name for ours, others in OUR_NAMES.items() for name in (ours, *others)
}


class Plan(NamedTuple):
    """What to do with the events that have the same names."""

    foldable: tuple[str, ...]
    """Names whose values may be objects to unfold."""
    pairs: tuple[tuple[str, str], ...] | None
    """Old and new names; ``None`` if all are ours."""
    is_status_a_level: bool
    level_of: Callable[[int], str] | None
    """What a number is called, where the field's name says that."""


class Reader:
    """Read lines; remember, bounded, what to do for each set of names."""

    MAX_PLANS = 1024

    def __init__(self) -> None:
        self._plans: dict[tuple[str, ...], Plan] = {}

    def read(self, line: bytes) -> Event | None:
        """Return the event on *line*, or ``None`` if there is none."""
        try:
            event = orjson.loads(line)
        except ValueError:
            event = _lenient(line)
        return self._ours(event) if type(event) is dict else None

    def _ours(self, event: Event) -> Event:
        """Return *event* with our names and levels, and a time as text."""
        plan = self._plan(event)
        for name in plan.foldable:
            if type(event[name]) is dict:
                event = _unfolded(event)
                plan = self._plan(event)
                break
        if plan.pairs is not None:
            event = {new: event[old] for old, new in plan.pairs}
            if plan.level_of and type(event["level"]) is int:
                event["level"] = plan.level_of(event["level"])
        if plan.is_status_a_level and _name(event["status"]) is not None:
            event["level"] = event.pop("status")
        level = event.get("level")
        if type(level) is not str or level not in RANKS:
            _set_level(event)
        if type(event.get("timestamp", "")) is not str:
            event["timestamp"] = _iso(event["timestamp"])
        return event

    def _plan(self, event: Event) -> Plan:
        names = tuple(event)
        plan = self._plans.get(names)
        if plan is None:
            if len(self._plans) >= self.MAX_PLANS:
                self._plans.clear()
            plan = self._plans[names] = _new_plan(names)
        return plan


def _new_plan(names: tuple[str, ...]) -> Plan:
    ours = {}
    for our, others in OUR_NAMES.items():
        old = next((n for n in (our, *others) if n in names), our)
        ours[old] = our
    if "logger" not in names and (
        "levelname" in names or {"pid", "hostname"} <= set(names)
    ):
        ours["name"] = "logger"
    pairs = tuple((name, ours.get(name, name)) for name in names)
    new = {name for _, name in pairs}
    if len(new) < len(pairs):
        # Two fields would get one name: all keep theirs.
        pairs = tuple((name, name) for name in names)
        new = set(names)
    return Plan(
        foldable=tuple(name for name in names if name in _UNFOLDED),
        pairs=None if all(o == n for o, n in pairs) else pairs,
        # As Datadog has it; without "message" it is a field of the program.
        is_status_a_level={"status", "message"} <= set(names)
        and "level" not in new,
        level_of=_NUMBERED.get(
            next((o for o, n in pairs if n == "level"), "")
        ),
    )


def _unfolded(event: Event) -> Event:
    flat: Event = {}
    for name, value in event.items():
        prefix, marks = _UNFOLDED.get(name, ("", frozenset()))
        members = {}
        if type(value) is dict and not (
            marks.isdisjoint(value) and marks.isdisjoint(event)
        ):
            members = {prefix + member: v for member, v in value.items()}
        if members and members.keys().isdisjoint(event.keys() | flat.keys()):
            flat.update(members)
        else:
            flat[name] = value
    return flat


def _name(level: Any) -> str | None:
    name = level_name(level)
    return name if isinstance(name, str) and name in RANKS else None


def _set_level(event: Event) -> None:
    name = _name(event.get("level"))
    if name is not None:
        event["level"] = name


def _iso(timestamp: Any) -> Any:
    """Return a number of seconds, or thousandths of them, as ISO 8601."""
    if type(timestamp) not in (int, float):
        return timestamp
    seconds: float = timestamp
    while abs(seconds) >= 1e11:
        seconds /= 1000
    try:
        time = datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return timestamp
    return time.isoformat(timespec="microseconds").replace("+00:00", "Z")


def _lenient(line: bytes) -> Any:
    """Read what orjson refuses: NaN, lone surrogates, logfmt."""
    text = line.decode("utf-8", "surrogateescape").strip("\ufeff \t\r")
    if not text.startswith("{"):
        return _logfmt(text)
    try:
        return json.loads(text, parse_constant=str)
    except (ValueError, RecursionError):
        return None


def _logfmt(text: str) -> Event | None:
    event: Event = {}
    end = 0
    while end < len(text):
        pair = _PAIR.match(text, end)
        if pair is None:
            return None
        end = pair.end()
        event[pair[1]] = _unquoted(pair[2])
    return event if len(event) > 1 and _KNOWN.intersection(event) else None


def _unquoted(text: str) -> Any:
    if text.startswith('"') or _BARE_VALUE.fullmatch(text):
        try:
            return json.loads(text)
        except ValueError:
            return text.strip('"')
    return text
