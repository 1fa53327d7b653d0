"""Whatever a sink does and however processes end, the counts balance."""

from __future__ import annotations

import errno
import os
import pickle
import shutil
import tempfile
import threading
import time
import traceback
import warnings

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

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
    LedgerSnapshot,
    Partial,
    Rejected,
    Sink,
    Unavailable,
)
from mohflow.delivery import _segment_file
from mohflow.delivery.adoption import sink_folder
from mohflow.delivery.dead_letters import DeadLetters
from mohflow.delivery.disk import Disk
from mohflow.delivery.engine import Delivery
from mohflow.delivery.spool import Spool
from mohflow.testing import FakeClock


OUTCOMES = st.one_of(
    st.lists(
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
    ),
    # So often in a row that the breaker opens, or a batch is halved to one.
    st.just(["away"] * 9),
    st.just(["split"] * 9),
)
OVERFLOWS = st.sampled_from(
    ["drop_lowest", "drop_oldest", "drop_newest", "block"]
)
SIZES = st.lists(st.sampled_from([1, 100, 2000]), min_size=2, max_size=4)
LEVELS = st.lists(st.sampled_from([10, 20, 40]), min_size=1, max_size=4)
DAYS_ON_DISK = 6.5
"""After which a spool gives an event up."""


class ScriptedSink(Sink):
    """Does what it is told, then stores; remembers what it did with each."""

    def __init__(self) -> None:
        self.script: list[str] = []
        self.stored: list[Event] = []
        self.was_partial = False
        self.lost: Counter[str] = Counter()
        """How many events it refused or spoilt, by reason."""

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
            self.lost["refused"] += len(batch)
            raise Rejected("refused")
        if outcome == "split":
            self.lost["poison"] += len(batch) == 1
            raise Rejected("poison", split=True)
        if outcome == "fault":
            self.lost["sink_error"] += len(batch)
            raise ZeroDivisionError
        if outcome == "partial":
            self.was_partial = True
            self.lost["bad"] += 1
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
        # Half a nanosecond, which rounding may leave, would never pass.
        self._clock.advance(max(1e-9, timeout or 0.0))
        return False

    def wait_for(self, predicate, timeout=None) -> bool:
        return predicate() or self.wait(timeout) or predicate()


class Process(Delivery):
    """One process, its counts, and its place on disk; it has no thread."""

    def __init__(self, machine: DeliveryMachine, overflow: str) -> None:
        options = DeliveryOptions(
            queue_events=20, batch_events=7, linger=1.0, catch_up=20_000
        ).model_copy(
            update={
                "durability": machine.durability,
                "overflow": overflow,
                "queue_bytes": machine.queue_bytes,
            }
        )
        self.clock = machine.clock
        super().__init__(
            "sink",
            machine.sink,
            options,
            machine.disk() if machine.durability != "memory" else None,
            machine.clock,
            is_json=machine.is_json,
        )

    def _begin(self) -> None:
        super()._begin()
        self.shared = self._shared
        self.shared.wake = Timeless(self.shared.lock, self.clock)
        self._worker.start = lambda: None  # type: ignore[method-assign]

    @property
    def spooled(self) -> int:
        spool = self.shared.backlog.spool
        return 0 if spool is None else len(spool)

    @property
    def queued(self) -> int:
        return self.shared.backlog.queue.events + len(self.shared.inbox)

    @property
    def counts(self) -> LedgerSnapshot:
        return self.ledger.snapshot()

    def look_around(self) -> None:
        with self.shared.wake:
            self.shared.backlog.look_around(self.shared.clock())

    def work(self) -> None:
        """Do what the thread would, until the sink is away."""
        while (batch := self.courier.take()) is not None:
            self.courier.process(batch)
            if self.shared.breaker.is_open:
                break

    def leave(self) -> int:
        """End; return how many events that leaves on disk."""
        spool = self.shared.backlog.spool
        left = []
        if spool is not None:
            close = spool.close
            spool.close = lambda: (left.append(len(spool)), close())
        self.close(time.monotonic())
        return sum(left)


