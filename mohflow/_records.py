"""What a record of the standard library's logging says."""

from __future__ import annotations

import logging

from typing import Any

from mohflow.processors.level import set_aside


OWN_ATTRIBUTES = frozenset(vars(logging.makeLogRecord({}))) | {
    "asctime",
    "color_message",
    "message",
    "taskName",
}
"""What a record has by itself, by formatters, or by uvicorn: no fields."""

FEW = frozenset({"exc_info", "stack", "positional_args"})
"""Fields of records that the fused chain has no use for."""


def fields_of(record: logging.LogRecord) -> dict[str, Any]:
    """Return the event dict of *record*: its message, extras, exception."""
    fields = {
        key: value
        for key, value in vars(record).items()
        if key not in OWN_ATTRIBUTES
    }
    set_aside(fields, "event")
    try:
        fields["event"] = record.getMessage()
    except Exception:  # the line shows both parts instead
        fields["event"] = record.msg
        set_aside(fields, "positional_args")
        fields["positional_args"] = record.args
    if record.exc_info:
        fields["exc_info"] = record.exc_info
    if record.stack_info:
        set_aside(fields, "stack")
        fields["stack"] = record.stack_info
    return fields
