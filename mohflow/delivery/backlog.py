"""
What waits for one sink: on disk first, then in memory.

Every event on disk is older than every event in memory; so what is taken
from the disk first is in order. Nothing here waits or starts a thread; the
engine calls it under its lock.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mohflow._delivery_options import DeliveryOptions
from mohflow._event import Event
from mohflow.delivery.batch import Batch, Waiting, due, patience
from mohflow.delivery.in_flight import say_unusable
from mohflow.delivery.ledger import Fates, Ledger
from mohflow.delivery.queue import (
    ENTRY_BYTES,
    LINE_BYTES,
    BoundedQueue,
    Entry,
    event_of,
)
from mohflow.diagnostics import complain
from mohflow.exceptions import SpoolError
from mohflow.typing import Limits


if TYPE_CHECKING:
    from mohflow.delivery.spool import Spool


ADOPT_SECONDS = 60.0
"""How often what dead processes left on disk is looked for."""


SLICE = 500
"""Events that move from memory to disk at once; a log call may wait for it."""

URGENT = 40
"""The level from which on events do not wait for what is caught up on."""


class Backlog:
    """
    Keep events until they are delivered, within the bounds of *options*.

    Args:
        name: The name of the sink in complaints.
        options: Bounds, overflow policy, durability.
        ledger: Is told of every move.
        spool: The place on disk, if there is one.
        is_json: Whether the line of an event is its fields as JSON.
        reserve: Lines that others keep within the same bounds.
    """

    def __init__(
        self,
        name: str,
        options: DeliveryOptions,
        ledger: Ledger,
        spool: Spool | None,
        *,
        is_json: bool = False,
        reserve: int = 0,
    ) -> None:
        self._name = name
        self._ledger = ledger
        self._is_wal = options.durability == "wal"
        self.spool = spool
        self.queue = BoundedQueue(
            options.queue_events - reserve,
            options.queue_bytes - reserve * (LINE_BYTES + ENTRY_BYTES),
            options.overflow,
            is_json=is_json,
        )
        self._touched = 0.0
        self._adopt_at = 0.0
        self.is_behind = False
        """Whether what is on disk piled up while it could not be sent."""

    @property
    def is_on_disk(self) -> bool:
        """Return whether anything waits on disk."""
        return self.spool is not None and len(self.spool) > 0

    def has_room(self, event: Event) -> bool:
        """Return whether *event* can be kept without a loss."""
        return self.spool is not None or self.queue.has_room(len(event.line))

    def put(self, event: Event, now: float) -> None:
        """Keep *event*, on disk or in memory; what gives way is counted."""
        if self.spool is not None and self._took(event, now):
            return
        is_in, gone = self.queue.offer(event, now)
        self.count(int(is_in), int(not is_in), gone)

    def count(self, entered: int, refused: int, gone: int) -> None:
        """Count what came, what was too much, and what gave way; say it."""
        self._ledger.queue(entered)
        if refused:
            self._ledger.refused("queue_full", refused)
        if gone:
            self._ledger.lose("queue_full", gone)
        if gone or refused:
            complain(
                f"sink {self._name} queue_full",
                f"the queue of sink {self._name!r} is full: the sink is slow "
                "or cannot be reached. Events are lost to it and counted.",
            )

    def _took(self, event: Event, now: float) -> bool:
        """Put *event* on disk, or make room in memory with its help."""
        if self._is_wal:
            if not self.is_on_disk:
                self._touched = now
            if self.spill([event]):
                return True
        self._make_room(len(event.line))
        return False

    def _make_room(self, line_bytes: int) -> None:
        while not self.queue.has_room(line_bytes) and self.spill_slice():
            pass

    def spill_slice(self) -> bool:
        """Move the oldest in memory to disk; return whether any moved."""
        if self.spool is None or not self.queue.events:
            return False
        return self._spill(self.queue.take(SLICE, 2**62))

    def spill(self, newest: Sequence[Event] = ()) -> bool:
        """Move what is in memory to disk, *newest* behind it, if possible."""
        if not newest and not self.queue.events:
            return True
        if self.spool is None:
            return False
        entries = self.queue.drain() if self.queue.events else []
        return self._spill(entries, newest)

    def _spill(
        self, entries: list[Entry], newest: Sequence[Event] = ()
    ) -> bool:
        assert self.spool is not None  # noqa: S101 - tells the type checker
        try:
            self.spool.append([*map(event_of, entries), *newest])
        except SpoolError as error:
            self.queue.restore(entries)
            say_unusable(self._name, error)
            return False
        self._ledger.spill(len(entries))
        self._ledger.spool(len(newest))
        self.evict()
        return True

    def evict(self) -> None:
        """Delete from disk what is too much or too old, and count it."""
        lost = self.spool.evict() if self.spool else {}
        for reason, count in lost.items():
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
            adopted = self.spool.adopt()
            if adopted:
                self.is_behind = True
            self._ledger.spool(adopted)
            self.evict()

    def is_due(self, now: float, limits: Limits, *, is_awaited: bool) -> bool:
        """Return whether what waits makes a batch that must go now."""
        waiting = self._waiting(now, is_awaited=is_awaited)
        return due(waiting, limits) is not None

    def patience(self, now: float, limits: Limits) -> float | None:
        """Return the seconds until something must be done unasked."""
        seconds = [patience(self._waiting(now, is_awaited=False), limits)]
        if self.spool is not None:
            seconds.append(max(0.0, self._adopt_at - now))
            first = self.queue.first() if self.is_on_disk else None
            if first is not None:
                seconds.append(max(0.0, first[1] + limits.max_age - now))
        return min((s for s in seconds if s is not None), default=None)

    def _waiting(self, now: float, *, is_awaited: bool) -> Waiting:
        """Return what stands first: what is on disk, or what is in memory."""
        if self.spool is not None and len(self.spool):
            age = now - self._touched
            return Waiting(len(self.spool), self.spool.bytes, age, is_awaited)
        first = self.queue.first()
        age = now - first[1] if first else 0.0
        return Waiting(self.queue.events, self.queue.bytes, age, is_awaited)

    def take(self, limits: Limits, now: float) -> Batch | None:
        """Return what stands first; what comes from disk stays there, too."""
        self._touched = now
        if self.spool is not None and len(self.spool):
            events = self.spool.peek(limits.max_events, limits.max_bytes)
            if len(events) == len(self.spool):
                self.is_behind = False
            return Batch(events, is_spooled=True) if events else None
        self.is_behind = False
        entries = self.queue.take(limits.max_events, limits.max_bytes)
        return self._in_flight(entries)

    def take_urgent(self, limits: Limits, now: float) -> Batch | None:
        """Return errors that have waited while other events stand first."""
        first = self.queue.first(URGENT) if self.is_on_disk else None
        if first is None or now - first[1] < limits.max_age:
            return None
        return self.pull(
            [e[0] for e in self.queue.after(-1) if e[2] >= URGENT], limits
        )

    def pull(self, numbers: Sequence[int], limits: Limits) -> Batch | None:
        """Return those of *numbers* that still wait, though others do."""
        entries = self.queue.pull(set(numbers[: limits.max_events]))
        return self._in_flight(entries, has_overtaken=True)

    def _in_flight(
        self, entries: list[Entry], *, has_overtaken: bool = False
    ) -> Batch | None:
        if not entries:
            return None
        self._ledger.take(len(entries))
        events = [*map(event_of, entries)]
        return Batch(events, entries, has_overtaken=has_overtaken)

    def close(self) -> None:
        """Move what is in memory to disk, or count it as lost."""
        if not self.spill():
            entries = self.queue.drain()
            if entries:
                self._ledger.lose("shutdown", len(entries))
        if self.spool is not None:
            self.spool.close()
