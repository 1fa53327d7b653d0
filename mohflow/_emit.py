"""
The way of one event from a call to the sinks, which nothing can break.

The only state is what each thread is doing; see :class:`_Thread`.
"""

from __future__ import annotations

import sys
import threading

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from structlog import DropEvent
from structlog.typing import EventDict, Processor

from mohflow._faults import note_fault, run_contained, what_raised
from mohflow._levels import STANDARD, level_name
from mohflow._pipeline import STAGE, THRESHOLDS
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


def is_busy() -> bool:
    """Return whether this thread is inside a log call."""
    return _THREAD.is_busy


def when_idle(callback: Callable[[], None]) -> None:
    """Call *callback* as soon as this thread is not inside a log call."""
    if _THREAD.is_busy:
        _THREAD.when_idle.append(callback)
    else:
        callback()


@contextmanager
def undisturbed() -> Iterator[None]:
    """
    Hold back what this thread logs, until the block has given up its locks.

    Finalizers and signal handlers may run, and log, at any point of it.
    """
    thread = _THREAD
    if thread.is_busy:
        yield
        return
    thread.is_busy = True
    try:
        yield
    finally:
        thread.is_busy = False
        if thread.deferred or thread.when_idle:
            _catch_up(thread)


def _catch_up(thread: _Thread) -> None:
    """Write what was held back; what that causes in turn is dropped."""
    caused, thread.deferred = thread.deferred or [], None
    thread.is_busy = True
    try:
        while caused:
            _run(*caused.pop(0))
    finally:
        thread.is_busy = False
        thread.deferred = caused
        while thread.when_idle:
            thread.when_idle.pop()()


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
    finally:
        # Assigned here: no call in between, which the exception of a signal
        # handler could prevent, and the thread would be busy for ever.
        thread.is_busy = False
        if thread.deferred or thread.when_idle:
            _catch_up(thread)


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
    # A logger may have been made with a list of its own, even an empty one.
    *first, last = tuple(processors) or (STAGE,)
    try:
        event_dict = run_contained(first, output, method_name, event_dict)
        try:
            result: Any = last(output, method_name, event_dict)
        except Exception as error:  # noted in the event
            note_fault(event_dict, last, what_raised(error))
            result = STAGE(output, method_name, event_dict)
        args, kwargs = result if type(result) is tuple else ((result,), {})
        getattr(output, method_name)(*args, **kwargs)
    except DropEvent:
        return
    except Exception as error:  # counted, said on stderr
        complain(
            "emit",
            f"an event was lost on its way: {what_raised(error)}. "
            "Please report this.",
        )
