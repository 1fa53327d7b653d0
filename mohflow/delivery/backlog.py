"""
What waits for one sink: on disk first, then in memory.

Every event on disk is older than every event in memory; so what is taken
from the disk first is in order. Nothing here waits or starts a thread; the
engine calls it under its lock.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mohflow._delivery_options import DeliveryOptions
from mohflow._event import Event
from mohflow.delivery.batch import Waiting, due, fitting, patience
from mohflow.delivery.ledger import Fates, Ledger
from mohflow.delivery.queue import BoundedQueue, Entry
from mohflow.diagnostics import complain
from mohflow.exceptions import SpoolError
from mohflow.typing import Limits


if TYPE_CHECKING:
    from mohflow.delivery.spool import Spool


ADOPT_SECONDS = 60.0
"""How often what dead processes left on disk is looked for."""


@dataclass(eq=False, slots=True)
class Batch:
    """Events on their way to the sink."""

    events: Sequence[Event]
    is_spooled: bool
    """Whether they still are on disk, too."""
    number: int = -1
    """The number of the first, if it came from memory."""
    left: list[Event] = field(init=False)
    """Those that have no fate yet."""
    is_finished: bool = False
    """Whether what was left has been kept or counted."""

    def __post_init__(self) -> None:
        self.left = list(self.events)


class Backlog:
    """
    Keep events until they are delivered, within the bounds of *options*.

    Args:
        name: The name of the sink in complaints.
        options: Bounds, overflow policy, durability.
        ledger: Is told of every move.
        spool: The place on disk, if there is one.
    """

    def __init__(
        self,
        name: str,
        options: DeliveryOptions,
        ledger: Ledger,
        spool: Spool | None,
    ) -> None:
        self._name = name
        self._ledger = ledger
        self._is_wal = options.durability == "wal"
        self.spool = spool
        self.queue = BoundedQueue(
            options.queue_events, options.queue_bytes, options.overflow
        )
        self._touched = 0.0
        self._adopt_at = 0.0

    @property
    def is_on_disk(self) -> bool:
        """Return whether anything waits on disk."""
        return self.spool is not None and len(self.spool) > 0

    def has_room(self, event: Event) -> bool:
        """Return whether *event* can be kept without a loss."""
        return self.spool is not None or self.queue.has_room(event)

    def put(self, event: Event, now: float) -> None:
        """Keep *event*, on disk or in memory; what gives way is counted."""
        wants_disk = self._is_wal or self.is_on_disk
        if wants_disk or not self.queue.has_room(event):
            if not self.is_on_disk:
                self._touched = now
            if self.spill([event]):
                return
        dropped = self.queue.offer(event, now)
        if event in dropped:
            self._ledger.refused("queue_full")
        else:
            self._ledger.queue()
        older = sum(1 for one in dropped if one is not event)
        if older:
            self._ledger.lose("queue_full", older)
        if dropped:
            complain(
                f"sink {self._name} queue_full",
                f"the queue of sink {self._name!r} is full: the sink is slow "
                "or cannot be reached. Events are lost to it and counted.",
            )

    def spill(self, newest: Sequence[Event] = ()) -> bool:
        """Move what is in memory to disk, *newest* behind it, if possible."""
        if not newest and not len(self.queue):
            return True
        if self.spool is None:
            return False
        entries = self.queue.drain()
        try:
            self.spool.append([*(event for _, event, _ in entries), *newest])
        except SpoolError as error:
            self.queue.restore(entries)
            self._complain(error)
            return False
        self._ledger.spill(len(entries))
        self._ledger.spool(len(newest))
        self.evict()
        return True

    def evict(self) -> None:
        """Delete from disk what is too much or too old, and count it."""
        if self.spool is None:
            return
        for reason, count in self.spool.evict().items():
            self._ledger.settle(Fates(dropped={reason: count}), spooled=True)
            complain(
                f"sink {self._name} {reason}",
                f"the spool of sink {self._name!r} gave up events "
                f"({reason}). They are lost to it and counted.",
            )

    def look_around(self, now: float) -> None:
        """Take over, once a minute, what dead processes left on disk."""
        if self.spool is not None and now >= self._adopt_at:
            self._adopt_at = now + ADOPT_SECONDS
            self._ledger.spool(self.spool.adopt())
            self.evict()

    def is_due(self, now: float, limits: Limits, *, is_awaited: bool) -> bool:
        """Return whether what waits makes a batch that must go now."""
        waiting = self._waiting(now, is_awaited=is_awaited)
        return due(waiting, limits) is not None

    def patience(self, now: float, limits: Limits) -> float | None:
        """Return the seconds until something must be done unasked."""
        seconds = patience(self._waiting(now, is_awaited=False), limits)
        if self.spool is None:
            return seconds
        until = max(0.0, self._adopt_at - now)
        return until if seconds is None else min(seconds, until)

    def oldest(self, batch: Batch | None) -> int:
        """Return the number of the oldest event that is only in memory."""
        if batch is not None and not batch.is_spooled:
            return batch.number
        first = self.queue.first()
        return first[0] if first else self.queue.entered

    def _waiting(self, now: float, *, is_awaited: bool) -> Waiting:
        """Return what stands first: what is on disk, or what is in memory."""
        if self.spool is not None and len(self.spool):
            age = now - self._touched
            return Waiting(len(self.spool), self.spool.bytes, age, is_awaited)
        first = self.queue.first()
        age = now - first[2] if first else 0.0
        return Waiting(self.queue.events, self.queue.bytes, age, is_awaited)

    def take(
        self,
        limits: Limits,
        partition: Callable[[Event], Hashable],
        now: float,
    ) -> Batch | None:
        """Return the next batch; what comes from disk stays there, too."""
        self._touched = now
        if self.spool is not None and len(self.spool):
            events = self.spool.peek(limits.max_events, limits.max_bytes)
            if not events:
                return None
            count = fitting(events, limits, partition)
            return Batch(events[:count], is_spooled=True)
        entries: list[Entry] = []
        while len(self.queue) and len(entries) <= limits.max_events:
            entries.append(self.queue.pop())
        events = [event for _, event, _ in entries]
        count = fitting(events, limits, partition)
        self.queue.restore(entries[count:])
        self._ledger.take(count)
        return Batch(events[:count], is_spooled=False, number=entries[0][0])

    def settle(
        self, batch: Batch, events: Sequence[Event], fates: Fates
    ) -> None:
        """Count what became of *events*, which belong to *batch*."""
        if not batch.is_finished:
            gone = {id(event) for event in events}
            batch.left = [e for e in batch.left if id(e) not in gone]
            self._ledger.settle(fates, spooled=batch.is_spooled)

    def finish(self, batch: Batch) -> None:
        """
        Forget *batch*; what is left of it goes, or stays, on disk.

        Without a disk what is left is lost.
        """
        if batch.is_finished:
            return
        batch.is_finished = True
        if batch.is_spooled:
            self._acknowledge(batch)
        elif batch.left and not self._give_up(batch.left):
            lost = Fates(dropped={"shutdown": len(batch.left)})
            self._ledger.settle(lost)

    def _acknowledge(self, batch: Batch) -> None:
        """Let the disk forget the events before the first that is left."""
        count = len(batch.events)
        if batch.left:
            first = id(batch.left[0])
            count = [id(event) for event in batch.events].index(first)
        if self.spool is not None:
            self.spool.ack(count)

    def _give_up(self, events: Sequence[Event]) -> bool:
        """Put events that were in flight before all others on disk."""
        if self.spool is None:
            return False
        try:
            self.spool.prepend(events)
        except SpoolError as error:
            self._complain(error)
            return False
        self._ledger.give_up(len(events))
        return True

    def close(self) -> None:
        """Move what is in memory to disk, or count it as lost."""
        if not self.spill():
            entries = self.queue.drain()
            if entries:
                self._ledger.lose("shutdown", len(entries))
        if self.spool is not None:
            self.spool.close()

    def _complain(self, error: SpoolError) -> None:
        complain(
            f"spool {self._name}",
            f"the spool of sink {self._name!r} cannot be used: "
            f"{error.reason}. Events stay in memory, within its bounds.",
        )
