"""The wrapper class of every logger: it filters, and it never raises."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import Any, Self

import structlog

from structlog import BoundLoggerBase
from structlog.typing import EventDict, Processor

from mohflow._emit import emit
from mohflow._levels import (
    CRITICAL,
    DEBUG,
    ERROR,
    INFO,
    STANDARD,
    WARNING,
    level_number,
)
from mohflow._pipeline import CHAIN, STAGE, THRESHOLDS, Output
from mohflow.diagnostics import complain
from mohflow.processors.level import set_aside


def _fields(
    context: Mapping[str, Any], event: Any, args: Any, values: dict[str, Any]
) -> EventDict:
    """Return the event dict of a call, with *args* that did not fit."""
    fields = {**context, **values}
    set_aside(fields, "event")
    if args:
        set_aside(fields, "positional_args")
        fields["positional_args"] = list(args)
    fields["event"] = event
    return fields


def _interpolated(event: Any, args: tuple[Any, ...]) -> tuple[Any, Any]:
    """Return ``event % args`` and nothing, or both as they are."""
    try:
        return event % _operand(args), ()
    except Exception:  # the line shows both parts instead
        return event, args


def _operand(args: tuple[Any, ...]) -> Any:
    """Return what ``%`` takes; one mapping stands for its own keys."""
    is_mapping = len(args) == 1 and isinstance(args[0], Mapping)
    return args[0] if is_mapping and args[0] else args


Method = Callable[..., None]
AsyncMethod = Callable[..., Coroutine[Any, Any, None]]


def _method(name: str, number: int) -> Method:
    def method(
        self: BoundLogger, event: Any = None, /, *args: Any, **values: Any
    ) -> None:
        if number >= self._gate.threshold and (
            args
            or self._processors is not CHAIN
            or not STAGE.pipeline.fast(
                self._gate, number, self._context, event, values
            )
        ):
            self._emit(number, event, args, values)

    method.__name__ = name
    method.__qualname__ = f"BoundLogger.{name}"
    method.__doc__ = f"Log ``event % args`` with *values* at level {number}."
    return method


def _async_method(name: str, number: int) -> AsyncMethod:
    async def method(
        self: BoundLogger, event: Any = None, /, *args: Any, **values: Any
    ) -> None:
        if number >= self._gate.threshold and (
            args
            or self._processors is not CHAIN
            or not STAGE.pipeline.fast(
                self._gate, number, self._context, event, values
            )
        ):
            self._emit(number, event, args, values)

    method.__name__ = f"a{name}"
    method.__qualname__ = f"BoundLogger.a{name}"
    method.__doc__ = f"Like :meth:`{name}`, in the task of the caller."
    return method


class BoundLogger(BoundLoggerBase):
    """
    The logger that every program of MohFlow holds.

    It has the methods of structlog's filtering loggers. A call below the
    threshold costs one comparison; no call raises; an ``a*`` method runs in
    the task of the caller and hops to no thread.
    """

    def __init__(
        self, logger: Any, processors: Iterable[Processor], context: Any
    ) -> None:
        super().__init__(logger, processors, context)
        self._gate = (
            logger
            if isinstance(logger, Output)
            else THRESHOLDS.gate_of(_name_of(logger))
        )

    def _emit(
        self, number: int, event: Any, args: Any, values: dict[str, Any]
    ) -> None:
        """Interpolate, if need be, and take the chain if nothing else can."""
        is_ours = self._processors is CHAIN
        if args:
            event, args = _interpolated(event, args)
            if not args and is_ours and self._fast(number, event, values):
                return
        emit(
            self._processors,
            self._gate if is_ours else self._logger,
            number,
            _fields(self._context, event, args, values),
        )

    def _fast(self, number: int, event: Any, values: dict[str, Any]) -> bool:
        """Return whether the fused chain has taken an event of any level."""
        return number in STANDARD and STAGE.pipeline.fast(
            self._gate, number, self._context, event, values
        )

    debug, adebug = _method("debug", DEBUG), _async_method("debug", DEBUG)
    info, ainfo = _method("info", INFO), _async_method("info", INFO)
    warning = _method("warning", WARNING)
    awarning = _async_method("warning", WARNING)
    error, aerror = _method("error", ERROR), _async_method("error", ERROR)
    critical = _method("critical", CRITICAL)
    acritical = _async_method("critical", CRITICAL)
    msg, amsg, warn, awarn = info, ainfo, warning, awarning
    fatal, afatal, err, aerr = critical, acritical, error, aerror

    def exception(
        self, event: Any = None, /, *args: Any, **values: Any
    ) -> None:
        """Log at error level, with the exception being handled."""
        if self._gate.threshold <= ERROR:
            values.setdefault("exc_info", True)
            self._emit(ERROR, event, args, values)

    async def aexception(
        self, event: Any = None, /, *args: Any, **values: Any
    ) -> None:
        """Like :meth:`exception`, in the task of the caller."""
        self.exception(event, *args, **values)

    def log(
        self,
        level: int | str,
        event: Any = None,
        /,
        *args: Any,
        **values: Any,
    ) -> None:
        """Log at *level*: any number, or a name; unknown names are info."""
        number = _number(level)
        if number >= self._gate.threshold and (
            args
            or self._processors is not CHAIN
            or not self._fast(number, event, values)
        ):
            self._emit(number, event, args, values)

    async def alog(
        self,
        level: int | str,
        event: Any = None,
        /,
        *args: Any,
        **values: Any,
    ) -> None:
        """Like :meth:`log`, in the task of the caller."""
        self.log(level, event, *args, **values)

    def bind(self, /, **new_values: Any) -> Self:
        """Return a logger with *new_values* added to the fields of this."""
        context = self._context.__class__(self._context)
        context.update(new_values)
        return self.__class__(self._logger, self._processors, context)

    def is_enabled_for(self, level: int) -> bool:
        """Return whether an event at *level* would be written now."""
        THRESHOLDS.settle()
        return level >= self._gate.level

    def get_effective_level(self) -> int:
        """Return the number of the lowest level that is written now."""
        THRESHOLDS.settle()
        return self._gate.level

    def __hash__(self) -> int:
        return id(self._logger)

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, (self._gate.name, dict(self._context))


def _restore(name: str | None, context: dict[str, Any]) -> Any:
    """Return an unpickled logger, configured as its new process is."""
    return structlog.get_logger(name).bind(**context)


def _name_of(logger: Any) -> str | None:
    name = getattr(logger, "name", None)
    return name if isinstance(name, str) else None


def _number(level: int | str) -> int:
    try:
        return level_number(level)
    except ValueError:
        complain(
            "level",
            f"unknown level {level!r:.40} in a call of log(): the event is "
            "written at level info.",
        )
        return INFO
