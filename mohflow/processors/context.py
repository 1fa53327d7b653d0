"""What every event of a process or of a request carries."""

from __future__ import annotations

import sys

from collections.abc import Callable, Mapping
from typing import Any

from structlog import contextvars

from mohflow.processors.level import set_aside
from mohflow.typing import EventDict


MAX_VARIABLES = 64
"""Names bound in this process up to which each is asked for by itself."""

_PREFIX = len(contextvars.STRUCTLOG_KEY_PREFIX)
_VARIABLES: dict[str, Any] = contextvars._CONTEXT_VARS  # noqa: SLF001 - asked for one by one
_PLACES: dict[str, int] = {}
_GETTERS: list[tuple[str, Callable[[], Any]]] = []


def context_fields() -> dict[str, Any]:
    """
    Return a copy of what is bound to the context, first bound first.

    :func:`structlog.contextvars.get_contextvars` copies the whole context of
    the program and looks through it.
    """
    if len(_GETTERS) != len(_VARIABLES):
        if len(_VARIABLES) > MAX_VARIABLES:
            return _ordered(contextvars.get_contextvars())
        _GETTERS[:] = [
            (name[_PREFIX:], variable.get)
            for name, variable in _VARIABLES.copy().items()
        ]
    fields = {}
    for name, get in _GETTERS:
        value = get()
        if value is not ...:
            fields[name] = value
    return fields


def replace_context(old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    """Bind *new* instead of *old*, which is what is bound now."""
    for name in old:
        if name not in new:
            contextvars.unbind_contextvars(name)
    for name, value in new.items():
        if old.get(name, ...) is value:
            continue
        variable = _VARIABLES.get(f"{contextvars.STRUCTLOG_KEY_PREFIX}{name}")
        if variable is None:
            contextvars.bind_contextvars(**{name: value})
        else:
            variable.set(value)


def _ordered(fields: dict[str, Any]) -> dict[str, Any]:
    """Return *fields* in the order in which their names were first bound."""
    if len(_PLACES) != len(_VARIABLES):
        for place, name in enumerate(_VARIABLES.copy()):
            _PLACES[name[_PREFIX:]] = place
    return {name: fields[name] for name in sorted(fields, key=_PLACES.get)}  # type: ignore[arg-type]


def merge_contextvars(
    logger: Any, method_name: str, event_dict: EventDict
) -> EventDict:
    """
    Put what :func:`structlog.contextvars.bind_contextvars` bound in front.

    Fields of the logger and of the call win over those of the context.
    structlog's processor of the same name adds the context behind them.
    """
    context = context_fields()
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
        self.fields = {k: v for k, v in fields.items() if v is not None}

    def __call__(
        self, logger: Any, method_name: str, event_dict: EventDict
    ) -> EventDict:
        for key, value in self.fields.items():
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
