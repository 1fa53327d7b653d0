"""The end of the process: sinks get one deadline, losses one line."""

from __future__ import annotations

import _thread
import atexit
import os
import signal
import sys
import threading
import time

from collections.abc import Callable, Mapping
from types import FrameType

from mohflow._emit import is_busy, when_idle
from mohflow.delivery import LedgerSnapshot
from mohflow.diagnostics import complain


PATIENCE = 1.0
"""Seconds that a log call which SIGTERM interrupts may go on."""


class AtExit:
    """
    Call *finish* when the interpreter exits, or is asked to by SIGTERM.

    SIGTERM is handled only where the program left the default and only when
    :meth:`start` runs in the main thread; afterwards the process dies of that
    signal, as it would have.

    Args:
        finish: Delivers, closes, and returns the counts of each sink.
    """

    def __init__(
        self, finish: Callable[[], Mapping[str, LedgerSnapshot]]
    ) -> None:
        self._finish = finish
        self._is_started = False
        self._is_dying = False

    def start(self, *, on_sigterm: bool) -> None:
        """Register; *on_sigterm* says whether any sink has a queue."""
        if not self._is_started:
            self._is_started = True
            atexit.register(self._last_words)
        is_main = threading.current_thread() is threading.main_thread()
        if (
            on_sigterm
            and is_main
            and signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
        ):
            signal.signal(signal.SIGTERM, self._on_sigterm)

        process = sys.modules.get("multiprocessing.process")
        if process is not None and process.parent_process() is not None:
            self._end_with_child()

    def after_fork(self) -> None:
        """Follow ``multiprocessing``, whose children end without atexit."""
        util = sys.modules.get("multiprocessing.util")
        if self._is_started and util is not None:
            # It forgets what was to be done at the end, then calls this.
            util.register_after_fork(self, AtExit._end_with_child)

    def _end_with_child(self) -> None:
        from multiprocessing.util import Finalize  # noqa: PLC0415 - loaded

        Finalize(None, self._last_words, exitpriority=-100)

    def stop(self) -> None:
        """Unregister, and give SIGTERM back if it still is ours."""
        if self._is_started:
            self._is_started = False
            atexit.unregister(self._last_words)
        is_main = threading.current_thread() is threading.main_thread()
        if is_main and signal.getsignal(signal.SIGTERM) == self._on_sigterm:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)

    def _last_words(self) -> None:
        say_losses(self._finish())

    def _on_sigterm(self, number: int, frame: FrameType | None) -> None:
        # From here on a second SIGTERM ends the process at once.
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        if is_busy():
            # The log call that was interrupted may hold locks, so it ends
            # first; but it may be stuck, writing to a pipe that nobody reads.
            _thread.start_new_thread(self._die_later, ())
        when_idle(self._die)

    def _die_later(self) -> None:
        time.sleep(PATIENCE)
        self._die()

    def _die(self) -> None:
        if not self._is_dying:
            self._is_dying = True
            self._last_words()
            os.kill(os.getpid(), signal.SIGTERM)


def say_losses(ledger: Mapping[str, LedgerSnapshot]) -> None:
    """Say one line about each closed sink that did not get everything."""
    for name, counts in ledger.items():
        if counts.lost or counts.in_flight:
            complain(f"losses {name}", _balance(name, counts))


def _balance(name: str, counts: LedgerSnapshot) -> str:
    reasons = {**counts.rejected, **counts.dropped}
    why = ", ".join(f"{reason}: {n}" for reason, n in reasons.items())
    lost = f"{counts.lost} lost ({why})" if counts.lost else ""
    open_ = f"{counts.in_flight} in flight" if counts.in_flight else ""
    fates = ", ".join(part for part in (lost, open_) if part)
    return (
        f"of {counts.accepted} events for sink {name!r}: {fates} at its end."
    )
