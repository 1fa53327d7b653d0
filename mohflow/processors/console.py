"""Events for a developer at a terminal."""

from __future__ import annotations

import re

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

import orjson

from structlog.typing import EventDict

from mohflow.processors.errors import StructuredExceptions, format_traceback
from mohflow.processors.logfmt import UNSAFE, UNSAFE_CODES, last_resort
from mohflow.processors.plain import Plain


INDENT = "    "
"""Begins every line of an event but its first."""

_LEVEL_WIDTH = 8
_EVENT_WIDTH = 30

_RESET = "\x1b[0m"
_DIM = "\x1b[2m"
_BOLD = "\x1b[1m"
_KEY = "\x1b[36m"
_ERROR = "\x1b[31m"
_LEVELS = {
    "trace": _DIM,
    "debug": "\x1b[34m",
    "info": "\x1b[32m",
    "warning": "\x1b[33m",
    "error": "\x1b[31m",
    "critical": "\x1b[1;37;41m",
}

_ON_EVERY_LINE = (
    "service",
    "environment",
    "correlation_id",
    "trace_id",
    "span_id",
    "trace_flags",
)
"""Seldom what a developer looks for: last, and dimmed."""

_LONG_ID = re.compile(r"[0-9a-fA-F-]{16,}")
_ID_DIGITS = 8

_ESCAPES = {
    code: f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
    for code in UNSAFE_CODES
} | {ord("\n"): "\\n", ord("\r"): "\\r", ord("\t"): "\\t"}
_BARE = re.compile(rf"""[^\s"'=\\{UNSAFE}]+""")
_NO_STRING = re.compile(
    r"[{\[].*|-?[0-9]+(\.[0-9]+)?(e[+-]?[0-9]+)?|true|false|null"
)
"""Text that would pass for a number, a list and so on without quotes."""

_MARGIN = re.compile(r" *[|+] | *(?=\+-)")
_CONNECTION = re.compile(
    r"(?:Traceback \(|Exception Group Traceback|The above exception"
    r"|During handling|-|\+|\.\.\.)"
)


class ConsoleRenderer:
    """
    Render an event as a line for people, with its traceback below.

    The line has the local time of day, the level, the event, the logger, the
    fields, and last, dimmed, the service and the ids, of which the last eight
    digits are shown. Characters that could forge a line or move the cursor
    are shown as escapes, and every further line is indented: an event cannot
    look like two. Lines of a message begin with a bar, so that they cannot
    look like frames. It never raises.

    Args:
        colors: Whether to use ANSI colours.
    """

    def __init__(self, colors: bool) -> None:  # noqa: FBT001 - the only one
        self._colors = colors

    def __call__(
        self, logger: Any, method_name: str, event_dict: EventDict, /
    ) -> bytes:
        try:
            if "exc_info" in event_dict:
                event_dict = StructuredExceptions()(
                    logger, method_name, dict(event_dict)
                )
            fields = Plain()(logger, method_name, event_dict)
            return "".join(self._lines(fields)).encode()
        except Exception:  # a line of JSON takes its place
            # The stack is full.
            return last_resort(event_dict)

    def _lines(self, fields: EventDict) -> Iterator[str]:
        below = [*_stack(fields), *self._traceback(fields)]
        parts = [*self._head(fields), *self._pairs(fields)]
        yield " ".join(parts).rstrip() + "\n"
        for line in below:
            yield f"{INDENT}{line}\n"

    def _head(self, fields: EventDict) -> Iterator[str]:
        if "timestamp" in fields:
            yield self._paint(_DIM, _time_of_day(fields.pop("timestamp")))
        if "level" in fields:
            level = _escaped(_text(fields.pop("level")))
            yield self._padded(_LEVELS.get(level, ""), level, _LEVEL_WIDTH)
        event = _escaped(_text(fields.pop("event", "")))
        yield self._padded(_BOLD, event, _EVENT_WIDTH)
        if "logger" in fields:
            name = _escaped(_text(fields.pop("logger")))
            yield self._paint(_DIM, f"[{name}]")

    def _pairs(self, fields: EventDict) -> Iterator[str]:
        for key, value in fields.items():
            if key not in _ON_EVERY_LINE:
                yield f"{self._paint(_KEY, _name(key))}={_shown(value)}"
        for key in _ON_EVERY_LINE:
            if key in fields:
                yield self._paint(_DIM, f"{key}={_short(fields[key])}")

    def _traceback(self, fields: EventDict) -> Iterable[str]:
        exception = fields.get("exception")
        if isinstance(exception, dict):
            del fields["exception"]
            text = format_traceback(_guarded(exception))
        elif isinstance(exception, str):
            del fields["exception"]
            text = "\n".join(map(_escaped, exception.split("\n")))
        else:
            return ()
        lines = text.rstrip("\n").split("\n")
        return self._painted(lines) if self._colors else lines

    def _painted(self, lines: list[str]) -> list[str]:
        """Return *lines* with the messages and the innermost frames lit."""
        painted = []
        is_innermost = True
        for line in reversed(lines):
            margin = _MARGIN.match(line)
            start = margin.end() if margin else 0
            body = line[start:]
            if body.startswith("  "):
                style = _BOLD if is_innermost else _DIM
                is_innermost &= not body.lstrip().startswith("File ")
            else:
                style = _DIM if _CONNECTION.match(body) else _ERROR
                is_innermost = True
            painted.append(line[:start] + self._paint(style, body))
        return painted[::-1]

    def _padded(self, style: str, text: str, width: int) -> str:
        return self._paint(style, text) + " " * (width - len(text))

    def _paint(self, style: str, text: str) -> str:
        if self._colors and style and text:
            return f"{style}{text}{_RESET}"
        return text


def _escaped(text: str) -> str:
    return text.translate(_ESCAPES)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _quoted(text: str) -> str:
    text = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{_escaped(text)}"'


def _name(key: str) -> str:
    return key if _BARE.fullmatch(key) else _quoted(key)


def _shown(value: Any) -> str:
    if not isinstance(value, str):
        return _escaped(_text(value))
    if _BARE.fullmatch(value) and not _NO_STRING.fullmatch(value):
        return value
    return _quoted(value)


def _short(value: Any) -> str:
    """Return the end of a long id, because ids often begin with the time."""
    if isinstance(value, str) and _LONG_ID.fullmatch(value):
        return "…" + value[-_ID_DIGITS:]
    return _shown(value)


def _time_of_day(timestamp: Any) -> str:
    text = _text(timestamp)
    try:
        time = datetime.fromisoformat(text).astimezone()
    except (ValueError, OverflowError, OSError):
        return _escaped(text)
    return time.strftime("%H:%M:%S.") + f"{time.microsecond // 1000:03d}"


def _stack(fields: EventDict) -> Iterator[str]:
    if isinstance(fields.get("stack"), str):
        yield from map(_escaped, fields.pop("stack").split("\n"))


def _guarded(value: Any) -> Any:
    """Return *value* with a bar before every line of a text but the first."""
    if isinstance(value, str):
        return "\n| ".join(map(_escaped, value.split("\n")))
    if isinstance(value, dict):
        return {_escaped(key): _guarded(v) for key, v in value.items()}
    if isinstance(value, list):
        return [_guarded(item) for item in value]
    return value
