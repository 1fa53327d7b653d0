"""What every event of a process or of a request carries."""

from __future__ import annotations

import sys

from typing import Any

from structlog.contextvars import get_contextvars

from mohflow.processors.level import set_aside
from mohflow.typing import EventDict


def merge_contextvars(
    logger: Any, method_name: str, event_dict: EventDict
) -> EventDict:
    """
    Put what :func:`structlog.contextvars.bind_contextvars` bound in front.

    Fields of the logger and of the call win over those of the context.
    structlog's processor of the same name adds the context behind them.
    """
    context = get_contextvars()
    if not context:
        return event_dict
    set_aside(context, "event")
    context.update(event_dict)
    return context


class StaticFields:
    """
    Add fields that are the same for the whole process.

    They are not context variables, so ``clear_contextvars()`` cannot take
    them away. A field of the context or of the call wins over them.

    Args:
        fields: Names and values; those that are ``None`` are left out.
    """

    def __init__(self, **fields: Any) -> None:
        self._fields = {k: v for k, v in fields.items() if v is not None}

    def __call__(
        self, logger: Any, method_name: str, event_dict: EventDict
    ) -> EventDict:
        for key, value in self._fields.items():
            event_dict.setdefault(key, value)
        return event_dict


def add_logger_name(
    logger: Any, method_name: str, event_dict: EventDict
) -> EventDict:
    """Add ``logger``: the name that the logger was made with, if any."""
    name = getattr(logger, "name", None)
    if name:
        event_dict.setdefault("logger", name)
    return event_dict


def add_trace_ids(
    logger: Any, method_name: str, event_dict: EventDict
) -> EventDict:
    """
    Add ``trace_id``, ``span_id``, ``trace_flags`` of the active span.

    OpenTelemetry is asked only where the program has imported it. The ids are
    lower-case hex of 32, 16 and 2 digits, as W3C Trace Context writes them.
    An event that has the ids of the caller's span, from ``traceparent``, gets
    those of the active span of the same trace instead.
    """
    trace = sys.modules.get("opentelemetry.trace")
    if trace is None:
        return event_dict
    span = trace.get_current_span().get_span_context()
    if span.is_valid:
        trace_id = f"{span.trace_id:032x}"
        if event_dict.setdefault("trace_id", trace_id) == trace_id:
            event_dict["span_id"] = f"{span.span_id:016x}"
            event_dict["trace_flags"] = f"{span.trace_flags:02x}"
    return event_dict
