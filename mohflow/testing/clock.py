"""A clock that stands still until it is told to go on."""

from __future__ import annotations

import threading


EPOCH_NS = 1_800_000_000_000_000_000
"""What :meth:`FakeClock.time_ns` says when the clock is at 0."""


class FakeClock:
    """
    Seconds that pass when a test says so.

    Call it in place of :func:`time.monotonic`, and give its methods where
    :func:`time.sleep`, :func:`time.time_ns` or a wait for an event is wanted.
    """

    def __init__(self, now: float = 0.0) -> None:
        self._lock = threading.Lock()
        self._ns = round(now * 1e9)

    def __call__(self) -> float:
        return self._ns / 1e9

    def __repr__(self) -> str:
        return f"<FakeClock({self()})>"

    def time_ns(self) -> int:
        """Return nanoseconds since the epoch, in January 2027."""
        return EPOCH_NS + self._ns

    def advance(self, seconds: float) -> None:
        """
        Let *seconds* pass.

        Raises:
            ValueError: They are negative.
        """
        if seconds < 0:
            msg = f"a clock does not go back: {seconds}"
            raise ValueError(msg)
        with self._lock:
            self._ns += round(seconds * 1e9)

    def sleep(self, seconds: float) -> None:
        """Let *seconds* pass at once."""
        self.advance(max(0.0, seconds))

    def wait(self, event: threading.Event, timeout: float) -> bool:
        """Return whether *event* is set; if not, let *timeout* pass."""
        if event.is_set():
            return True
        self.sleep(timeout)
        return event.is_set()
