"""Events for a developer at a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import orjson

from mohflow._expression import expression
from mohflow.processors._local_time import LocalTime
from mohflow.processors._remembered import Remembered
from mohflow.processors.errors import StructuredExceptions, format_traceback
from mohflow.processors.logfmt import UNSAFE, UNSAFE_CODES, last_resort
from mohflow.processors.plain import Plain


if TYPE_CHECKING:
    from structlog.typing import EventDict


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

ON_EVERY_LINE = dict.fromkeys(
    (
        "service",
        "environment",
        "correlation_id",
        "trace_id",
        "span_id",
        "trace_flags",
    )
)
"""Seldom what a developer looks for: last, and dimmed."""

_ID_LENGTH = 16
_ID = expression(f"[0-9a-fA-F-]{{{_ID_LENGTH},}}")
_ID_DIGITS = 8

_ESCAPES = {
    code: f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
    for code in UNSAFE_CODES
} | {ord("\n"): "\\n", ord("\r"): "\\r", ord("\t"): "\\t"}
_BARE = expression(rf"""[^\s"'=\\{UNSAFE}]+""")
_PLAIN = expression(
    # What would pass for a number, a list and so on gets quotes.
    r"(?!(?:[{\[].*|-?[0-9]+(\.[0-9]+)?(e[+-]?[0-9]+)?|true|false|null)\Z)"
    rf"{_BARE.pattern}"
)

_MARGIN = expression(r" *[|+] | *(?=\+-)")
_CONNECTION = expression(
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
        dates: Whether the date stands before the time of day.
    """

    def __init__(
        self,
        colors: bool,  # noqa: FBT001 - the only one
        *,
        dates: bool = False,
    ) -> None:
        self._colors = colors
        self._clock = LocalTime(dates=dates)
        self._levels = Remembered(self._level)
        self._events = Remembered(self._event)
        self._loggers = Remembered(self._logger)
        self._names = Remembered(self._painted_name)
        self._dim_names = Remembered(self._dim_name)
        self._dim = _DIM if colors else ""
        self._end = _RESET if colors else ""

    def __call__(
        self, logger: Any, method_name: str, event_dict: EventDict, /
    ) -> bytes:
        try:
            if "exc_info" in event_dict:
                event_dict = StructuredExceptions()(
                    logger, method_name, dict(event_dict)
                )
            fields = Plain()(logger, method_name, event_dict)
            return self.text(fields).encode()
        except Exception:  # a line of JSON takes its place
            # The stack is full.
            return last_resort(event_dict)

    def text(self, fields: EventDict) -> str:
        """
        Return the lines of an event that holds only what JSON can hold.

        Args:
            fields: Emptied of what was shown before the fields.

        Raises:
            TypeError: A value is nested too deeply, or is not of JSON.
        """
        below: list[str] = []
        if "stack" in fields or "exception" in fields:
            below = [*_stack(fields), *self._traceback(fields)]
        parts = self._head(fields)
        names = self._names
        has_ids = False
        for key, value in fields.items():
            if key in ON_EVERY_LINE:
                has_ids = True
            elif type(value) is str and _PLAIN.fullmatch(value):
                parts.append(names[key] + value)
            elif type(value) is int:
                parts.append(f"{names[key]}{value}")
            else:
                parts.append(names[key] + _shown(value))
        if has_ids:
            parts += self._tail(fields)
        line = " ".join(parts).rstrip() + "\n"
        if below:
            line += "".join([f"{INDENT}{text}\n" for text in below])
        return line

    def _head(self, fields: EventDict) -> list[str]:
        parts = []
        if "timestamp" in fields:
            text = _text(fields.pop("timestamp"))
            time = self._clock.show(text) or escaped(text)
            parts.append(f"{self._dim}{time}{self._end}")
        if "level" in fields:
            parts.append(self._levels[_text(fields.pop("level"))])
        parts.append(self._events[_text(fields.pop("event", ""))])
        if "logger" in fields:
            parts.append(self._loggers[_text(fields.pop("logger"))])
        return parts

    def _tail(self, fields: EventDict) -> list[str]:
        names, end = self._dim_names, self._end
        return [
            f"{names[key]}{_short(fields[key])}{end}"
            for key in ON_EVERY_LINE
            if key in fields
        ]

    def _level(self, level: str) -> str:
        text = escaped(level)
        return self._padded(_LEVELS.get(text, ""), text, _LEVEL_WIDTH)

    def _event(self, event: str) -> str:
        return self._padded(_BOLD, escaped(event), _EVENT_WIDTH)

    def _logger(self, name: str) -> str:
        return self._paint(_DIM, f"[{escaped(name)}]")

    def _painted_name(self, key: str) -> str:
        return self._paint(_KEY, _name(key)) + "="

    def _dim_name(self, key: str) -> str:
        return f"{self._dim}{key}="

    def _traceback(self, fields: EventDict) -> Iterable[str]:
        exception = fields.get("exception")
        if isinstance(exception, dict):
            del fields["exception"]
            text = format_traceback(_guarded(exception))
        elif isinstance(exception, str):
            del fields["exception"]
            text = "\n".join(map(escaped, exception.split("\n")))
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


def escaped(text: str) -> str:
    """Return *text* with what moves a cursor or ends a line as escapes."""
    return text if text.isprintable() else text.translate(_ESCAPES)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _quoted(text: str) -> str:
    text = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped(text)}"'


def _name(key: str) -> str:
    return key if _BARE.fullmatch(key) else _quoted(key)


def _shown(value: Any) -> str:
    if isinstance(value, str):
        return value if _PLAIN.fullmatch(value) else _quoted(value)
    return escaped(_text(value))


def _short(value: Any) -> str:
    """Return the end of a long id, because ids often begin with the time."""
    if isinstance(value, str):
        if len(value) >= _ID_LENGTH and _ID.fullmatch(value):
            return "…" + value[-_ID_DIGITS:]
        if _PLAIN.fullmatch(value):
            return value
    return _shown(value)


def _stack(fields: EventDict) -> Iterator[str]:
    if isinstance(fields.get("stack"), str):
        yield from map(escaped, fields.pop("stack").split("\n"))


def _guarded(value: Any) -> Any:
    """Return *value* with a bar before every line of a text but the first."""
    if isinstance(value, str):
        return "\n| ".join(map(escaped, value.split("\n")))
    if isinstance(value, dict):
        return {escaped(key): _guarded(v) for key, v in value.items()}
    if isinstance(value, list):
        return [_guarded(item) for item in value]
    return value
