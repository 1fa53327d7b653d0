"""The wrapper class of every logger: it filters, and it never raises."""

from __future__ import annotations

import sys
import threading

from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import Any, Self

import structlog

from structlog import BoundLoggerBase, DropEvent
from structlog.typing import EventDict, Processor

from mohflow._faults import note_fault, run_contained, what_raised
from mohflow._levels import (
    CRITICAL,
    DEBUG,
    ERROR,
    INFO,
    STANDARD,
    WARNING,
    level_name,
    level_number,
)
from mohflow._pipeline import CHAIN, STAGE, THRESHOLDS, Output
from mohflow.diagnostics import complain
from mohflow.processors.level import set_aside


MAX_DEFERRED = 100
"""Events that one event may cause by being logged; more are dropped."""


class _Thread(threading.local):
    """What this thread is doing: an event may cause others on its way."""

    def __init__(self) -> None:
        self.is_busy = False
        self.deferred: list[tuple[Any, ...]] | None = []
        self.when_idle: list[Callable[[], None]] = []


_THREAD = _Thread()


def forget_call() -> None:
    """Let the child of a fork begin outside of any log call."""
    _THREAD.is_busy = False
    _THREAD.deferred = []
    _THREAD.when_idle = []


def when_idle(callback: Callable[[], None]) -> None:
    """Call *callback* as soon as this thread is not inside a log call."""
    if _THREAD.is_busy:
        _THREAD.when_idle.append(callback)
    else:
        callback()


def emit(
    processors: Iterable[Processor],
    output: Any,
    number: int,
    event_dict: EventDict,
) -> None:
    """
    Run the chain for one event and write what comes out of it.

    An event that is logged by a processor, a sink, a ``__repr__``, a
    finalizer or a signal handler while this thread is at it waits until the
    first one is written. What such an event causes in turn is dropped.
    """
    if THRESHOLDS.is_temporary:
        THRESHOLDS.settle()
        if number < THRESHOLDS.gate_of(output.name).level:
            return
    if number not in STANDARD:
        set_aside(event_dict, "level_number")
        event_dict["level_number"] = number
    call = (processors, output, level_name(number), event_dict)
    thread = _THREAD
    if thread.is_busy:
        _defer(thread, call)
        return
    thread.is_busy = True
    try:
        _run(*call)
        if thread.deferred:
            caused, thread.deferred = thread.deferred, None
            for later in caused:
                _run(*later)
    finally:
        thread.deferred = []
        thread.is_busy = False
        while thread.when_idle:
            thread.when_idle.pop()()


def _defer(thread: _Thread, call: tuple[Any, ...]) -> None:
    if thread.deferred is None or len(thread.deferred) >= MAX_DEFERRED:
        complain(
            "recursion",
            "logging an event caused further events, and these caused more: "
            "a processor, a sink or a __repr__ logs. They are dropped.",
        )
        return
    event_dict = call[-1]
    if event_dict.get("exc_info") is True:
        event_dict["exc_info"] = sys.exc_info()
    thread.deferred.append(call)


def _run(
    processors: Iterable[Processor],
    output: Any,
    method_name: str,
    event_dict: EventDict,
) -> None:
    """Run the list of structlog, as a user may have changed it."""
    *first, last = processors
    try:
        event_dict = run_contained(first, output, method_name, event_dict)
        try:
            result: Any = last(output, method_name, event_dict)
        except Exception as error:  # noqa: BLE001 - noted in the event
            note_fault(event_dict, last, what_raised(error))
            result = STAGE(output, method_name, event_dict)
        args, kwargs = result if type(result) is tuple else ((result,), {})
        getattr(output, method_name)(*args, **kwargs)
    except DropEvent:
        return
    except Exception as error:  # noqa: BLE001 - counted, said on stderr
        complain(
            "emit",
            f"an event was lost on its way: {what_raised(error)}. "
            "Please report this.",
        )


def _fields(
    context: Mapping[str, Any], event: Any, args: Any, values: dict[str, Any]
) -> EventDict:
    """Return the event dict of a call; *event* is interpolated if it can."""
    fields = {**context, **values}
    set_aside(fields, "event")
    if args:
        try:
            event = event % _operand(args)
        except Exception:  # noqa: BLE001 - the line shows both parts instead
            set_aside(fields, "positional_args")
            fields["positional_args"] = list(args)
    fields["event"] = event
    return fields


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
        if number >= self._gate.threshold:
            self._emit(number, event, args, values)

    method.__name__ = name
    method.__qualname__ = f"BoundLogger.{name}"
    method.__doc__ = f"Log ``event % args`` with *values* at level {number}."
    return method


def _async_method(name: str, number: int) -> AsyncMethod:
    async def method(
        self: BoundLogger, event: Any = None, /, *args: Any, **values: Any
    ) -> None:
        if number >= self._gate.threshold:
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
        if not isinstance(logger, Output):
            logger = THRESHOLDS.gate_of(_name_of(logger))
        self._gate = logger

    def _emit(
        self, number: int, event: Any, args: Any, values: dict[str, Any]
    ) -> None:
        is_ours = self._processors is CHAIN
        emit(
            self._processors,
            self._gate if is_ours else self._logger,
            number,
            _fields(self._context, event, args, values),
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
        if number >= self._gate.threshold:
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
    except (ValueError, AttributeError, TypeError):
        complain(
            "level",
            f"unknown level {level!r:.40} in a call of log(): the event is "
            "written at level info.",
        )
        return INFO
