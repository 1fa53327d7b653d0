"""Every event that a sink accepted has exactly one fate, and is counted."""

from __future__ import annotations

import threading
import time

from collections import Counter
from collections.abc import Callable, Mapping, Sized
from dataclasses import dataclass, field

from mohflow._interpreter import HAS_GIL


@dataclass(frozen=True, slots=True)
class LedgerSnapshot:
    """
    The counts of one sink at one instant.

    At every instant ``accepted`` equals the sum of all the others, the
    mappings summed over their reasons; :attr:`is_balanced` says so.
    """

    accepted: int = 0
    """Events that passed the level of the sink and were handed to it."""

    delivered: int = 0
    """Events that the destination confirmed."""

    rejected: Mapping[str, int] = field(default_factory=dict)
    """Events that the destination refused for good, by reason."""

    dropped: Mapping[str, int] = field(default_factory=dict)
    """Events that were lost on this side, by reason."""

    spooled: int = 0
    """Events on disk, waiting to be sent."""

    queued: int = 0
    """Events in memory, waiting to be sent."""

    in_flight: int = 0
    """Events in a batch that is being written now."""

    @property
    def lost(self) -> int:
        """Return how many events nobody will ever read."""
        return sum(self.rejected.values()) + sum(self.dropped.values())

    @property
    def is_balanced(self) -> bool:
        """Return whether every accepted event has exactly one fate."""
        waiting = self.spooled + self.queued + self.in_flight
        return self.accepted == self.delivered + self.lost + waiting


@dataclass(frozen=True, slots=True)
class Fates:
    """What became of some events."""

    delivered: int = 0
    rejected: Mapping[str, int] = field(default_factory=dict)
    dropped: Mapping[str, int] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """Return how many events these are."""
        lost = sum(self.rejected.values()) + sum(self.dropped.values())
        return self.delivered + lost


class Ledger:
    """
    Count the fates of the events of one sink; safe for threads.

    Args:
        clock: Returns seconds; only differences count.
        inbox: Events that wait in memory and were not counted yet.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        inbox: Sized = (),
    ) -> None:
        self._clock = clock
        self._inbox = inbox
        self.after_fork()

    def after_fork(self) -> None:
        """Start from zero: what the parent accepted is the parent's."""
        # Reentrant: while it is held a collected object may log.
        self.lock = threading.RLock()
        """Is held while an event goes from the inbox to another count."""
        self.written = 0
        """Events that were accepted and delivered in one step."""
        self._accepted = 0
        self._delivered = 0
        self._queued = 0
        self._in_flight = 0
        self._spooled = 0
        self._rejected: Counter[str] = Counter()
        self._dropped: Counter[str] = Counter()
        self._last_loss: tuple[str, float] | None = None

    def wrote(self) -> None:
        """Count one event that was accepted and delivered in one step."""
        if HAS_GIL:
            self.written += 1
        else:
            with self.lock:
                self.written += 1

    def refused(
        self, reason: str, count: int = 1, *, by_sink: bool = False
    ) -> None:
        """Count events that were accepted and lost in one step."""
        with self.lock:
            self._accepted += count
            (self._rejected if by_sink else self._dropped)[reason] += count
            self._last_loss = reason, self._clock()

    def queue(self, count: int = 1) -> None:
        """Count events that were accepted and now wait in memory."""
        with self.lock:
            self._accepted += count
            self._queued += count

    def spool(self, count: int) -> None:
        """Count events that were accepted and now wait on disk."""
        with self.lock:
            self._accepted += count
            self._spooled += count

    def spill(self, count: int) -> None:
        """Count events that went from memory to disk."""
        with self.lock:
            self._queued -= count
            self._spooled += count

    def give_up(self, count: int) -> None:
        """Count events in flight that went to disk instead."""
        with self.lock:
            self._in_flight -= count
            self._spooled += count

    def take(self, count: int) -> None:
        """Count *count* queued events as being written now."""
        with self.lock:
            self._queued -= count
            self._in_flight += count

    def lose(self, reason: str, count: int = 1) -> None:
        """Count queued events that were dropped."""
        with self.lock:
            self._queued -= count
            self._dropped[reason] += count
            self._last_loss = reason, self._clock()

    def settle(self, fates: Fates, *, spooled: bool = False) -> None:
        """Count the fates of events that were being written."""
        with self.lock:
            self._delivered += fates.delivered
            self._rejected.update(fates.rejected)
            self._dropped.update(fates.dropped)
            for reason in (*fates.rejected, *fates.dropped):
                self._last_loss = reason, self._clock()
            if spooled:
                self._spooled -= fates.total
            else:
                self._in_flight -= fates.total

    def last_loss(self) -> tuple[str, float] | None:
        """Return the reason of the latest loss, and the seconds since."""
        with self.lock:
            if self._last_loss is None:
                return None
            reason, when = self._last_loss
            return reason, self._clock() - when

    def snapshot(self) -> LedgerSnapshot:
        """Return the counts as they are at this instant."""
        with self.lock:
            written, left = self.written, len(self._inbox)
            return LedgerSnapshot(
                accepted=self._accepted + written + left,
                delivered=self._delivered + written,
                rejected=dict(+self._rejected),
                dropped=dict(+self._dropped),
                spooled=self._spooled,
                queued=self._queued + left,
                in_flight=self._in_flight,
            )
