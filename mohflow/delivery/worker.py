"""A thread that is started when it is needed, and again if it has ended."""

from __future__ import annotations

import threading

from collections.abc import Callable


class WorkerThread(threading.Thread):
    """A thread that brings events to a sink; what it logs is our own."""


def is_worker() -> bool:
    """Return whether the caller brings events to a sink, whichever."""
    return isinstance(threading.current_thread(), WorkerThread)


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
            thread = WorkerThread(
                target=self._work, name=self._name, daemon=True
            )
            self._thread = thread
        try:
            thread.start()
        except RuntimeError:
            # The interpreter is about to end, and takes no more threads.
            self._thread = None

    def _work(self) -> None:
        try:
            self._run()
        finally:
            self._thread = None

    def join(self, timeout: float) -> bool:
        """Wait for *timeout* seconds; return whether the thread has ended."""
        thread = self._thread
        if thread is None:
            return True
        thread.join(max(0.0, timeout))
        return not thread.is_alive()
