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
from mohflow.delivery.meter import Meter
from mohflow.delivery.pace import Pace
from mohflow.delivery.queue import ENTRY_BYTES, LINE_BYTES, BoundedQueue
from mohflow.delivery.sight import Sight, glance
from mohflow.typing import Limits, Sink


class Shared:
    """
    The state of one delivery. Read and written only under ``lock``.

    ``wake`` is signalled after every change that somebody may wait for.
    The breaker belongs to the worker; others only look at it.
    """

    awaited = -1
    """The number of the last event that a flush waits for."""
    is_attended = False
    """Whether the worker is there to take in what log calls leave."""
    is_torn = False
    """Whether a log call is at it, or was cut short by what a signal
    handler raised."""
    is_idle = False
    """Whether the worker waits for events, and must be told of them."""
    is_ending = False
    """Whether the end waits for what can still be delivered."""
    is_hurried = False
    """Whether the sink must be tried once more, without a wait."""
    has_given_up = False
    """Whether the sink was away when it was tried at the end; what can
    stay on disk does, and nobody waits for it."""
    is_closing = False
    is_abandoned = False
    """Whether the worker was stuck at the end, and closes the sink."""

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
        self.limits = _limits(options, sink.limits)
        self.inbox = Inbox(options, clock(), is_json=is_json)
        self.ledger = Ledger(clock, self.inbox)
        # Taken by itself where signal handlers run: one that raises while a
        # Condition is entered would leave it locked for ever.
        self.lock = threading.Lock()
        self.wake = threading.Condition(self.lock)
        spool = disk.spool if disk else None
        reserve = self.inbox.reserve
        queue = BoundedQueue(
            options.queue_events - reserve,
            options.queue_bytes - reserve * (LINE_BYTES + ENTRY_BYTES),
            options.overflow,
            is_json=is_json,
        )
        is_wal = options.durability == "wal"
        self.backlog = Backlog(name, queue, self.ledger, spool, is_wal=is_wal)
        self.in_flight = InFlight(name, self.ledger, queue, spool)
        self.breaker = Breaker()
        self.pace = Pace(options.catch_up)
        self.meter = Meter()

    def mend(self) -> None:
        """Make the counts right after a log call that was cut short."""
        if self.is_torn:
            backlog = self.backlog
            backlog.queue.recount()
            if backlog.spool is not None:
                backlog.spool.recount()
            done = sum(
                len(batch.events) - len(batch.left)
                for batch in self.in_flight.batches
                if batch.is_spooled
            )
            on_disk = 0 if backlog.spool is None else len(backlog.spool)
            self.ledger.amend(backlog.queue.events, on_disk - done)
            self.is_torn = False

    def is_due(self) -> bool:
        """Return whether a batch must go now."""
        now = self.clock()
        if self.backlog.is_behind and self.pace.remaining(now):
            return False
        is_awaited = self.is_ending or self.awaited >= 0
        return self.backlog.is_due(now, self.limits, is_awaited=is_awaited)

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
        self.mend()
        if self.inbox:
            self.is_torn = True
            collect(self.inbox, self.backlog, self.ledger, self.clock())
            self.is_torn = False
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

    @property
    def is_hopeless(self) -> bool:
        """Return whether what can go to disk had better go there."""
        return self.breaker.is_open or self.has_given_up

    def can_spill(self) -> bool:
        """Return whether there is a disk that did not fail a moment ago."""
        has_disk = self.backlog.spool is not None
        return has_disk and not self.backlog.is_refused(self.clock())

    def must_spill(self) -> bool:
        """Return whether what is in memory is better off on disk now."""
        backlog = self.backlog
        if not backlog.queue.events or not self.can_spill():
            return False
        if self.is_hopeless:
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
        waiting = [
            batch.left[0] for batch in self.in_flight.batches if batch.left
        ]
        return glance(self.breaker, self.backlog, waiting)

    def is_settled(self) -> bool:
        """Return whether waiting longer would deliver nothing more."""
        if self.inbox or self.backlog.queue.events:
            return False
        if not self.backlog.is_on_disk:
            return not self.in_flight.batches
        is_safe = all(batch.is_spooled for batch in self.in_flight.batches)
        return is_safe and self.is_hopeless


def _limits(options: DeliveryOptions, own: Limits) -> Limits:
    """Return those of a batch: what is wanted, and no more than is allowed."""
    return Limits(
        min(options.batch_events, own.max_events),
        min(options.batch_bytes, own.max_bytes),
        options.linger,
    )
