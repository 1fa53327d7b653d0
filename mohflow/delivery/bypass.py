"""Events that need not wait for what a back end holds up before them."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from itertools import islice

from mohflow._event import Event
from mohflow.delivery.batch import Batch
from mohflow.delivery.queue import Entry, event_of
from mohflow.delivery.shared import Shared


AT_ONCE = 2000
"""Events that are looked at in one go."""


class Bypass:
    """
    Find events in memory whose partition is not held.

    Args:
        shared: The state, of which it takes the lock.
        partition: Tells which events may share a batch.
    """

    def __init__(
        self, shared: Shared, partition: Callable[[Event], Hashable]
    ) -> None:
        self._shared = shared
        self._partition = partition
        self._held: set[Hashable] = set()
        self._seen = -1

    def hold(self, batch: Batch) -> None:
        """Let events of the partition of *batch* wait."""
        self._held.add(self._partition(batch.events[0]))

    def take(self) -> Batch | None:
        """Take the next events, of one partition, that need not wait."""
        shared = self._shared
        numbers: list[int] = []
        while not numbers and not shared.is_closing:
            with shared.wake:
                shared.collect()
                waiting = shared.backlog.queue.after(self._seen)
                entries = list(islice(waiting, AT_ONCE))
            if not entries:
                return None
            numbers = self._choose(entries)
        with shared.wake:
            batch = shared.backlog.pull(numbers, shared.limits)
            if batch is not None:
                shared.in_flight.batches.append(batch)
        return batch

    def _choose(self, entries: Sequence[Entry]) -> list[int]:
        """Return the numbers of those that make a batch, if any."""
        numbers: list[int] = []
        size, chosen = 0, None
        for entry in entries:
            key = self._partition(event_of(entry))
            if key in self._held:
                if not numbers:
                    self._seen = entry[0]
                continue
            size += len(entry[4])
            if not numbers:
                chosen = key
            elif key != chosen or size > self._shared.limits.max_bytes:
                break
            numbers.append(entry[0])
        return numbers
