"""
Hand events to a sink from a thread of its own.

What holds at every instant:

- ``put`` never waits for the sink, and never raises;
- the queue is bounded in events and in bytes; what does not fit is counted;
- the sink is called by one thread at a time, the worker;
- an event is queued, or in flight, or has its fate in the ledger.

The mutable state is ``_queue``, ``_bytes``, ``_taken``, ``_settled``,
``_flush_upto``, ``_closing`` and ``_worker``; each is read and written only
under ``_wake``, whose condition is signalled after every change.
"""

from __future__ import annotations

import threading
import time

from collections import Counter, deque
from collections.abc import Hashable, Iterable, Sequence
from typing import Any

from mohflow._event import Event
from mohflow.delivery.inline import close_sink
from mohflow.delivery.ledger import Ledger
from mohflow.diagnostics import complain
from mohflow.exceptions import Rejected, SinkError
from mohflow.typing import Partial, Sink


QUEUE_EVENTS = 10_000
"""Events that may wait; what comes then is dropped and counted."""

QUEUE_BYTES = 32 * 1024 * 1024
"""Bytes of lines that may wait; what comes then is dropped and counted."""


class Delivery:
    """
    Queue events for *sink* and write them in batches, in order.

    Args:
        name: The name of the sink in complaints and of its thread.
        sink: The destination; it may block, and it may raise.
    """

    def __init__(self, name: str, sink: Sink) -> None:
        self.name = name
        self.sink = sink
        self.ledger = Ledger()
        self._reset()

    def _reset(self) -> None:
        self._wake = threading.Condition(threading.Lock())
        self._queue: deque[tuple[Event, float]] = deque()
        self._bytes = 0
        self._taken = 0
        self._settled = 0
        self._flush_upto = 0
        self._closing = False
        self._worker: threading.Thread | None = None

    def after_fork(self) -> None:
        """Start empty in the child: the parent sends what it queued."""
        self._reset()
        self.ledger.after_fork()
        self.sink.after_fork()

    def put(self, event: Event) -> None:
        """Queue *event*, or count why not."""
        if self._worker is threading.current_thread():
            # Before the lock is touched: the worker may hold it.
            self._lose("feedback")
            return
        with self._wake:
            reason = self._refusal(event)
            if reason is None:
                self._queue.append((event, time.monotonic()))
                self._bytes += len(event.line)
                self.ledger.queue()
                self._wake.notify_all()
        if reason is None:
            self._start()
        else:
            self._lose(reason)

    def _refusal(self, event: Event) -> str | None:
        if self._closing:
            return "closed"
        full = len(self._queue) >= QUEUE_EVENTS
        if full or self._bytes + len(event.line) > QUEUE_BYTES:
            return "queue_full"
        return None

    def _lose(self, reason: str) -> None:
        self.ledger.refused(reason)
        if reason == "queue_full":
            complain(
                f"sink {self.name} {reason}",
                f"sink {self.name!r} is slower than the program: its queue is "
                "full. New events are lost to it and counted.",
            )

    def _start(self) -> None:
        """
        Start the worker if there is none; not under the lock.

        Until a thread has started, whatever is collected in it may log.
        """
        with self._wake:
            if self._worker is not None:
                return
            worker = self._worker = threading.Thread(
                target=self._work, name=f"mohflow-{self.name}", daemon=True
            )
        try:
            worker.start()
        except RuntimeError:
            # The interpreter is about to end; close() counts what is left.
            self._worker = None

    def _work(self) -> None:
        try:
            self._run()
        finally:
            with self._wake:
                self._worker = None

    def _run(self) -> None:
        wake = self._wake
        while True:
            with wake:
                while not self._is_due():
                    if self._closing and not self._queue:
                        return
                    wake.wait(self._patience())
                batch = self._take()
            self._write(batch)
            with wake:
                self._settled += len(batch)
                wake.notify_all()

    def _is_due(self) -> bool:
        """Return whether the queued events make a batch that must go now."""
        if not self._queue:
            return False
        limits = self.sink.limits
        return (
            self._closing
            or self._taken < self._flush_upto
            or len(self._queue) >= limits.max_events
            or self._bytes >= limits.max_bytes
            or self._patience() == 0
        )

    def _patience(self) -> float | None:
        """Return the seconds until the first queued event must leave."""
        if not self._queue:
            return None
        age = time.monotonic() - self._queue[0][1]
        return max(0.0, self.sink.limits.max_age - age)

    def _take(self) -> list[Event]:
        count = _fitting((event for event, _ in self._queue), self.sink)
        batch = [self._queue.popleft()[0] for _ in range(count)]
        self._bytes -= sum(len(event.line) for event in batch)
        self._taken += count
        self.ledger.take(count)
        return batch

    def _write(self, batch: Sequence[Event]) -> None:
        try:
            answer = self.sink.write(batch)
        except Rejected as error:
            self.ledger.settle(rejected={error.reason: len(batch)})
            self._say(error.reason)
        except SinkError as error:
            self.ledger.settle(dropped={error.reason: len(batch)})
            self._say(error.reason)
        except BaseException as error:  # counted, said on stderr
            self.ledger.settle(dropped={"sink_error": len(batch)})
            self._say(type(error).__name__)
        else:
            self.ledger.settle(**_fates(batch, answer))

    def _say(self, what: str) -> None:
        complain(
            f"sink {self.name}",
            f"sink {self.name!r} cannot write: {what}. "
            "The events are lost to this sink and counted in its ledger.",
        )

    def expedite(self) -> int:
        """
        End every wait for company of the events that are queued now.

        Returns:
            How many events will have been settled once they all are.
        """
        with self._wake:
            upto = self._taken + len(self._queue)
            self._flush_upto = max(self._flush_upto, upto)
            is_waiting = bool(self._queue)
            self._wake.notify_all()
        if is_waiting:
            self._start()
        return upto

    def flush(self, deadline: float) -> bool:
        """
        Write what is queued, without waiting for more.

        Args:
            deadline: The reading of :func:`time.monotonic` to give up at.

        Returns:
            Whether every event that was put before the call has its fate.
        """
        upto = self.expedite()
        with self._wake:
            return self._wake.wait_for(
                lambda: self._settled >= upto,
                max(0.0, deadline - time.monotonic()),
            )

    def close(self, deadline: float) -> None:
        """Flush, stop the thread, count what is left, close the sink."""
        is_done = self.flush(deadline)
        with self._wake:
            self._closing = True
            left = [self._queue.popleft()[0] for _ in range(len(self._queue))]
            self._bytes = 0
            self.ledger.take(len(left))
            self._wake.notify_all()
            worker = self._worker
        self.ledger.settle(dropped={"shutdown": len(left)} if left else {})
        if worker is not None:
            worker.join(max(0.0, deadline - time.monotonic()))
        if is_done and (worker is None or not worker.is_alive()):
            close_sink(self.name, self.sink)


