"""
How fast what waited on disk is sent: no thread, no clock of its own, no I/O.

A server that was away, and then gets all that piled up at once, answers 429
or goes away again. So there is a bound; it halves with each refusal, and
grows back slowly.
"""

from __future__ import annotations


SLOWEST = 64 * 1024
"""Bytes a second that are sent however often the server refuses."""

GROWTH = 1.1
"""After each success the rate is multiplied by this, up to the bound."""


class Pace:
    """
    Say how long to wait before the next batch.

    Args:
        rate: Bytes a second at most.
    """

    def __init__(self, rate: float) -> None:
        self._most = rate
        self._rate = rate
        self._free_at = 0.0

    @property
    def rate(self) -> float:
        """Return the bytes a second that are allowed now."""
        return self._rate

    def remaining(self, now: float) -> float:
        """Return the seconds until another batch may go."""
        return max(0.0, self._free_at - now)

    def sent(self, size: int, now: float) -> None:
        """Note that *size* bytes went well."""
        self._free_at = max(self._free_at, now) + size / self._rate
        self._rate = min(self._most, self._rate * GROWTH)

    def refused(self) -> None:
        """Note that the server found it too much."""
        self._rate = max(min(SLOWEST, self._most), self._rate / 2)
