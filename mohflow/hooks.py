"""
Exceptions that nobody catches: logged once, then left to the hook before.

Tasks of asyncio need no hook: their loop logs them through the standard
library's logger ``asyncio``.
"""

from __future__ import annotations

import sys
import threading

from collections.abc import Callable
from types import TracebackType
from typing import Any

from mohflow._emit import emit
from mohflow._levels import CRITICAL, ERROR
from mohflow._pipeline import THRESHOLDS
from mohflow.stdlib import RECORD_CHAIN


def _log(event: str, error: BaseException, number: int, **fields: Any) -> None:
    output = THRESHOLDS.gate_of("mohflow")
    if number >= output.threshold:
        fields |= {"event": event, "exc_info": error}
        emit(RECORD_CHAIN, output, number, fields)


class UncaughtExceptions:
    """Log what reaches ``sys``' and ``threading``'s hooks for exceptions."""

    def __init__(self) -> None:
        self._undo: list[Callable[[], None]] = []

    def start(self) -> None:
        """Put our hooks before those that are set; once only."""
        if not self._undo:
            self._hook(sys, "excepthook", self._before_exit)
            self._hook(threading, "excepthook", self._before_thread_ends)
            self._hook(sys, "unraisablehook", self._before_unraisable)

    def stop(self) -> None:
        """Put the previous hooks back, unless somebody else has set one."""
        while self._undo:
            self._undo.pop()()

    def _hook(self, owner: Any, name: str, log: Callable[..., None]) -> None:
        previous = getattr(owner, name)

        def hook(*args: Any) -> None:
            log(*args)
            previous(*args)

        def undo() -> None:
            if getattr(owner, name) is hook:
                setattr(owner, name, previous)

        setattr(owner, name, hook)
        self._undo.append(undo)

    @staticmethod
    def _before_exit(
        _: type[BaseException],
        error: BaseException,
        __: TracebackType | None,
    ) -> None:
        if isinstance(error, Exception):
            _log("uncaught_exception", error, CRITICAL)

    @staticmethod
    def _before_thread_ends(args: threading.ExceptHookArgs) -> None:
        if isinstance(args.exc_value, Exception):
            name = args.thread.name if args.thread else None
            _log("uncaught_exception", args.exc_value, ERROR, thread=name)

    @staticmethod
    def _before_unraisable(args: sys.UnraisableHookArgs) -> None:
        if isinstance(args.exc_value, Exception):
            where = getattr(args.object, "__qualname__", None)
            where = where or type(args.object).__qualname__
            _log("unraisable_exception", args.exc_value, ERROR, object=where)
