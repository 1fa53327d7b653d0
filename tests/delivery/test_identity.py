"""Whatever a sink does and whenever a process ends, the counts balance."""

from __future__ import annotations

import shutil
import tempfile

from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from mohflow import (
    DeliveryOptions,
    Event,
    Partial,
    Rejected,
    Sink,
    Unavailable,
)
from mohflow.delivery.courier import Courier
from mohflow.delivery.disk import Disk
from mohflow.delivery.shared import Shared
from mohflow.testing import FakeClock


OUTCOMES = st.lists(
    st.sampled_from(
        ["store", "away", "busy", "reject", "split", "partial", "fault"]
    ),
    max_size=12,
)


class ScriptedSink(Sink):
    """Does what it is told, then stores; remembers what it stored."""

    def __init__(self) -> None:
        self.script: list[str] = []
        self.stored: list[int] = []

    def write(self, batch) -> Partial | None:
        outcome = self.script.pop(0) if self.script else "store"
        if outcome == "away":
            raise Unavailable("away")
        if outcome == "busy":
            raise Unavailable("busy", retry_after=7.0)
        if outcome == "reject":
            raise Rejected("refused")
        if outcome == "split":
            raise Rejected("refused", split=True)
        if outcome == "fault":
            raise ZeroDivisionError
        if outcome == "partial":
            self.stored += [event.time_ns for event in batch[2:]]
            return Partial(retry=batch[1:2], rejected=[(batch[0], "bad")])
        self.stored += [event.time_ns for event in batch]
        return None


class DeliveryMachine(RuleBasedStateMachine):
    """One process after the other, each followed without its thread."""

    durability = "memory"

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.sink = ScriptedSink()
        self.clock = FakeClock()
        self.number = 0
        self.accepted = 0
        self.settled: list = []
        self.start()

    def start(self) -> None:
        options = DeliveryOptions(
            queue_events=20, batch_events=7, linger=1.0
        ).model_copy(update={"durability": self.durability})
        disk = None
        if self.durability != "memory":
            disk = Disk.below(self.folder, "sink")
        self.shared = Shared("sink", self.sink, options, disk, self.clock)
        self.courier = Courier(self.shared)
        # Waiting is only a matter of the clock here.
        self.courier.pause = self.clock.advance  # type: ignore[method-assign]
        self.shared.backlog.look_around(self.clock())

    @rule(
        count=st.integers(1, 30),
        level=st.sampled_from([10, 20, 40]),
        size=st.integers(1, 2000),
    )
    def log(self, count, level, size) -> None:
        for _ in range(count):
            self.number += 1
            event = Event(self.number, level, {}, b"x" * size + b"\n")
            self.shared.backlog.put(event, self.clock())

    @rule(outcomes=OUTCOMES)
    def deliver(self, outcomes) -> None:
        self.sink.script = list(outcomes)
        self.clock.advance(2.0)
        while self.shared.is_due():
            batch = self.courier.take()
            if batch is None:
                break
            self.courier.process(batch)
            if self.shared.breaker.is_open:
                break
        self.sink.script = []

    @rule()
    def restart(self) -> None:
        self.shared.is_closing = True
        self.shared.backlog.close()
        self.settled.append(self.shared.ledger.snapshot())
        self.start()

    @invariant()
    def every_accepted_event_has_one_fate(self) -> None:
        counts = self.shared.ledger.snapshot()
        spool = self.shared.backlog.spool

        assert counts.is_balanced
        assert 0 == counts.in_flight
        assert len(self.shared.backlog.queue) == counts.queued
        assert (0 if spool is None else len(spool)) == counts.spooled

    @invariant()
    def none_is_stored_twice_or_forgotten(self) -> None:
        ended = [*self.settled, self.shared.ledger.snapshot()]
        lost = sum(counts.lost for counts in ended)
        waiting = ended[-1].queued + ended[-1].spooled

        assert len(set(self.sink.stored)) == len(self.sink.stored)
        assert self.number == len(self.sink.stored) + lost + waiting

    def teardown(self) -> None:
        self.shared.backlog.close()
        shutil.rmtree(self.folder)


class SpoolMachine(DeliveryMachine):
    durability = "spool"


class WalMachine(DeliveryMachine):
    durability = "wal"


BOUNDED = settings(max_examples=60, stateful_step_count=25, deadline=None)
TestMemory = DeliveryMachine.TestCase
TestMemory.settings = BOUNDED
TestSpool = SpoolMachine.TestCase
TestSpool.settings = BOUNDED
TestWal = WalMachine.TestCase
TestWal.settings = BOUNDED
