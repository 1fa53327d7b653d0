"""Where log calls leave lines for the worker, without taking a lock."""

from __future__ import annotations

import time

from collections import deque
from typing import TYPE_CHECKING

from mohflow._delivery_options import DeliveryOptions
from mohflow._interpreter import HAS_GIL
from mohflow.delivery.ledger import Ledger
from mohflow.delivery.queue import ENTRY_BYTES, LINE_BYTES, Left


if TYPE_CHECKING:
    from mohflow.delivery.backlog import Backlog


MAX_LEFT = 1024
"""Lines that are left at most while the worker is busy. Then a log call moves
all of them, in less than a millisecond, which one in a thousand feels."""


class Inbox(deque[Left]):
    """
    Lines of JSON on their way to the queue, in the order in which they came.

    To append takes no lock; whoever takes out holds the lock of the delivery.
    A line that is left counts as queued, and keeps to the same bounds.

    Args:
        options: With ``wal`` a line must be on disk, and with ``block`` have
            room, before the call returns: then nothing is left here.
        now: The reading of the clock.
        is_json: Whether lines are the fields of their events as JSON.
    """

    __slots__ = ("_looked", "limit", "most", "reserve")

    def __init__(
        self, options: DeliveryOptions, now: float, *, is_json: bool
    ) -> None:
        super().__init__()
        self._looked = now
        is_open = (
            is_json
            and HAS_GIL
            and options.overflow != "block"
            and options.durability != "wal"
        )
        self.most = LINE_BYTES if is_open else -1
        """Bytes of a line that may be left; a longer one goes to the queue,
        which counts bytes."""
        self.reserve = min(
            MAX_LEFT if is_open else 0,
            options.queue_events // 16,
            options.queue_bytes // (16 * (LINE_BYTES + ENTRY_BYTES)),
        )
        """Lines that always fit in, because the queue leaves room for them:
        with a full queue each call would else have to take the lock."""
        self.limit = 0
        """Whoever leaves one more than these must see to it that it is taken
        care of: nobody else may. It is read after the line is left, and
        written before the worker looks for the last time and rests."""

    def allow(self, spare: int) -> None:
        """Let lines be left, if the queue has room for *spare* of them."""
        # Threads that leave at the same time may go beyond it.
        self.limit = min(self.reserve + max(0, spare) // 2, MAX_LEFT)

    def arrival(self, now: float) -> float:
        """
        Return when the first line came, by its time.

        So a log call reads one clock only. It is since the last look and not
        after *now*, whatever the clock of the system says.
        """
        since, self._looked = self._looked, now
        age = (time.time_ns() - self[0][1]) / 1e9
        return max(since, min(now, now - age))


def collect(
    inbox: Inbox, backlog: Backlog, ledger: Ledger, now: float
) -> None:
    """Move what is in *inbox* to *backlog*, and count it."""
    came = inbox.arrival(now)
    # No look at the counts misses what is between the two.
    queue, entered, gone = backlog.queue, 0, 0
    with ledger.lock:
        ledger.queue(queue.admit(inbox, came))
        while inbox and backlog.spill_slice():
            ledger.queue(queue.admit(inbox, came))
        count = len(inbox)
        for _ in range(count):
            is_in, fewer = queue.squeeze(inbox.popleft(), came)
            entered += is_in
            gone += fewer
        backlog.count(entered, count - entered, gone)
