"""
Write one batch: again while the sink is away, in halves if it refuses.

Everything that waits, locks or counts comes from outside, as
:class:`Surroundings`, so this can be followed without a thread.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Protocol

from mohflow._event import Event
from mohflow.delivery.batch import Batch
from mohflow.delivery.ledger import Fates
from mohflow.delivery.retry import retrying
from mohflow.delivery.shared import Shared
from mohflow.diagnostics import complain
from mohflow.exceptions import Rejected, Unavailable
from mohflow.typing import Partial


class Surroundings(Protocol):
    """What the attempts ask of the courier."""

    def pause(self, seconds: float, held: Batch | None = None) -> None: ...

    def is_over(self, batch: Batch) -> bool: ...

    def settle(
        self, batch: Batch, events: Sequence[Event], fates: Fates
    ) -> None: ...

    def bury(self, rejected: Sequence[tuple[Event, str]]) -> None: ...

    def recovered(self, seconds: float) -> None: ...


class Attempts:
    """
    Deliver batches to the sink.

    Args:
        shared: Has the sink, the clock, and the breaker, the pace and the
            meter, which are told how each attempt went.
        around: Waits, counts and keeps.
    """

    def __init__(self, shared: Shared, around: Surroundings) -> None:
        self._name = shared.name
        self._sink = shared.sink
        self._breaker = shared.breaker
        self._pace = shared.pace
        self._meter = shared.meter
        self._clock = shared.clock
        self._around = around

    def process(self, batch: Batch) -> None:
        """Settle the events of *batch*, or leave the last of them in it."""
        todo = [list(batch.events)]
        while todo and not batch.is_finished:
            try:
                todo += self._insist(batch, todo.pop())
            except Unavailable:
                return

    def once(self, batch: Batch) -> Unavailable | None:
        """Do the same without waiting; return what stood in the way."""
        todo = [list(batch.events)]
        while todo:
            try:
                todo += self._once(batch, todo.pop())
            except Unavailable as error:
                return error
        return None

    def _insist(self, batch: Batch, events: list[Event]) -> list[list[Event]]:
        """
        Write *events*, again and again while the sink is away.

        Returns:
            What must be written after this, the first of it last.

        Raises:
            Unavailable: Another attempt makes no sense now.
        """
        around = self._around
        fault: Unavailable | None = None

        def pause(seconds: float) -> None:
            is_alone = fault is not None and fault.only_partition
            around.pause(seconds, batch if is_alone else None)

        for attempt in retrying(pause, lambda: around.is_over(batch)):
            with attempt:
                try:
                    return self._once(batch, events)
                except _PartlyStored as error:
                    events, fault = error.left, error
                    raise
                except Unavailable as error:
                    fault = error
                    raise
        return []

    def _once(self, batch: Batch, events: list[Event]) -> list[list[Event]]:
        wait = self._breaker.remaining(self._clock())
        if wait:
            reason = "circuit_open"
            raise Unavailable(reason, retry_after=wait)
        try:
            answer = self._write(events)
        except Unavailable as error:
            self._note(error)
            raise
        except Rejected as error:
            self._succeeded()
            return self._isolate(batch, events, error)
        except BaseException as error:
            # A fault of the sink: counted, said on stderr.
            fates = Fates(dropped={"sink_error": len(events)})
            self._around.settle(batch, events, fates)
            self._say(type(error).__name__)
            return []
        self._succeeded()
        left = self._accept(batch, events, answer)
        if left:
            again = _PartlyStored(left)
            self._meter.must_repeat(again.reason)
            raise again
        return []

    def _write(self, events: list[Event]) -> object:
        begun = self._clock()
        try:
            return self._sink.write(events)
        finally:
            self._meter.wrote(events, self._clock() - begun)

    def _note(self, error: Unavailable) -> None:
        """Let the breaker, or the pace, know of a failure."""
        self._meter.must_repeat(error.reason)
        if error.only_partition:
            # The server is there, and answers.
            self._pace.refused()
            self._breaker.failing = error.reason
        else:
            self._breaker.failed(self._clock(), error.reason)
        self._say(error.reason)

    def _succeeded(self) -> None:
        breaker = self._breaker
        since = breaker.away_since if breaker.is_open else None
        breaker.succeeded()
        if since is not None:
            self._around.recovered(self._clock() - since)

    def _accept(
        self, batch: Batch, events: list[Event], answer: object
    ) -> list[Event]:
        """Settle what was stored or refused; return what was neither."""
        if not isinstance(answer, Partial):
            answer = Partial()
        reasons = {id(event): reason for event, reason in answer.rejected}
        again = {id(event) for event in answer.retry} - reasons.keys()
        settled = [event for event in events if id(event) not in again]
        refused = [(e, reasons[id(e)]) for e in settled if id(e) in reasons]
        self._meter.stored([e for e in settled if id(e) not in reasons])
        self._around.bury(refused)
        fates = Fates(
            len(settled) - len(refused),
            Counter(reason for _, reason in refused),
        )
        self._around.settle(batch, settled, fates)
        return [event for event in events if id(event) in again]

    def _isolate(
        self, batch: Batch, events: list[Event], error: Rejected
    ) -> list[list[Event]]:
        """Return halves of *events*, or give up on the one that is left."""
        if error.split and len(events) > 1:
            half = len(events) // 2
            return [events[half:], events[:half]]
        self._around.bury([(event, error.reason) for event in events])
        fates = Fates(rejected={error.reason: len(events)})
        self._around.settle(batch, events, fates)
        self._say(error.reason)
        return []

    def _say(self, reason: str) -> None:
        complain(
            f"sink {self._name} {reason}",
            f"sink {self._name!r}: {reason}. What is lost is counted in its "
            "ledger.",
        )


class _PartlyStored(Unavailable):
    """Some of a batch must be tried again, after a while."""

    def __init__(self, left: list[Event]) -> None:
        super().__init__("partly_stored")
        self.left = left