class DeliveryMachine(RuleBasedStateMachine):
    """Two processes that share a folder, each followed without its thread."""

    durability = "memory"
    is_json = True

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.sink = ScriptedSink()
        self.clock = FakeClock()
        self.begun = self.clock()
        self.number = 0
        self.orphaned = 0
        self.killed = 0
        self.ended: list[LedgerSnapshot] = []
        self.closed: list[Process] = []
        self.living: dict[int, Process] = {}
        self.is_full = self.was_full = self.was_killed = False
        self.has_forked = False
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
    def queue_bytes(self) -> int:
        """Room for about 20 small events, or for a few large ones."""
        return 9_000 if self.is_json else 90_000

    @property
    def letters(self) -> DeadLetters:
        return DeadLetters(self.folder / "dead.jsonl", 10**9)

    @property
    def counts(self) -> list[LedgerSnapshot]:
        """Of all processes there have been."""
        now = [*self.closed, *self.living.values()]
        return [*self.ended, *(process.counts for process in now)]

    def pick(self, which: int) -> Process:
        if which not in self.living:
            self.living[which] = Process(self, self.overflow)
        return self.living[which]

    def events(self, count, levels, sizes, tenant, by) -> Iterator[Event]:
        for number in range(count):
            self.number += 1
            now = self.clock.time_ns() + self.number
            pad = "x" * sizes[number % len(sizes)]
            fields = {"tenant": tenant, "by": by, "pad": pad}
            line = orjson.dumps(fields, option=orjson.OPT_APPEND_NEWLINE)
            yield Event(now, levels[number % len(levels)], fields, line)

    @initialize(overflow=OVERFLOWS, is_json=st.booleans())
    def choose(self, overflow, is_json) -> None:
        self.overflow = overflow
        self.is_json = is_json

    @rule(
        which=st.integers(0, 1),
        count=st.integers(1, 9),
        levels=LEVELS,
        sizes=SIZES,
        tenant=st.sampled_from("aab"),
    )
    def log(self, which, count, levels, sizes, tenant) -> None:
        process = self.pick(which)
        for event in self.events(count, levels, sizes, tenant, which):
            process.put(event)

    @rule(which=st.integers(0, 1), levels=LEVELS, sizes=SIZES)
    def log_at_length(self, which, levels, sizes) -> None:
        self.log(which, 35, levels, sizes, "a")

    @rule(which=st.integers(0, 1), outcomes=OUTCOMES, seconds=st.floats(0, 5))
    def deliver(self, which, outcomes, seconds) -> None:
        process = self.pick(which)
        self.sink.script = list(outcomes)
        self.clock.advance(seconds)
        process.work()
        self.sink.script = []

    @rule(which=st.integers(0, 1), outcomes=OUTCOMES)
    def flush(self, which, outcomes) -> None:
        process = self.pick(which)
        self.sink.script = list(outcomes)
        process.expedite()
        process.work()
        self.sink.script = []

        # The time is over; so it only says how it is.
        assert process.flush(0.0) == (process.queued == 0)

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
        queued = process.queued
        lost = process.counts.dropped.get("shutdown", 0)
        self.orphaned += process.leave()
        lost = process.counts.dropped.get("shutdown", 0) - lost
        del self.living[which]
        self.closed.append(process)

        has_room = self.durability != "memory" and not self.is_full
        assert lost == (0 if has_room else queued)

    @rule(which=st.integers(0, 1), overflow=OVERFLOWS)
    def reload(self, which, overflow) -> None:
        """Let other settings take over, and then end what was before."""
        before = self.pick(which)
        self.overflow = overflow
        after = Process(self, overflow)
        self.end(which)
        self.living[which] = after
        self.late(before)

    def late(self, process) -> None:
        """Log what had chosen its sinks before they were retired."""
        counts = process.counts
        for event in self.events(1, [40], [1], "a", 0):
            process.put(event)

        assert counts.lost + 1 == process.counts.lost
        assert 1 <= process.counts.dropped["closed"]

    @rule(
        which=st.integers(0, 1),
        count=st.integers(0, 9),
        outcomes=OUTCOMES,
        is_killed=st.booleans(),
    )
    def fork(self, which, count, outcomes, is_killed) -> None:
        """Let a child log, deliver and end; what it did is added up."""
        if self.has_forked:
            # On a busy machine a fork takes longer than all the rest.
            return
        self.has_forked = True
        process = self.pick(which)
        spent = [self.number, len(self.sink.stored)]
        told = in_child(lambda: self.live(process, count, outcomes, is_killed))
        self.number += count
        self.ended.append(told["counts"])
        self.orphaned += told["left"]
        self.was_full |= told["was_full"]
        self.was_killed |= is_killed
        self.killed += told["killed"]
        self.sink.stored += told["stored"]
        self.sink.lost = told["lost"]
        self.sink.was_partial |= told["was_partial"]

        assert spent[0] + count == self.number

    def live(self, process, count, outcomes, is_killed) -> dict[str, Any]:
        """Be the child of a fork; return what became of its events."""
        before = len(self.sink.stored)
        self.orphaned = 0
        process.after_fork()
        for event in self.events(count, [20], [100], "b", "child"):
            process.put(event)
        self.sink.script = list(outcomes)
        process.expedite()
        process.work()
        killed, left = process.queued, process.spooled
        if not is_killed:
            killed, left = 0, process.leave()
        return {
            "counts": process.counts,
            "killed": killed,
            # What it took over from others is theirs no longer.
            "left": self.orphaned + left,
            "was_full": self.was_full,
            "stored": self.sink.stored[before:],
            "lost": self.sink.lost,
            "was_partial": self.sink.was_partial,
        }

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
        self.ended.append(process.counts)
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
            counts = process.counts
            queue = process.shared.backlog.queue

            assert counts.is_balanced
            assert [] == process.shared.in_flight.batches
            assert 0 == counts.in_flight
            assert process.queued == counts.queued <= 20
            assert process.spooled == counts.spooled
            assert 0 <= queue.weight <= self.queue_bytes
            assert bool(queue.events) == bool(queue.bytes)

    @invariant()
    def none_is_stored_twice_or_forgotten(self) -> None:
        now = [process.counts for process in self.living.values()]
        lost = sum(counts.lost for counts in self.counts)
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
    def every_loss_has_its_own_reason(self) -> None:
        rejected: Counter[str] = Counter()
        dropped: Counter[str] = Counter()
        for counts in self.counts:
            rejected.update(counts.rejected)
            dropped.update(counts.dropped)
        spoilt = dropped.pop("sink_error", 0)
        closed = dropped.pop("closed", 0)
        possible = {"queue_full", "shutdown"}
        if self.durability != "memory":
            possible = {"spool_full"}
            if self.was_full:
                possible |= {"queue_full", "shutdown", "spool_damaged"}
            if self.clock() - self.begun > DAYS_ON_DISK * 86_400:
                possible.add("spool_expired")

        assert self.sink.lost == rejected + Counter(sink_error=spoilt)
        assert closed <= len(self.closed)
        assert dropped.keys() <= possible

    @invariant()
    def order_is_kept_below_errors(self) -> None:
        if self.sink.was_partial or self.was_full or self.was_killed:
            return
        if self.ended or self.closed:
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
        rejected = sum(sum(counts.rejected.values()) for counts in self.counts)

        assert rejected == len(list(self.letters))

    def teardown(self) -> None:
        self.is_full = False
        for which in list(self.living):
            self.end(which)
        _segment_file.write_all = self.write_all
        shutil.rmtree(self.folder)


def in_child(work: Callable[[], Any]) -> Any:
    """Return what *work* returns in the child of a fork."""
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        # Other tests of the run may have left a thread.
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if pid == 0:
        try:
            told = pickle.dumps(work())
        except BaseException:
            told = pickle.dumps(traceback.format_exc())
        with open(writing, "wb") as file:
            file.write(told)
        os._exit(0)
    os.close(writing)
    with open(reading, "rb") as file:
        told = pickle.loads(file.read())
    os.waitpid(pid, 0)
    assert not isinstance(told, str), told
    return told


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
