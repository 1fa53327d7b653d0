"""The work of the thread that brings events to a sink."""

from __future__ import annotations

from collections.abc import Sequence

from mohflow._event import Event
from mohflow.delivery.attempts import Attempts
from mohflow.delivery.batch import Batch, fitting, partitioner
from mohflow.delivery.inline import close_sink
from mohflow.delivery.ledger import Fates
from mohflow.delivery.meantime import Meantime
from mohflow.delivery.shared import Shared
from mohflow.diagnostics import complain
from mohflow.exceptions import Unavailable


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
        self._meantime = Meantime(shared, self._partition, self._once)
        self.pause = self._meantime.pause
        self._was_urgent = False

    def run(self) -> None:
        """Work until the end has come."""
        self._shared.is_attended = True
        try:
            self._work()
        finally:
            self._shared.is_attended = False
            self._shared.inbox.limit = 0

    def _work(self) -> None:
        while True:
            try:
                while (batch := self._next()) is not None:
                    self.process(batch)
            except BaseException as error:
                # A fault of ours: said on stderr, and the next batch is tried.
                self._recover(error)
            else:
                break
        if self._shared.is_abandoned:
            close_sink(self._shared.name, self._shared.sink)

    def _next(self) -> Batch | None:
        """Return a batch once one is due; ``None`` when the end has come."""
        shared = self._shared
        while not shared.is_closing:
            self._meantime.relieve()
            batch = self.take()
            if batch is not None:
                return batch
            with shared.wake:
                if shared.is_closing or shared.must_spill():
                    # A disk that fails now may work a moment later.
                    shared.wake.wait(0.01)
                elif shared.is_due():
                    shared.wake.wait(1.0)
                else:
                    shared.is_idle = True
                    shared.allow()
                    if len(shared.inbox) <= shared.inbox.limit:
                        shared.wake.wait(shared.patience())
                    shared.is_idle = False
        return None

    def take(self) -> Batch | None:
        """Take what must go now from the backlog, if anything."""
        shared = self._shared
        with shared.wake:
            batch = self._choose()
            if batch is None:
                return None
            shared.in_flight.batches.append(batch)
        count = fitting(batch.events, shared.limits, self._partition)
        if count == len(batch.events):
            return batch
        with shared.wake:
            if batch.is_finished:
                return batch
            return shared.in_flight.keep_first(batch, count)

    def _choose(self) -> Batch | None:
        shared = self._shared
        shared.collect()
        now = shared.clock()
        shared.backlog.look_around(now)
        if shared.is_closing:
            return None
        if not self._was_urgent:
            batch = shared.backlog.take_urgent(shared.limits, now)
            if batch is not None:
                self._was_urgent = True
                return batch
        self._was_urgent = False
        if not shared.is_due():
            return None
        return shared.backlog.take(shared.limits, now)

    def process(self, batch: Batch) -> None:
        """Deliver *batch*, as long as it makes sense; keep what is left."""
        shared = self._shared
        is_behind = batch.is_spooled and shared.backlog.is_behind
        self._attempts.process(batch)
        self._finish(batch)
        if is_behind and not batch.left:
            size = sum(len(event.line) for event in batch.events)
            shared.pace.sent(size, shared.clock())
        self._meantime.relieve()

    def _once(self, batch: Batch) -> Unavailable | None:
        """Try *batch* without waiting; what is left of it waits again."""
        fault = self._attempts.once(batch)
        self._finish(batch)
        return fault

    def _finish(self, batch: Batch, reason: str = "shutdown") -> None:
        shared = self._shared
        with shared.wake:
            if shared.breaker.is_open:
                shared.backlog.is_behind = True
            shared.in_flight.finish(batch, reason)
            shared.tell()

    def is_over(self, batch: Batch) -> bool:
        """Return whether another attempt makes no sense now."""
        shared = self._shared
        if shared.is_closing or batch.is_finished:
            return True
        if batch.has_overtaken:
            return True
        has_disk = shared.disk is not None and not batch.is_spooled
        return has_disk and shared.breaker.is_open

    def settle(
        self, batch: Batch, events: Sequence[Event], fates: Fates
    ) -> None:
        """Count what became of *events*."""
        with self._shared.wake:
            self._shared.in_flight.settle(batch, events, fates)

    def bury(self, rejected: Sequence[tuple[Event, str]]) -> None:
        """Keep events that will never be stored, each with a reason."""
        if rejected and self._shared.disk is not None:
            self._shared.disk.bury(self._shared.name, rejected)

    def recovered(self, seconds: float) -> None:
        """Say that the sink is back after *seconds*, and what is late."""
        name = self._shared.name
        counts = self._shared.ledger.snapshot()
        late = counts.spooled + counts.queued + counts.in_flight
        complain(
            f"recovered {name}",
            f"sink {name!r} is back after {seconds:.0f} s; {late} events "
            f"arrive late, {counts.lost} are lost so far.",
        )

    def _recover(self, error: BaseException) -> None:
        shared = self._shared
        complain(
            f"engine {shared.name}",
            f"the delivery to sink {shared.name!r} failed: "
            f"{type(error).__name__}. Please report this.",
        )
        for batch in list(shared.in_flight.batches):
            self._finish(batch, "engine_error")
        with shared.wake:
            if not shared.is_closing:
                shared.wake.wait(1.0)
