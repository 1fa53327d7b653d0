"""One line of ``key=value`` pairs, for people and for Loki's ``| logfmt``."""

from __future__ import annotations

import re

from typing import TYPE_CHECKING, Any

import orjson

from mohflow._expression import expression
from mohflow.processors.errors import format_traceback
from mohflow.processors.plain import Plain, distinct
from mohflow.processors.render import JsonRenderer


if TYPE_CHECKING:
    from structlog.typing import EventDict


UNSAFE = (
    r"\x00-\x1f\x7f-\x9f"  # C0, DEL and C1 move cursors and end lines
    r"\u2028\u2029"  # end lines in some viewers
    r"\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # reorder the line
)
"""Characters that never reach a text as they are; for a regex's class."""

UNSAFE_CODES = sorted(
    map(ord, re.findall(f"[{UNSAFE}]", "".join(map(chr, range(0x206A)))))
)
"""The code points of these."""

_ESCAPES = {code: f"\\u{code:04x}" for code in UNSAFE_CODES}
_BARE = expression(rf'[^\s"=\\{UNSAFE}]+')
_NOT_IN_KEYS = expression(rf'[\s"=\\{UNSAFE}]')
_FIRST = ("timestamp", "level", "event")


class LogfmtRenderer:
    """
    Render an event as one line of logfmt; ends a chain.

    Quoted values are JSON strings. Nested values are JSON in a quoted value,
    an exception is its traceback. In keys, what logfmt cannot hold becomes
    an underscore. It never raises.
    """

    def __call__(
        self, logger: Any, method_name: str, event_dict: EventDict, /
    ) -> bytes:
        try:
            fields = Plain()(logger, method_name, event_dict)
            return (" ".join(_pairs(fields)) + "\n").encode()
        except Exception:  # a line of JSON takes its place
            # The stack is full.
            return last_resort(event_dict)


def last_resort(event_dict: EventDict) -> bytes:
    """Return *event_dict* as JSON without a character beyond ASCII."""
    line = JsonRenderer()(None, "", event_dict)
    text = line.decode("ascii", "backslashreplace")
    return text.replace("\x7f", "\\u007f").encode()


def _pairs(fields: EventDict) -> list[str]:
    ordered = {key: fields[key] for key in _FIRST if key in fields}
    ordered.update(fields)
    pairs: dict[str, str] = {}
    for key, value in ordered.items():
        name = distinct(_NOT_IN_KEYS.sub("_", key) or "_", pairs)
        text = _text(key, value)
        pairs[name] = text if _BARE.fullmatch(text) else _quoted(text)
    return [f"{name}={value}" for name, value in pairs.items()]


def _text(key: str, value: Any) -> str:
    if key == "exception" and isinstance(value, dict):
        return format_traceback(value).rstrip("\n")
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _quoted(text: str) -> str:
    return orjson.dumps(text).decode().translate(_ESCAPES)
