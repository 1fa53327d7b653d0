"""What the log calls and the worker of one sink share, under one lock."""

from __future__ import annotations

import threading

from collections.abc import Callable

from mohflow._delivery_options import DeliveryOptions
from mohflow.delivery.backlog import Backlog, Batch
from mohflow.delivery.breaker import Breaker
from mohflow.delivery.disk import Disk
from mohflow.delivery.ledger import Ledger
from mohflow.delivery.sight import Sight
from mohflow.typing import Limits, Sink


class Shared:
    """
    The state of one delivery. Read and written only under ``lock``.

    ``wake`` is signalled after every change that somebody may wait for.
    The breaker belongs to the worker; others only look at it.
    """

    def __init__(
        self,
        name: str,
        sink: Sink,
        options: DeliveryOptions,
        disk: Disk | None,
        clock: Callable[[], float],
    ) -> None:
        self.name = name
        self.sink = sink
        self.clock = clock
        self.disk = disk
        self.limits = Limits(
            min(options.batch_events, sink.limits.max_events),
            min(options.batch_bytes, sink.limits.max_bytes),
            options.linger,
        )
        self.ledger = Ledger(clock)
        # Taken by itself where signal handlers run: one that raises while a
        # Condition is entered would leave it locked for ever.
        self.lock = threading.Lock()
        self.wake = threading.Condition(self.lock)
        spool = disk.spool if disk else None
        self.backlog = Backlog(name, options, self.ledger, spool)
        self.breaker = Breaker()
        self.batch: Batch | None = None
        """What the worker is busy with."""
        self.awaited = -1
        """The number of the last event that a flush waits for."""
        self.is_closing = False
        self.is_abandoned = False
        """Whether the worker was stuck at the end, and closes the sink."""

    def is_due(self) -> bool:
        """Return whether a batch must go now."""
        is_awaited = self.awaited >= 0 or self.is_closing
        return self.backlog.is_due(
            self.clock(), self.limits, is_awaited=is_awaited
        )

    def oldest(self) -> int:
        """Return the number of the oldest event that is only in memory."""
        return self.backlog.oldest(self.batch)

    def look(self) -> Sight:
        """Return how it goes, at a glance."""
        spool, first = self.backlog.spool, self.backlog.queue.first()
        times = [
            self.batch.left[0].time_ns
            if self.batch and self.batch.left
            else None,
            spool.oldest_time_ns if spool else None,
            first[1].time_ns if first else None,
        ]
        return Sight(
            failing=self.breaker.failing,
            is_open=self.breaker.is_open,
            oldest_ns=min((t for t in times if t is not None), default=None),
            spool_bytes=spool.bytes if spool else 0,
        )

    def is_settled(self) -> bool:
        """Return whether waiting longer would deliver nothing more."""
        if len(self.backlog.queue):
            return False
        if not self.backlog.is_on_disk:
            return self.batch is None
        is_safe = self.batch is None or self.batch.is_spooled
        return is_safe and self.breaker.is_open
