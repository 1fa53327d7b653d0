"""Which lines of servers and frameworks say what an event of ours says."""

from __future__ import annotations

import logging

from contextvars import ContextVar
from typing import Any

from mohflow.stdlib import leave_out


CURRENT: ContextVar[Any] = ContextVar("mohflow_current", default=None)
"""The request or task that this context serves; its event is still to come."""

ACCESS_LOGGERS = (
    "uvicorn.access",
    "gunicorn.access",
    "hypercorn.access",
    "django.server",
    "werkzeug",
)
"""Loggers by which servers tell of each request."""

_MARK = "__mohflow_logged__"

_MAX_DEPTH = 10


def claim(error: BaseException) -> None:
    """Note that an event of ours shows *error*."""
    # A class of exceptions may refuse attributes, but not its dictionary.
    error.__dict__[_MARK] = True


def is_claimed(error: BaseException, depth: int = 0) -> bool:
    """Return whether *error*, or one that it groups, is shown by an event."""
    if _MARK in error.__dict__:
        return True
    return (
        depth < _MAX_DEPTH
        and isinstance(error, BaseExceptionGroup)
        and all(is_claimed(inner, depth + 1) for inner in error.exceptions)
    )


def _is_told_elsewhere(record: logging.LogRecord) -> bool:
    error = record.exc_info[1] if record.exc_info else None
    if error is not None:
        return is_claimed(error)
    # Django tells of each answer from 400 on by this logger.
    return record.name == "django.request" and CURRENT.get() is not None


def silence() -> None:
    """
    Leave out what servers and frameworks say of the requests that we tell of.

    No record is made of the access lines of these requests; exceptions that
    our event shows reach every handler but ours. No handler is removed.
    """
    leave_out(_is_told_elsewhere)
    for name in ACCESS_LOGGERS:
        _mute(logging.getLogger(name))


def _mute(logger: logging.Logger) -> None:
    """Disable *logger* while a request is served that we tell of."""
    enabled = type(logger).isEnabledFor
    # Werkzeug has one logger for requests and for what goes wrong.
    loudest = logging.INFO if logger.name == "werkzeug" else logging.CRITICAL

    def is_enabled_for(level: int) -> bool:
        if level <= loudest and CURRENT.get() is not None:
            return False
        return enabled(logger, level)

    # A filter would see the record, which takes most of the time.
    logger.isEnabledFor = is_enabled_for  # type: ignore[method-assign]
