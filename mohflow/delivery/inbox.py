"""Where log calls leave lines for the worker, without taking a lock."""

from __future__ import annotations

from collections import deque

from mohflow._interpreter import HAS_GIL


Left = tuple[float, int, int, bytes]
"""When a line came, its level, its time, and itself without its newline."""

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

    __slots__ = ("limit",)

    def __init__(self) -> None:
        super().__init__()
        self.limit = 0
        """Whoever leaves one more than these must see to it that it is taken
        care of: nobody else may. It is read after the line is left, and
        written before the worker looks for the last time and rests."""

    def allow(self, count: int) -> None:
        """Let up to *count* lines be left, if appending alone is safe."""
        self.limit = max(0, min(count, MAX_LEFT)) if HAS_GIL else 0
