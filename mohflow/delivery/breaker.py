"""
A circuit breaker: no thread, no clock of its own, no I/O.

Closed, it lets every attempt through. After *threshold* failures in a row it
is open: no attempt for a while, which doubles up to *longest*. Then it is
half open: one attempt decides.
"""

from __future__ import annotations


class Breaker:
    """
    Decide whether an attempt makes sense now.

    Args:
        threshold: Failures in a row that open it.
        first: Seconds that it stays open the first time.
        longest: Seconds that it stays open at most.
    """

    def __init__(
        self,
        threshold: int = 5,
        first: float = 1.0,
        longest: float = 30.0,
    ) -> None:
        self._threshold = threshold
        self._first = first
        self._longest = longest
        self.failures = 0
        """How many there were in a row."""
        self._pause = first
        self._open_until: float | None = None
        self.failing = ""
        """Why the last attempt failed; empty if it went well."""
        self.away_since: float | None = None
        """When the first of the failures in a row was."""

    @property
    def is_open(self) -> bool:
        """Return whether the last attempts failed, until one succeeds."""
        return self._open_until is not None

    def remaining(self, now: float) -> float:
        """Return the seconds until an attempt is allowed; 0 if it is."""
        if self._open_until is None:
            return 0.0
        return max(0.0, self._open_until - now)

    def succeeded(self) -> None:
        """Note an attempt that went well: the breaker is closed."""
        self.failures = 0
        self._pause = self._first
        self._open_until = self.away_since = None
        self.failing = ""

    def failed(self, now: float, reason: str = "unknown") -> None:
        """Note an attempt that failed; it may open the breaker."""
        self.failing = reason
        self.failures += 1
        if self.away_since is None:
            self.away_since = now
        if self._open_until is not None:
            self._pause = min(self._pause * 2, self._longest)
        if self.failures >= self._threshold:
            self._open_until = now + self._pause
