"""The work of the thread that brings events to a sink."""

from __future__ import annotations

from collections.abc import Sequence

from mohflow._event import Event
from mohflow.delivery.attempts import Attempts
from mohflow.delivery.batch import Batch, fitting, partitioner
from mohflow.delivery.bypass import Bypass
from mohflow.delivery.inline import close_sink
from mohflow.delivery.ledger import Fates
from mohflow.delivery.shared import Shared
from mohflow.diagnostics import complain
from mohflow.exceptions import Unavailable


TICK = 0.5
"""Seconds between two looks at what else can be done while the sink is
away."""


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
        self._was_urgent = False

    def run(self) -> None:
        """Work until the end has come."""
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
            self.relieve()
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
            shared.batches.append(batch)
        count = fitting(batch.events, shared.limits, self._partition)
        if count == len(batch.events):
            return batch
        with shared.wake:
            if batch.is_finished:
                return batch
            shared.batches.remove(batch)
            batch = shared.backlog.keep_first(batch, count)
            shared.batches.append(batch)
        return batch

    def _choose(self) -> Batch | None:
        shared = self._shared
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

    def relieve(self) -> None:
        """Move what is in memory to disk, a little at a time, if it helps."""
        shared = self._shared
        is_done = False
        while not is_done:
            with shared.wake:
                is_done = not (
                    shared.must_spill() and shared.backlog.spill_slice()
                )
                self._tell()

    def process(self, batch: Batch) -> None:
        """Deliver *batch*, as long as it makes sense; keep what is left."""
        shared = self._shared
        is_behind = batch.is_spooled and shared.backlog.is_behind
        self._attempts.process(batch)
        self._finish(batch)
        if is_behind and not batch.left:
            size = sum(len(event.line) for event in batch.events)
            shared.pace.sent(size, shared.clock())
        self.relieve()

    def _finish(self, batch: Batch, reason: str = "shutdown") -> None:
        shared = self._shared
        with shared.wake:
            shared.backlog.finish(batch, reason)
            if batch in shared.batches:
                shared.batches.remove(batch)
            self._tell()

    def _tell(self) -> None:
        """Wake who waits for an event to have left the memory."""
        shared = self._shared
        if shared.oldest() > shared.awaited:
            shared.awaited = -1
        shared.wake.notify_all()

    def is_over(self, batch: Batch) -> bool:
        """Return whether another attempt makes no sense now."""
        shared = self._shared
        if shared.is_closing or batch.is_finished:
            return True
        if batch.has_overtaken:
            return True
        has_disk = shared.disk is not None and not batch.is_spooled
        return has_disk and shared.breaker.is_open

    def pause(self, seconds: float, held: Batch | None = None) -> None:
        """
        Wait for *seconds*, or until the end.

        Args:
            seconds: How long.
            held: Only events of its partition must wait; others are tried.
        """
        shared = self._shared
        bypass = Bypass(shared, self._partition)
        if held is not None:
            bypass.hold(held)
        while seconds > 0 and not shared.is_closing:
            self.relieve()
            if held is not None:
                self._overtake(bypass)
            with shared.wake:
                # What could not be moved now is no reason to wake up.
                is_stuck = shared.must_spill()
                shared.wake.wait_for(
                    lambda: shared.is_closing
                    or (not is_stuck and shared.must_spill()),  # noqa: B023 - called before it changes
                    min(seconds, TICK),
                )
            seconds -= TICK

    def _overtake(self, bypass: Bypass) -> None:
        """Deliver what need not wait for what is held."""
        shared = self._shared
        while (batch := bypass.take()) is not None:
            fault = self._attempts.once(batch)
            self._finish(batch)
            if isinstance(fault, Unavailable):
                if not fault.only_partition or shared.is_closing:
                    return
                bypass.hold(batch)

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
        for batch in list(shared.batches):
            self._finish(batch, "engine_error")
        with shared.wake:
            if not shared.is_closing:
                shared.wake.wait(1.0)
