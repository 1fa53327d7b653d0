"""The last touch on an event: when it was, how loud, in which order."""

from __future__ import annotations

import time

from typing import Any

from structlog.typing import EventDict

from mohflow._levels import NUMBERS
from mohflow.processors.render import json_text
from mohflow.processors.timestamp import Timestamp


HEAD = ("timestamp", "level", "event", "logger", "service", "environment")
"""The fields that come first in every line, in this order."""


def number_of(event_dict: EventDict, method_name: str) -> int:
    """Return the level as the last processor of the user left it."""
    number = event_dict.get("level_number")
    if type(number) is int:
        return number
    name = event_dict.get("level")
    default = NUMBERS.get(method_name, 0)
    return NUMBERS.get(name, default) if type(name) is str else default


def settle_time(event_dict: EventDict) -> int:
    """Return when the event happened; a timestamp of the user stays."""
    stamp = event_dict.get("timestamp")
    if type(stamp) is Timestamp:
        event_dict["timestamp"] = str(stamp)
        return stamp.ns
    now = time.time_ns()
    if stamp is None:
        event_dict["timestamp"] = str(Timestamp.at(now))
    return now


def in_order(fields: EventDict, method_name: str) -> dict[str, Any]:
    """Return *fields* with those of :data:`HEAD` in front."""
    sure = {"level": method_name, "event": ""}
    head = {
        k: fields.get(k, sure.get(k)) for k in HEAD if k in fields or k in sure
    }
    event = head["event"]
    if type(event) is not str:
        is_nested = isinstance(event, (dict, list))
        head["event"] = json_text(event) if is_nested else str(event)
    return head | {k: v for k, v in fields.items() if k not in head}