def _fitting(events: Iterable[Event], sink: Sink) -> int:
    """Return how many of *events*, from the first on, make one batch."""
    limits = sink.limits
    count = size = 0
    first: Hashable = None
    for count, event in enumerate(events):
        size += len(event.line)
        key = _key(sink, event)
        first = key if count == 0 else first
        is_full = size > limits.max_bytes or count == limits.max_events
        if count and (is_full or key != first):
            return count
    return count + 1


def _key(sink: Sink, event: Event) -> Hashable:
    try:
        return sink.partition(event)
    except Exception as error:  # said on stderr
        complain(
            "partition",
            f"a sink cannot part events: {type(error).__name__}. They share "
            "batches.",
        )
        return None


def _fates(batch: Sequence[Event], answer: object) -> dict[str, Any]:
    """Return what became of *batch*; anything but a Partial means stored."""
    if not isinstance(answer, Partial):
        return {"delivered": len(batch)}
    reasons = {id(event): reason for event, reason in answer.rejected}
    again = {id(event) for event in answer.retry} - reasons.keys()
    refused = [reasons[id(event)] for event in batch if id(event) in reasons]
    retried = sum(1 for event in batch if id(event) in again)
    return {
        "delivered": len(batch) - len(refused) - retried,
        "rejected": Counter(refused),
        "dropped": {"unavailable": retried},
    }
