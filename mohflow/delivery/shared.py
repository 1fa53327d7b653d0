"""What the log calls and the worker of one sink share, under one lock."""

from __future__ import annotations

import threading

from collections.abc import Callable

from mohflow._delivery_options import DeliveryOptions
from mohflow.delivery.backlog import Backlog
from mohflow.delivery.breaker import Breaker
from mohflow.delivery.disk import Disk
from mohflow.delivery.in_flight import InFlight
from mohflow.delivery.inbox import Inbox, collect
from mohflow.delivery.ledger import Ledger
from mohflow.delivery.pace import Pace
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
        *,
        is_json: bool = False,
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
        self.inbox = Inbox(options, clock(), is_json=is_json)
        self.ledger = Ledger(clock, self.inbox)
        # Taken by itself where signal handlers run: one that raises while a
        # Condition is entered would leave it locked for ever.
        self.lock = threading.Lock()
        self.wake = threading.Condition(self.lock)
        spool = disk.spool if disk else None
        self.backlog = Backlog(
            name,
            options,
            self.ledger,
            spool,
            is_json=is_json,
            reserve=self.inbox.reserve,
        )
        self.in_flight = InFlight(name, self.ledger, self.backlog.queue, spool)
        self.breaker = Breaker()
        self.pace = Pace(options.catch_up)
        self.awaited = -1
        """The number of the last event that a flush waits for."""
        self.is_attended = False
        """Whether the worker is there to take in what log calls leave."""
        self.is_idle = False
        """Whether the worker waits for events, and must be told of them."""
        self.is_closing = False
        self.is_abandoned = False
        """Whether the worker was stuck at the end, and closes the sink."""

    def is_due(self) -> bool:
        """Return whether a batch must go now."""
        now = self.clock()
        if self.backlog.is_behind and self.pace.remaining(now):
            return False
        return self.backlog.is_due(
            now, self.limits, is_awaited=self.awaited >= 0
        )

    def patience(self) -> float | None:
        """Return the seconds until something must be done unasked."""
        now = self.clock()
        seconds = self.backlog.patience(now, self.limits)
        if seconds is None or not self.backlog.is_behind:
            return seconds
        paced = self.pace.remaining(now)
        # What is due must wait for its turn; what is urgent need not.
        return max(seconds, min(paced, self.limits.max_age))

    def collect(self) -> None:
        """Take in what log calls have left."""
        if self.inbox:
            collect(self.inbox, self.backlog, self.ledger, self.clock())
        self.allow()

    def attend(self) -> None:
        """See to it that what log calls have left is taken care of."""
        if not self.is_closing:
            self.rouse()
            self.allow()
            if len(self.inbox) > self.inbox.limit:
                self.collect()
            return
        while self.inbox:
            with self.ledger.lock:
                self.inbox.popleft()
                self.ledger.refused("closed")

    def allow(self) -> None:
        """Tell log calls how much they may leave before they must act."""
        if not self.is_attended or self.is_closing:
            self.inbox.limit = 0
            return
        self.inbox.allow(self.backlog.queue.spare)
        if self.is_idle:
            missing = max(1, self.missing())
            self.inbox.limit = min(self.inbox.limit, missing - 1)

    def missing(self) -> int:
        """
        Return how many more events an idle worker must look at, at once.

        They are thought to be as long as those that wait.
        """
        queue, spool = self.backlog.queue, self.backlog.spool
        events, size = queue.events, queue.bytes
        if spool is not None:
            events, size = events + len(spool), size + spool.bytes
        if not events:
            return 1
        room = self.limits.max_bytes - size
        by_size = room * events // max(size, 1)
        return min(self.limits.max_events - events, by_size)

    def rouse(self) -> None:
        """Let an idle worker look; until it has, it need not be told again."""
        if self.is_idle:
            self.is_idle = False
            self.wake.notify_all()

    def must_spill(self) -> bool:
        """Return whether what is in memory is better off on disk now."""
        backlog = self.backlog
        if backlog.spool is None or not backlog.queue.events:
            return False
        if self.breaker.is_open:
            return True
        is_awaited = self.awaited >= 0
        return backlog.is_on_disk and (
            is_awaited or backlog.queue.is_half_full
        )

    def tell(self) -> None:
        """Wake who waits for events to have left the memory."""
        if self.oldest() > self.awaited:
            self.awaited = -1
        self.wake.notify_all()

    def oldest(self) -> int:
        """Return the number of the oldest event that is only in memory."""
        return self.in_flight.oldest()

    def look(self) -> Sight:
        """Return how it goes, at a glance."""
        spool, first = self.backlog.spool, self.backlog.queue.first()
        times = [
            *(
                batch.left[0].time_ns
                for batch in self.in_flight.batches
                if batch.left
            ),
            spool.oldest_time_ns if spool else None,
            first[3] if first else None,
        ]
        return Sight(
            failing=self.breaker.failing,
            is_open=self.breaker.is_open,
            oldest_ns=min((t for t in times if t is not None), default=None),
            spool_bytes=spool.bytes if spool else 0,
        )

    def is_settled(self) -> bool:
        """Return whether waiting longer would deliver nothing more."""
        if self.inbox or self.backlog.queue.events:
            return False
        if not self.backlog.is_on_disk:
            return not self.in_flight.batches
        is_safe = all(batch.is_spooled for batch in self.in_flight.batches)
        return is_safe and self.breaker.is_open
