"""Batches between the backlog and what becomes of their events."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mohflow._event import Event
from mohflow.delivery.batch import Batch
from mohflow.delivery.ledger import Fates, Ledger
from mohflow.delivery.queue import BoundedQueue, Entry
from mohflow.diagnostics import complain
from mohflow.exceptions import SpoolError


if TYPE_CHECKING:
    from mohflow.delivery.spool import Spool


class InFlight:
    """
    What the worker is busy with. Nothing here waits or locks.

    Args:
        name: The name of the sink in complaints.
        ledger: Is told of every move.
        queue: Where events go back to that had overtaken others.
        spool: The place on disk, if there is one.
    """

    def __init__(
        self,
        name: str,
        ledger: Ledger,
        queue: BoundedQueue,
        spool: Spool | None,
    ) -> None:
        self._name = name
        self._ledger = ledger
        self._queue = queue
        self._spool = spool
        self.batches: list[Batch] = []

    def oldest(self) -> int:
        """Return the number of the oldest event that is only in memory."""
        first = self._queue.first()
        oldest = first[0] if first else self._queue.entered
        numbers = [batch.number for batch in self.batches if batch.entries]
        return min([oldest, *numbers])

    def keep_first(self, batch: Batch, count: int) -> Batch:
        """Return the first *count* of *batch*; the others wait again."""
        self.batches.remove(batch)
        self._put_back(batch.entries[count:])
        smaller = Batch(
            batch.events[:count],
            batch.entries[:count],
            is_spooled=batch.is_spooled,
            has_overtaken=batch.has_overtaken,
        )
        self.batches.append(smaller)
        return smaller

    def _put_back(self, entries: Sequence[Entry]) -> None:
        self._queue.restore(entries)
        self._ledger.take(-len(entries))

    def settle(
        self, batch: Batch, events: Sequence[Event], fates: Fates
    ) -> None:
        """Count what became of *events*, which belong to *batch*."""
        if not batch.is_finished:
            gone = {id(event) for event in events}
            batch.left = [e for e in batch.left if id(e) not in gone]
            self._ledger.settle(fates, spooled=batch.is_spooled)

    def finish(self, batch: Batch, reason: str | None = "shutdown") -> None:
        """
        Forget *batch*; what is left of it goes, or stays, on disk.

        Where the disk does not take it, it is lost and counted as *reason*;
        without a reason it waits again.
        """
        if batch.is_finished:
            return
        batch.is_finished = True
        self.batches.remove(batch)
        if batch.is_spooled:
            self._acknowledge(batch)
        elif batch.has_overtaken:
            self._put_left_back(batch)
        elif batch.left and not self._give_up(batch.left):
            if reason is None:
                self._put_left_back(batch)
            else:
                self._ledger.settle(Fates(dropped={reason: len(batch.left)}))

    def _put_left_back(self, batch: Batch) -> None:
        left = {id(event) for event in batch.left}
        pairs = zip(batch.entries, batch.events, strict=True)
        self._put_back([one for one, event in pairs if id(event) in left])

    def _acknowledge(self, batch: Batch) -> None:
        """Let the disk forget what is not left of *batch*."""
        assert self._spool is not None  # noqa: S101 - tells the type checker
        count = len(batch.events)
        if batch.left:
            first = id(batch.left[0])
            count = [id(event) for event in batch.events].index(first)
            if len(batch.events) - count != len(batch.left):
                # Some in the middle are done with: write the others anew.
                try:
                    self._spool.prepend(batch.left)
                    count = len(batch.events)
                except SpoolError as error:
                    say_unusable(self._name, error)
        self._spool.ack(count)

    def _give_up(self, events: Sequence[Event]) -> bool:
        """Put events that were in flight before all others on disk."""
        if self._spool is None:
            return False
        try:
            self._spool.prepend(events)
        except SpoolError as error:
            say_unusable(self._name, error)
            return False
        self._ledger.give_up(len(events))
        return True


def say_unusable(name: str, error: SpoolError) -> None:
    """Say that the disk does not take events."""
    complain(
        f"spool {name}",
        f"the spool of sink {name!r} cannot be used: {error.reason}. Events "
        "stay in memory, within its bounds.",
    )
