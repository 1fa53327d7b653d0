"""
Exceptions that nobody catches: logged once, then left to the hook before.

What the interpreter would print of them is printed masked, as what it prints
on stderr mostly ends where the log does.

Tasks of asyncio need no hook: their loop logs them through the standard
library's logger ``asyncio``.
"""

from __future__ import annotations

import sys
import threading

from collections.abc import Callable
from contextlib import suppress
from traceback import format_exception
from types import TracebackType
from typing import Any

from mohflow._emit import emit
from mohflow._levels import CRITICAL, ERROR
from mohflow._pipeline import STAGE, THRESHOLDS
from mohflow.processors.plain import plain_key
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
            self._hook(sys, "excepthook", self._before_exit, _of_exit)
            self._hook(
                threading, "excepthook", self._before_thread_ends, _of_thread
            )
            self._hook(
                sys, "unraisablehook", self._before_unraisable, _of_unraisable
            )

    def stop(self) -> None:
        """Put the previous hooks back, unless somebody else has set one."""
        while self._undo:
            self._undo.pop()()

    def _hook(
        self,
        owner: Any,
        name: str,
        log: Callable[..., None],
        said: Callable[..., tuple[str, BaseException | None]],
    ) -> None:
        previous = getattr(owner, name)
        is_interpreters = previous is getattr(owner, f"__{name}__")

        def hook(*args: Any) -> None:
            log(*args)
            if not (is_interpreters and _is_printed_masked(*said(*args))):
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


def _of_exit(
    _: object, error: BaseException, __: object
) -> tuple[str, BaseException | None]:
    return "", error


def _of_thread(
    args: threading.ExceptHookArgs,
) -> tuple[str, BaseException | None]:
    name = args.thread.name if args.thread else threading.get_ident()
    return f"Exception in thread {name}:\n", args.exc_value


def _of_unraisable(
    args: sys.UnraisableHookArgs,
) -> tuple[str, BaseException | None]:
    what = args.err_msg or "Exception ignored in"
    return f"{what}: {plain_key(args.object)}\n", args.exc_value


def _is_printed_masked(lead: str, error: BaseException | None) -> bool:
    """Print *error* on stderr; False if it is not ours to print."""
    # Whoever does not mask has not imported it.
    masking = sys.modules.get("mohflow.processors.masking")
    if masking is None or not isinstance(error, Exception) or not sys.stderr:
        return False
    steps = STAGE.pipeline.steps.after
    masker = next((s for s in steps if isinstance(s, masking.Masker)), None)
    if masker is None:
        return False
    try:
        shown = masker.text(lead + "".join(format_exception(error)))
    except Exception:
        shown = f"{type(error).__name__}: <masking failed>\n"
    # A stream that cannot be written to is what the interpreter ignores, too.
    with suppress(OSError, ValueError):
        sys.stderr.write(shown)
        sys.stderr.flush()
    return True
