"""The work of the thread that brings events to a sink."""

from __future__ import annotations

from collections.abc import Sequence

from mohflow._event import Event
from mohflow.delivery.attempts import Attempts
from mohflow.delivery.backlog import Batch
from mohflow.delivery.batch import partitioner
from mohflow.delivery.inline import close_sink
from mohflow.delivery.ledger import Fates
from mohflow.delivery.shared import Shared
from mohflow.diagnostics import complain


class Courier:
    """
    Take batches from the backlog and see them through, one at a time.

    Args:
        shared: The state, of which it takes the lock.
    """

    def __init__(self, shared: Shared) -> None:
        self._shared = shared
        self._attempts = Attempts(shared, self)
        self._partition = partitioner(shared.name, shared.sink)

    def run(self) -> None:
        """Work until there is nothing more, and the end has come."""
        while True:
            try:
                while (batch := self._next()) is not None:
                    self.process(batch)
            except Exception as error:
                # A fault of ours: said on stderr, and the next batch is tried.
                self._recover(error)
            else:
                break
        if self._shared.is_abandoned:
            close_sink(self._shared.name, self._shared.sink)

    def _next(self) -> Batch | None:
        """Return a batch once one is due; ``None`` when there is no more."""
        shared = self._shared
        with shared.wake:
            while True:
                shared.backlog.look_around(shared.clock())
                if shared.is_due():
                    batch = self.take()
                    if batch is not None:
                        return batch
                    # The disk cannot be read; it may get better.
                    shared.wake.wait(1.0)
                if shared.is_closing:
                    return None
                shared.wake.wait(
                    shared.backlog.patience(shared.clock(), shared.limits)
                )

    def take(self) -> Batch | None:
        """Take the next batch from the backlog; the lock must be held."""
        shared = self._shared
        shared.batch = shared.backlog.take(
            shared.limits, self._partition, shared.clock()
        )
        return shared.batch

    def process(self, batch: Batch) -> None:
        """Deliver *batch*, as long as it makes sense; keep what is left."""
        shared = self._shared
        self._attempts.process(batch)
        with shared.wake:
            if shared.breaker.is_open and not batch.is_spooled:
                shared.backlog.spill()
            shared.backlog.finish(batch)
            shared.batch = None
            if shared.oldest() > shared.awaited:
                shared.awaited = -1
            shared.wake.notify_all()

    def is_over(self, batch: Batch) -> bool:
        """Return whether another attempt makes no sense now."""
        if self._shared.is_closing or batch.is_finished:
            return True
        has_disk = self._shared.disk is not None and not batch.is_spooled
        return has_disk and self._shared.breaker.is_open

    def pause(self, seconds: float) -> None:
        """Wait for *seconds*, or until the end."""
        with self._shared.wake:
            self._shared.wake.wait_for(
                lambda: self._shared.is_closing, seconds
            )

    def settle(
        self, batch: Batch, events: Sequence[Event], fates: Fates
    ) -> None:
        """Count what became of *events*."""
        with self._shared.wake:
            self._shared.backlog.settle(batch, events, fates)

    def bury(self, rejected: Sequence[tuple[Event, str]]) -> None:
        """Keep events that will never be stored, each with a reason."""
        if rejected and self._shared.disk is not None:
            self._shared.disk.bury(self._shared.name, rejected)

    def _recover(self, error: Exception) -> None:
        shared = self._shared
        complain(
            f"engine {shared.name}",
            f"the delivery to sink {shared.name!r} failed: "
            f"{type(error).__name__}. Please report this.",
        )
        with shared.wake:
            if shared.batch is not None:
                shared.backlog.finish(shared.batch)
                shared.batch = None
            shared.wake.wait(1.0)
