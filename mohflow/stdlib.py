"""
The standard library's logging, warnings and their configuration.

One plain handler on the root logger turns each record into an event of the
same chain, in the thread that logged it. Nothing else is added to logging.
"""

from __future__ import annotations

import logging
import logging.config
import sys
import warnings

from collections.abc import Callable, Iterable
from typing import Any

from mohflow._emit import emit
from mohflow._levels import STANDARD, WARNING
from mohflow._pipeline import STAGE, THRESHOLDS
from mohflow._records import FEW, fields_of
from mohflow._thresholds import ROOT
from mohflow.delivery.worker import is_worker
from mohflow.processors.context import merge_contextvars


RECORD_CHAIN = (merge_contextvars, STAGE)
"""What records go through, whatever ``capture_logs()`` does to the list."""

SERVER_LOGGERS = (
    "uvicorn",
    "uvicorn.error",
    "uvicorn.access",
    "gunicorn.error",
    "gunicorn.access",
    "hypercorn.error",
    "hypercorn.access",
    "django.server",
)
"""Loggers that servers cut off from root and give a console of their own."""

ECHO_LOGGERS = ("sqlalchemy.engine.Engine",)
"""Loggers that get a console beside root's when they have no handler; they
get one that does nothing."""

CLIENT_LOGGERS = ("httpx", "httpcore")
"""What our own requests are logged by, as well as those of the program."""

_LEFT_OUT: list[Callable[[logging.LogRecord], bool]] = []


class PipelineHandler(logging.Handler):
    """Turn records into events; it takes no lock and never raises."""

    def createLock(self) -> None:  # noqa: N802 - the name that logging calls
        """Have no lock: the chain needs none, and forks are safe without."""
        self.lock = None

    def handle(self, record: logging.LogRecord) -> bool:
        """Write *record* if the filters of this handler let it through."""
        if any(is_other(record) for is_other in _LEFT_OUT):
            return False
        verdict = self.filter(record)
        if isinstance(verdict, logging.LogRecord):
            record = verdict
        if verdict:
            self.emit(record)
        return bool(verdict)

    def emit(self, record: logging.LogRecord) -> None:
        """Write *record* as an event."""
        if is_worker() and record.name.startswith(CLIENT_LOGGERS):
            # A line for each of our own requests is nobody's event.
            return
        output, number = THRESHOLDS.gate_of(record.name), record.levelno
        if number < output.threshold:
            return
        fields = fields_of(record)
        if number in STANDARD and FEW.isdisjoint(fields):
            event = fields.pop("event")
            if STAGE.pipeline.fast(output, number, {}, event, fields):
                return
            fields["event"] = event
        emit(RECORD_CHAIN, output, number, fields)


def leave_out(is_other: Callable[[logging.LogRecord], bool]) -> None:
    """
    Make no event of the records that *is_other* returns true for.

    For integrations that tell the same in an event of their own. Other
    handlers still get these records. *is_other* must not raise.
    """
    if is_other not in _LEFT_OUT:
        _LEFT_OUT.append(is_other)


