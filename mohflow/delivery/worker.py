"""A thread that is started when it is needed, and again if it has ended."""

from __future__ import annotations

import threading

from collections.abc import Callable


WORKERS: set[int] = set()
"""The identifiers of the threads that bring events to sinks."""


def is_worker() -> bool:
    """Return whether the caller brings events to a sink, whichever."""
    return threading.get_ident() in WORKERS


def forget_workers() -> None:
    """Let the child of a fork, which has one thread, begin without any."""
    WORKERS.clear()


class Worker:
    """
    Run *run* in a daemon thread, one at a time.

    Args:
        name: The name of the thread.
        run: Returns when there is nothing more to do.
    """

    def __init__(self, name: str, run: Callable[[], None]) -> None:
        self._name = name
        self._run = run
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """
        Start the thread if there is none.

        The caller must hold no lock that a log call needs: until a thread
        has started, whatever is collected in it may log.
        """
        if self._thread is not None:
            return
        with self._lock:
            if self._thread is not None:
                return
            thread = threading.Thread(
                target=self._work, name=self._name, daemon=True
            )
            self._thread = thread
        try:
            thread.start()
        except RuntimeError:
            # The interpreter is about to end, and takes no more threads; or
            # there are too many, and the next event tries again.
            self._thread = None

    def _work(self) -> None:
        ident = threading.get_ident()
        WORKERS.add(ident)
        try:
            self._run()
        finally:
            WORKERS.discard(ident)
            self._thread = None

    def join(self, timeout: float) -> bool:
        """Wait for *timeout* seconds; return whether the thread has ended."""
        thread = self._thread
        if thread is None:
            return True
        thread.join(max(0.0, timeout))
        return not thread.is_alive()
