"""Whatever is done with a spool, it is a list."""

import shutil
import tempfile

from pathlib import Path

import orjson

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from mohflow._event import Event
from mohflow.delivery.spool import Spool


START = 1_795_003_200 * 10**9
HOUR = 3600 * 10**9


class SpoolMachine(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.now = START
        self.model = []
        self.peeked = 0
        self.earliest = START
        self.open()

    def open(self):
        self.spool = Spool(
            self.folder / "loki",
            max_bytes=40_000,
            max_age=36_000,
            clock=lambda: self.now,
        )

    def make(self, sizes, first_ns=None):
        made = []
        for size in sizes:
            self.now += 1
            fields = {"t": self.now, "pad": "x" * size}
            line = orjson.dumps(fields) + b"\n"
            if size % 2:
                line = b"text " * size
            made.append(Event(first_ns or self.now, size, fields, line))
        return made

    @rule(sizes=st.lists(st.integers(0, 3000), max_size=12))
    def append(self, sizes):
        events = self.make(sizes)
        self.spool.append(events)
        self.model += events

    @rule(sizes=st.lists(st.integers(0, 1000), max_size=3))
    def prepend(self, sizes):
        # What is given back was taken before all that is on disk came.
        self.earliest -= 1
        events = self.make(sizes, self.earliest)
        self.spool.prepend(events)
        if self.peeked:
            # The worker still has what it peeked at: finish that first.
            self.spool.ack(self.peeked)
            del self.model[: self.peeked]
            self.peeked = 0
        self.model[:0] = events

    @rule(count=st.integers(1, 20), size=st.integers(0, 10_000))
    def peek(self, count, size):
        got = self.spool.peek(count, size)
        self.peeked = len(got)

        assert self.model[: len(got)] == got
        assert bool(got) == bool(self.model)
        total = sum(len(event.line) for event in got)
        assert len(got) <= count and (len(got) == 1 or total <= size)

    @rule(share=st.floats(0, 1))
    def ack(self, share):
        count = round(self.peeked * share)
        self.spool.ack(count)
        del self.model[:count]
        self.peeked = 0

    @rule(hours=st.integers(0, 20))
    def evict(self, hours):
        self.now += hours * HOUR
        held = self.model[: self.peeked]
        lost = self.spool.evict()
        gone = sum(lost.values())

        assert set(lost) <= {"spool_full", "spool_expired"}
        assert len(self.model) - gone == len(self.spool)
        if gone:
            self.spool.ack(0)
            left = self.spool.peek(10**6, 10**9)
            assert held == left[: len(held)]
            remaining = iter(self.model)
            assert all(event in remaining for event in left)
            self.model = left
            self.spool.ack(0)
            self.peeked = 0

    @rule(is_killed=st.booleans())
    def restart(self, is_killed):
        count = len(self.model)
        if is_killed:
            self.spool.after_fork()
        else:
            self.spool.close()
        self.open()
        self.peeked = 0

        assert count == self.spool.adopt()

    @invariant()
    def it_is_as_long_as_the_list(self):
        assert len(self.model) == len(self.spool)
        assert bool(self.model) == bool(self.spool.bytes)
        oldest = self.model[0].time_ns if self.model else None
        assert oldest == self.spool.oldest_time_ns
        assert {} == self.spool._segments.lost

    def teardown(self):
        self.spool.close()
        shutil.rmtree(self.folder)


TestSpool = SpoolMachine.TestCase
TestSpool.settings = settings(
    max_examples=60, stateful_step_count=40, deadline=None
)
