"""Whatever a sink does and however processes end, the counts balance."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
import threading

from pathlib import Path

import orjson

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
)

from mohflow import (
    DeliveryOptions,
    Event,
    Partial,
    Rejected,
    Sink,
    Unavailable,
)
from mohflow.delivery import _segment_file
from mohflow.delivery.adoption import sink_folder
from mohflow.delivery.courier import Courier
from mohflow.delivery.dead_letters import DeadLetters
from mohflow.delivery.disk import Disk
from mohflow.delivery.shared import Shared
from mohflow.delivery.spool import Spool
from mohflow.testing import FakeClock


OUTCOMES = st.lists(
    st.sampled_from(
        [
            "store",
            "away",
            "busy",
            "limited",
            "reject",
            "split",
            "partial",
            "fault",
        ]
    ),
    max_size=12,
)
OVERFLOWS = st.sampled_from(
    ["drop_lowest", "drop_oldest", "drop_newest", "block"]
)


class ScriptedSink(Sink):
    """Does what it is told, then stores; remembers what it stored."""

    def __init__(self) -> None:
        self.script: list[str] = []
        self.stored: list[Event] = []
        self.was_partial = False

    def partition(self, event: Event) -> str:
        return event.fields["tenant"]

    def write(self, batch) -> Partial | None:
        assert 1 == len({self.partition(event) for event in batch})
        outcome = self.script.pop(0) if self.script else "store"
        if outcome == "away":
            raise Unavailable("away")
        if outcome == "busy":
            raise Unavailable("busy", retry_after=7.0)
        if outcome == "limited":
            raise Unavailable("limited", only_partition=True)
        if outcome == "reject":
            raise Rejected("refused")
        if outcome == "split":
            raise Rejected("refused", split=True)
        if outcome == "fault":
            raise ZeroDivisionError
        if outcome == "partial":
            self.was_partial = True
            self.stored += batch[2:]
            return Partial(retry=batch[1:2], rejected=[(batch[0], "bad")])
        self.stored += batch
        return None


class Timeless(threading.Condition):
    """Waiting is only a matter of the clock here: there is no thread."""

    def __init__(self, lock, clock: FakeClock) -> None:
        super().__init__(lock)
        self._clock = clock

    def wait(self, timeout=None) -> bool:
        self._clock.advance(max(0.0, timeout or 0.0))
        return False

    def wait_for(self, predicate, timeout=None) -> bool:
        return predicate() or self.wait(timeout) or predicate()


class Process:
    """One process, its counts, and its place on disk."""

    def __init__(self, machine: DeliveryMachine, overflow: str) -> None:
        options = DeliveryOptions(
            queue_events=20, batch_events=7, linger=1.0, catch_up=20_000
        ).model_copy(
            update={"durability": machine.durability, "overflow": overflow}
        )
        disk = None
        if machine.durability != "memory":
            disk = machine.disk()
        clock = machine.clock
        self.shared = Shared(
            "sink", machine.sink, options, disk, clock, is_json=True
        )
        self.shared.wake = Timeless(self.shared.lock, clock)
        self.shared.is_attended = True
        self.may_leave = machine.durability != "wal" and overflow != "block"
        self.courier = Courier(self.shared)
        self.look_around()

    @property
    def spooled(self) -> int:
        spool = self.shared.backlog.spool
        return 0 if spool is None else len(spool)

    @property
    def queued(self) -> int:
        return self.shared.backlog.queue.events + len(self.shared.inbox)

    def leave(self, event: Event) -> None:
        """Do what a log call does that takes no lock if it can."""
        inbox = self.shared.inbox
        inbox.append((event.level, event.time_ns, event.line[:-1]))
        if len(inbox) > inbox.limit:
            with self.shared.wake:
                self.shared.attend()

    def put(self, event: Event) -> None:
        with self.shared.wake:
            self.shared.collect()
            self.shared.backlog.put(event, self.shared.clock())
            self.shared.allow()

    def look_around(self) -> None:
        with self.shared.wake:
            self.shared.backlog.look_around(self.shared.clock())


class DeliveryMachine(RuleBasedStateMachine):
    """Two processes that share a folder, each followed without its thread."""

    durability = "memory"

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.sink = ScriptedSink()
        self.clock = FakeClock()
        self.number = 0
        self.orphaned = 0
        self.killed = 0
        self.ended: list = []
        self.living: dict[int, Process] = {}
        self.is_full = self.was_full = self.was_killed = False
        self.write_all = _segment_file.write_all
        _segment_file.write_all = self.write_or_fail

    def write_or_fail(self, descriptor, data, offset) -> None:
        if self.is_full:
            self.was_full = True
            half = data[: len(data) // 2]
            self.write_all(descriptor, half, offset)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self.write_all(descriptor, data, offset)

    def disk(self) -> Disk:
        folder = sink_folder(self.folder, "sink")
        spool = Spool(folder, max_bytes=60_000, clock=self.clock.time_ns)
        adopt = spool.adopt

        def counted() -> int:
            count = adopt()
            self.orphaned -= count
            if self.was_full:
                # Progress that could not be noted is found again.
                self.orphaned = max(0, self.orphaned)
            return count

        spool.adopt = counted  # type: ignore[method-assign]
        return Disk(spool, self.letters)

    @property
    def letters(self) -> DeadLetters:
        return DeadLetters(self.folder / "dead.jsonl", 10**9)

    def pick(self, which: int) -> Process:
        if which not in self.living:
            self.living[which] = Process(self, self.overflow)
        return self.living[which]

    @initialize(overflow=OVERFLOWS)
    def choose(self, overflow) -> None:
        self.overflow = overflow

    @rule(
        which=st.integers(0, 1),
        count=st.integers(1, 30),
        level=st.sampled_from([10, 20, 40]),
        size=st.integers(1, 2000),
        tenant=st.sampled_from("aab"),
        leaves=st.booleans(),
    )
    def log(self, which, count, level, size, tenant, leaves) -> None:
        process = self.pick(which)
        keep = process.leave if leaves else process.put
        if not process.may_leave:
            keep = process.put
        for _ in range(count):
            self.number += 1
            fields = {"tenant": tenant, "by": which, "pad": "x" * size}
            line = orjson.dumps(fields) + b"\n"
            now = self.clock.time_ns() + self.number
            keep(Event(now, level, fields, line))

    @rule(which=st.integers(0, 1), outcomes=OUTCOMES, seconds=st.floats(0, 5))
    def deliver(self, which, outcomes, seconds) -> None:
        process = self.pick(which)
        self.sink.script = list(outcomes)
        self.clock.advance(seconds)
        while (batch := process.courier.take()) is not None:
            process.courier.process(batch)
            if process.shared.breaker.is_open:
                break
        self.sink.script = []

    @rule(which=st.integers(0, 1), outcomes=OUTCOMES)
    def end_while_it_delivers(self, which, outcomes) -> None:
        process = self.pick(which)
        self.sink.script = list(outcomes)
        self.clock.advance(2.0)
        batch = process.courier.take()
        process.shared.is_closing = True
        if batch is not None:
            process.courier.process(batch)
        self.sink.script = []
        self.end(which)

    @rule(which=st.integers(0, 1))
    def end(self, which) -> None:
        process = self.pick(which)
        with process.shared.wake:
            process.shared.collect()
            process.shared.is_closing = True
            spool = process.shared.backlog.spool
            lengths = []
            if spool is not None:
                leave = spool.close
                spool.close = lambda: (lengths.append(len(spool)), leave())
            process.shared.backlog.close()
        self.orphaned += sum(lengths)
        self.ended.append(process.shared.ledger.snapshot())
        del self.living[which]

    @rule(which=st.integers(0, 1))
    def kill(self, which) -> None:
        process = self.living.pop(which, None)
        if process is None:
            return
        self.was_killed = True
        self.killed += process.queued
        self.orphaned += process.spooled
        if self.durability == "wal" and not self.was_full:
            assert 0 == process.queued
        self.ended.append(process.shared.ledger.snapshot())
        if process.shared.disk is not None:
            # What the operating system does: the descriptors are closed.
            process.shared.disk.spool.after_fork()

    @rule(is_full=st.booleans())
    def fill(self, is_full) -> None:
        self.is_full = is_full

    @rule(days=st.integers(0, 4))
    def wait(self, days) -> None:
        self.clock.advance(61.0 + days * 86_400)
        for process in self.living.values():
            process.look_around()

    @invariant()
    def every_accepted_event_has_one_fate(self) -> None:
        for process in self.living.values():
            counts = process.shared.ledger.snapshot()

            assert counts.is_balanced
            assert [] == process.shared.in_flight.batches
            assert 0 == counts.in_flight
            assert process.queued == counts.queued <= 20
            assert process.spooled == counts.spooled

    @invariant()
    def none_is_stored_twice_or_forgotten(self) -> None:
        now = [p.shared.ledger.snapshot() for p in self.living.values()]
        lost = sum(counts.lost for counts in [*self.ended, *now])
        lost += self.killed
        waiting = sum(counts.queued + counts.spooled for counts in now)
        waiting += self.orphaned
        stored = {event.time_ns for event in self.sink.stored}
        if self.was_full:
            # Where progress could not be noted, events are sent again.
            assert self.number <= len(stored) + lost + waiting
            return

        assert len(stored) == len(self.sink.stored)
        assert self.number == len(stored) + lost + waiting

    @invariant()
    def order_is_kept_below_errors(self) -> None:
        if self.sink.was_partial or self.was_full or self.was_killed:
            return
        if self.ended:
            return
        last: dict[tuple, int] = {}
        for event in self.sink.stored:
            if event.level < 40:
                key = event.fields["tenant"], event.fields["by"]

                assert last.get(key, 0) < event.time_ns
                last[key] = event.time_ns

    @invariant()
    def what_is_refused_can_be_read_again(self) -> None:
        if self.durability == "memory":
            return
        now = [p.shared.ledger.snapshot() for p in self.living.values()]
        rejected = sum(
            sum(counts.rejected.values()) for counts in [*self.ended, *now]
        )

        assert rejected == len(list(self.letters))

    def teardown(self) -> None:
        self.is_full = False
        for which in list(self.living):
            self.end(which)
        _segment_file.write_all = self.write_all
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
