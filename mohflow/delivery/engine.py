"""
Hand events to a sink from a thread of its own, and never lose count.

What holds at every instant:

- ``put`` does not wait for the sink, and does not raise;
- memory is bounded in events and in bytes, the disk in bytes and in age;
- the sink is called by one thread at a time, the worker;
- an event waits in the backlog, or is in the batch of the worker, or has its
  fate in the ledger.
"""

from __future__ import annotations

import time

from collections.abc import Callable, Mapping
from threading import get_ident
from typing import Any

from mohflow._delivery_options import DeliveryOptions
from mohflow._event import Event
from mohflow.delivery.courier import Courier
from mohflow.delivery.disk import Disk
from mohflow.delivery.inline import close_sink
from mohflow.delivery.shared import Shared
from mohflow.delivery.sight import Sight
from mohflow.delivery.worker import (
    WORKERS,
    Worker,
    forget_workers,
    is_worker,
)
from mohflow.typing import Sink


BLOCK_SECONDS = 1.0
"""How long ``overflow="block"`` holds a log call at most."""


class Delivery:
    """
    Keep events for *sink* and write them in batches, in order.

    Args:
        name: The name of the sink in complaints, of its thread and folder.
        sink: The destination; it may block, and it may raise.
        options: Bounds and promises.
        disk: The place for what memory cannot keep, if there is one.
        clock: Returns seconds; only differences count.
        is_json: Whether the line of an event is its fields as JSON and a
            newline; then the line alone waits.
    """

    is_queued = True

    def __init__(
        self,
        name: str,
        sink: Sink,
        options: DeliveryOptions,
        disk: Disk | None = None,
        clock: Callable[[], float] = time.monotonic,
        *,
        is_json: bool = False,
    ) -> None:
        self.name = name
        self.sink = sink
        self._blocks = options.overflow == "block"
        self._made_of = (name, sink, options, disk, clock)
        self._is_json = is_json
        self._disk = disk
        self._begin()
        if disk is not None:
            with self._shared.lock:
                self._shared.backlog.look_around(clock())
            if self._shared.backlog.is_on_disk:
                self._worker.start()

    def _begin(self) -> None:
        shared = self._shared = Shared(*self._made_of, is_json=self._is_json)
        self._inbox = shared.inbox
        self.ledger = shared.ledger
        self.courier = Courier(shared)
        self._worker = Worker(f"mohflow-{self.name}", self.courier.run)

    def after_fork(self) -> None:
        """Start empty in the child: the parent sends what it has."""
        forget_workers()
        if self._disk is not None:
            self._disk.spool.after_fork()
        self.sink.after_fork()
        self._begin()

    def look(self) -> Sight:
        """Return how it goes, at a glance."""
        with self._shared.lock:
            self._shared.collect()
            return self._shared.look()

    def put(self, event: Event) -> None:
        """
        Keep *event* for the sink, or count why not.

        What a sink, or its HTTP client, logs while it writes is not accepted:
        two sinks would feed each other for ever.
        """
        if is_worker():
            # Before the lock is touched: the worker may hold it.
            return
        shared = self._shared
        with shared.lock:
            # First, what this thread has left in the inbox before.
            shared.collect()
            if self._blocks:
                self._wait_for_room(event)
            if shared.is_closing:
                self.ledger.refused("closed")
                return
            is_awaited = shared.missing() <= 1
            shared.backlog.put(event, shared.clock())
            if is_awaited:
                shared.rouse()
            shared.allow()
        self._worker.start()

    def put_line(
        self, time_ns: int, level: int, fields: Mapping[str, Any], line: bytes
    ) -> None:
        """
        Do what :meth:`put` does, for less, where *line* is JSON of *fields*.

        The worker does the rest; nothing is locked, and nobody is woken, but
        by the first line after a rest and by one that makes a batch.
        """
        inbox = self._inbox
        if len(line) > inbox.most:
            self.put(Event(time_ns, level, fields, line))
        elif get_ident() not in WORKERS:
            # A copy takes the memory that it needs; see queue.KEPT_BYTES.
            inbox.append((level, time_ns, line[:-1]))
            if len(inbox) > inbox.limit:
                self._attend()

    def _attend(self) -> None:
        with self._shared.lock:
            self._shared.attend()
            is_closing = self._shared.is_closing
        if not is_closing:
            self._worker.start()

    def _wait_for_room(self, event: Event) -> None:
        shared = self._shared
        shared.wake.wait_for(
            lambda: shared.backlog.has_room(event) or shared.is_closing,
            BLOCK_SECONDS,
        )

    def expedite(self) -> int:
        """
        End every wait for company of the events that wait now.

        Returns:
            The number that the oldest event in memory must pass.
        """
        shared = self._shared
        with shared.lock:
            shared.collect()
            upto = shared.backlog.queue.entered - 1
            is_waiting = shared.oldest() <= upto or shared.backlog.is_on_disk
            if is_waiting:
                shared.awaited = max(shared.awaited, upto)
            shared.wake.notify_all()
        if is_waiting:
            self._worker.start()
        return upto

    def flush(self, deadline: float) -> bool:
        """
        Write what waits, without waiting for more.

        Args:
            deadline: The reading of :func:`time.monotonic` to give up at.

        Returns:
            Whether no event that came before the call is in memory only.
        """
        upto = self.expedite()
        shared = self._shared
        with shared.lock:
            return shared.wake.wait_for(
                lambda: shared.oldest() > upto,
                max(0.0, deadline - time.monotonic()),
            )

    def close(self, deadline: float) -> None:
        """Deliver what can be until *deadline*; keep or count the rest."""
        self.expedite()
        shared = self._shared
        with shared.lock:
            shared.wake.wait_for(
                shared.is_settled, max(0.0, deadline - time.monotonic())
            )
            shared.collect()
            shared.is_closing = True
            shared.allow()
            shared.wake.notify_all()
        is_over = self._worker.join(deadline - time.monotonic())
        with shared.lock:
            for batch in list(shared.in_flight.batches):
                shared.in_flight.finish(batch)
            shared.backlog.close()
            shared.is_abandoned = not is_over
        if self._worker.join(0.0):
            close_sink(self.name, self.sink)
