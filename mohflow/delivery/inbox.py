"""Where log calls leave lines for the worker, without taking a lock."""

from __future__ import annotations

import time

from collections import deque
from collections.abc import Callable

from mohflow._interpreter import HAS_GIL


Left = tuple[int, int, bytes]
"""The level of a line, its time, and itself without its newline."""

LINE_BYTES = 2048
"""A longer line goes straight to the queue, which counts bytes."""

MAX_LEFT = 1024
"""Lines that are left at most while the worker is busy. Then a log call moves
all of them, in less than a millisecond, which one in a thousand feels."""


class Inbox(deque[Left]):
    """
    Lines of JSON on their way to the queue, in the order in which they came.

    To append takes no lock, and whoever holds the lock of the delivery takes
    out. A line that is left counts as queued.
    """

    __slots__ = ("_looked", "limit")

    def __init__(self, now: float) -> None:
        super().__init__()
        self._looked = now
        self.limit = 0
        """Whoever leaves one more than these must see to it that it is taken
        care of: nobody else may. It is read after the line is left, and
        written before the worker looks for the last time and rests."""

    def arrivals(self, now: float) -> Callable[[int], float]:
        """
        Return what tells when a line came, given its time in nanoseconds.

        It is since the last look, and not after *now*, whatever the clock of
        the system says. A log call need not read a second clock for it.
        """
        since, self._looked = self._looked, now
        offset = now - time.time_ns() / 1e9

        def arrival(time_ns: int) -> float:
            return max(since, min(now, time_ns / 1e9 + offset))

        return arrival

    def allow(self, count: int) -> None:
        """Let up to *count* lines be left, if appending alone is safe."""
        self.limit = max(0, min(count, MAX_LEFT)) if HAS_GIL else 0