class StdlibCapture:
    """
    Route the standard library's logging and warnings into the chain.

    Functions that configure logging anew, as Alembic, uvicorn, Django and
    ``basicConfig(force=True)`` do, are followed by a check: what they took
    away is put back, and an event says so.
    """

    def __init__(self) -> None:
        self.handler = PipelineHandler()
        self._nothing = logging.NullHandler()
        self._undo: list[Callable[[], None]] = []
        self._levels: dict[str, int] = {}

    def start(self) -> None:
        """Begin to capture; a second call changes nothing."""
        if self._undo:
            return
        self._attach()
        self._replace(warnings, "showwarning", self._show_warning)
        for module, name in (
            (logging, "basicConfig"),
            (logging.config, "dictConfig"),
            (logging.config, "fileConfig"),
        ):
            function = getattr(module, name)
            self._replace(module, name, self._followed_by_check(function))
        self._undo.append(THRESHOLDS.listen(self._set_levels))

    def stop(self) -> None:
        """Put everything back as it was before :meth:`start`."""
        while self._undo:
            self._undo.pop()()
        for name, level in self._levels.items():
            logging.getLogger(name or None).setLevel(level)
        self._levels.clear()

    def watch(self) -> None:
        """Notice that our handler went without one of those functions."""
        if self._undo and self.handler not in logging.getLogger().handlers:
            self.check("unknown", _disabled())

    def check(self, cause: str, disabled_before: Iterable[str]) -> None:
        """
        Put back what something has taken away, and say what it was.

        Args:
            cause: The function that did it, for the event.
            disabled_before: Loggers that were disabled already.
        """
        is_removed = self.handler not in logging.getLogger().handlers
        silenced = sorted(_disabled().difference(disabled_before))
        for name in silenced:
            logging.getLogger(name).disabled = False
        self._attach()
        if is_removed or silenced:
            event = {
                "event": "logging_hijacked",
                "by": cause,
                "handler_removed": is_removed,
                "loggers_enabled_again": silenced,
            }
            output = THRESHOLDS.gate_of("mohflow")
            emit(RECORD_CHAIN, output, WARNING, event)

    def _attach(self) -> None:
        root = logging.getLogger()
        self._add(root, self.handler)
        self._take_over(root)
        for name, logger in _loggers().items():
            if name in SERVER_LOGGERS or _reaches_root(logger):
                self._take_over(logger)
        for name in ECHO_LOGGERS:
            self._add(logging.getLogger(name), self._nothing)
        self._set_levels()

    def _add(self, logger: logging.Logger, handler: logging.Handler) -> None:
        """Add *handler*, unless it is there already, and remember to undo."""
        if handler not in logger.handlers:
            logger.addHandler(handler)
            self._undo.insert(0, lambda: logger.removeHandler(handler))

    def _take_over(self, logger: logging.Logger) -> None:
        """Remove consoles that would show every record a second time."""
        consoles = [h for h in logger.handlers if _is_console(h)]
        for handler in consoles:
            logger.removeHandler(handler)
            self._undo.append(lambda h=handler: logger.addHandler(h))  # type: ignore[misc]
        if consoles and not logger.propagate:
            logger.propagate = True
            self._undo.append(lambda: setattr(logger, "propagate", False))

    def _set_levels(self) -> None:
        """Let through, at their source, the records that are wanted now."""
        wanted = THRESHOLDS.by_name()
        for name in self._levels.keys() - wanted.keys():
            logging.getLogger(name).setLevel(self._levels.pop(name))
        for name, level in wanted.items():
            logger = logging.getLogger(name or None)
            self._levels.setdefault(name, logger.level)
            logger.setLevel(max(level, 1) if name == ROOT else level)

    def _replace(self, owner: Any, name: str, new: Any) -> None:
        """Set an attribute; undo it later unless somebody else has set it."""
        old = getattr(owner, name)
        setattr(owner, name, new)

        def undo() -> None:
            if getattr(owner, name) is new:
                setattr(owner, name, old)

        self._undo.append(undo)

    def _followed_by_check(
        self, function: Callable[..., None]
    ) -> Callable[..., None]:
        cause = f"{function.__module__}.{function.__name__}"

        def configure(*args: Any, **kwargs: Any) -> None:
            disabled = _disabled()
            try:
                function(*args, **kwargs)
            finally:
                self.check(cause, disabled)

        configure.__name__ = function.__name__
        configure.__doc__ = function.__doc__
        configure.__wrapped__ = function  # type: ignore[attr-defined]
        return configure

    def _show_warning(
        self,
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: Any = None,
        line: str | None = None,
    ) -> None:
        output = THRESHOLDS.gate_of("py.warnings")
        if output.threshold <= WARNING:
            event = {
                "event": str(message),
                "category": category.__name__,
                "file": filename,
                "line": lineno,
            }
            emit(RECORD_CHAIN, output, WARNING, event)


def _disabled() -> set[str]:
    """Return the names of the loggers that are switched off."""
    return {name for name, logger in _loggers().items() if logger.disabled}


def _loggers() -> dict[str, logging.Logger]:
    """Return the loggers that exist, but for root."""
    named = list(logging.Logger.manager.loggerDict.items())
    return {k: v for k, v in named if isinstance(v, logging.Logger)}


def _reaches_root(logger: logging.Logger) -> bool:
    """Return whether root sees the records, and so a console is one more."""
    ancestor: logging.Logger | None = logger
    while ancestor is not None and ancestor.propagate:
        ancestor = ancestor.parent
    return ancestor is None


def _is_console(handler: logging.Handler) -> bool:
    """Return whether *handler* is a plain one that writes to a terminal."""
    if not isinstance(handler, logging.StreamHandler):
        return False
    is_plain = type(handler).__module__ in {"logging", "uvicorn.logging"}
    streams = (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__)
    return is_plain and handler.stream in streams
