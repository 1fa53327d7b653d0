"""A long outage, with a clock that a test moves: nothing lost, no growth."""

from __future__ import annotations

import gc
import os
import time
import tracemalloc

import orjson
import pytest

from mohflow import DeliveryOptions, Event, LokiOptions
from mohflow.delivery import _segment
from mohflow.delivery.courier import Courier
from mohflow.delivery.dead_letters import DeadLetters
from mohflow.delivery.disk import SPOOL_BYTES, Disk
from mohflow.delivery.engine import Delivery
from mohflow.delivery.shared import Shared
from mohflow.delivery.spool import Spool
from mohflow.exceptions import Unavailable
from mohflow.sinks.loki import LokiSink
from mohflow.testing import FakeClock, RecordingSink

from .test_identity import Timeless


SECOND = 10**9


class Loki(LokiSink):
    """Encodes as ever, and remembers the order of what came, not the text."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__(LokiOptions(url="http://x"), clock=clock.time_ns)
        self.clock = clock
        self.is_away = False
        self.newest: dict[str, int] = {}
        self.count = 0
        self.sent: list[tuple[float, int]] = []
        self.refused = 0
        self.latest = 0
        self.in_order = True

    def write(self, batch) -> None:
        if self.is_away:
            raise Unavailable("connect")
        body, _ = self.encode(batch)
        assert body
        self.sent.append((self.clock(), sum(len(e.line) for e in batch)))
        stream = repr(self.labels_of(batch[0]))
        newest = self.newest.get(stream, 0)
        # What Loki refuses is an hour behind the newest of its stream.
        self.refused += sum(
            event.time_ns < newest - 3600 * SECOND for event in batch
        )
        self.newest[stream] = max(newest, batch[-1].time_ns)
        low = [event.time_ns for event in batch if event.level < 40]
        self.in_order &= low == sorted(low)
        if low:
            self.in_order &= self.latest < low[0]
            self.latest = low[-1]
        self.count += len(batch)


class Program:
    """One process without its thread: it logs, and delivers when told to."""

    def __init__(self, folder, **options) -> None:
        self.clock = FakeClock()
        self.sink = Loki(self.clock)
        given = DeliveryOptions(durability="spool", **options)
        spool = Spool(
            folder / "loki",
            max_bytes=SPOOL_BYTES,
            clock=self.clock.time_ns,
        )
        disk = Disk(spool, DeadLetters(folder / "dead", 10**9))
        self.shared = Shared(
            "loki", self.sink, given, disk, self.clock, is_json=True
        )
        self.shared.wake = Timeless(self.shared.lock, self.clock)
        self.courier = Courier(self.shared)
        self.logged = 0

    def log(self, level: int = 20) -> None:
        self.logged += 1
        fields = {
            "timestamp": "2027-01-15T08:00:00.000000Z",
            "level": "info" if level < 40 else "error",
            "event": "order.paid",
            "logger": "shop.orders",
            "service": "shop",
            "correlation_id": f"{self.logged:032x}",
            "number": self.logged,
        }
        line = orjson.dumps(fields, option=orjson.OPT_APPEND_NEWLINE)
        now = self.clock.time_ns() + self.logged
        event = Event(now, level, fields, line)
        with self.shared.wake:
            self.shared.backlog.put(event, self.clock())

    def log_for(self, seconds: int, rate: int) -> None:
        """Let *seconds* pass with *rate* events in each, one an error."""
        for _ in range(seconds):
            for number in range(rate):
                self.log(40 if number == rate // 2 else 20)
            self.clock.advance(1.0)
            self.courier._meantime.relieve()

    def try_once(self) -> None:
        """Let the worker do what it would, without waiting for long."""
        batch = self.courier.take()
        if batch is not None:
            with_end = self.shared.is_closing
            self.courier.process(batch)
            assert with_end == self.shared.is_closing

    def break_off(self) -> None:
        self.sink.is_away = True
        while not self.shared.breaker.is_open:
            self.log(20)
            self.clock.advance(1.0)
            self.try_once()

    def recover(self, rate: int) -> None:
        """Deliver all that waits, while *rate* events a second come in."""
        self.sink.is_away = False
        before = self.clock()
        for _ in range(10**6):
            while self.clock() - before >= 1.0:
                before += 1.0
                for number in range(rate):
                    self.log(40 if number == rate // 2 else 20)
            batch = self.courier.take()
            if batch is not None:
                self.courier.process(batch)
                continue
            counts = self.shared.ledger.snapshot()
            if not counts.spooled:
                return
            self.clock.advance(0.1)
        raise AssertionError

    def assert_all_arrived(self) -> None:
        while self.shared.ledger.snapshot().queued:
            self.clock.advance(1.0)
            self.try_once()
        counts = self.shared.ledger.snapshot()

        assert counts.is_balanced
        assert ({}, {}) == (counts.dropped, counts.rejected)
        assert self.logged == counts.delivered == self.sink.count
        assert (0, True) == (self.sink.refused, self.sink.in_order)


def rss() -> float:
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def test_an_outage_is_caught_up_on_in_order_and_memory_stays_flat(
    tmp_path, capsys
) -> None:
    # The queue is so small that many of its fillings go to disk.
    program = Program(tmp_path, queue_bytes="256 KiB", batch_events=200)
    program.break_off()
    program.log_for(300, rate=10)
    gc.collect()
    tracemalloc.start()
    program.log_for(3000, rate=10)
    gc.collect()
    grown, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    program.recover(rate=10)

    assert grown < 2 * 256 * 1024
    program.assert_all_arrived()
    assert "is back after" in capsys.readouterr().err


def test_what_piled_up_is_sent_at_a_bounded_pace_and_errors_pass_it(
    tmp_path, capsys
) -> None:
    program = Program(tmp_path, catch_up=100_000)
    program.break_off()
    program.log_for(200, rate=100)
    program.recover(rate=20)
    start, end = program.sink.sent[0][0], program.sink.sent[-1][0]
    size = sum(sent for _, sent in program.sink.sent)

    assert size / (end - start) <= 120_000
    assert end - start > 20
    program.break_off()
    program.log_for(100, rate=100)
    away = program.clock()
    program.sink.is_away = False
    fresh: list[float] = []
    write = program.sink.write

    def noting(batch):
        fresh.extend(
            program.clock() - (event.time_ns - start_ns) / SECOND
            for event in batch
            if event.level >= 40 and event.time_ns - start_ns > away * SECOND
        )
        return write(batch)

    start_ns = program.clock.time_ns() - round(program.clock() * SECOND)
    program.sink.write = noting
    program.recover(rate=20)

    assert fresh and max(fresh) < 6
    program.assert_all_arrived()


def test_a_refusal_halves_the_pace(tmp_path, capsys) -> None:
    program = Program(tmp_path, catch_up=1_000_000)
    pace = program.shared.pace
    pace.refused()
    pace.refused()

    assert 250_000 == pace.rate
    for _ in range(100):
        pace.sent(1, 0.0)
    assert 1_000_000 == pace.rate


@pytest.mark.slow
def test_an_hour_of_a_thousand_events_a_second_arrives_in_order(
    tmp_path, capsys, record_property
) -> None:
    program = Program(tmp_path)
    program.break_off()
    program.log_for(60, rate=1000)
    gc.collect()
    before = rss()
    program.log_for(3540, rate=1000)
    gc.collect()
    away = rss() - before
    program.recover(rate=1000)
    program.sink.sent.clear()
    gc.collect()
    after = rss() - before
    record_property("rss_growth_mib", (away, after))

    assert program.logged >= 3_600_000
    assert away < 48
    program.assert_all_arrived()
    assert after < 96


def test_what_was_in_flight_goes_before_what_came_to_disk_meanwhile(
    tmp_path, capsys
) -> None:
    program = Program(tmp_path, queue_events=20, batch_events=10)
    for _ in range(20):
        program.log()
    program.clock.advance(2.0)
    batch = program.courier.take()
    for _ in range(100):
        program.log()
    with program.shared.wake:
        assert program.shared.backlog.is_on_disk
        program.shared.in_flight.finish(batch)
        assert program.shared.backlog.spill_slice(program.clock())
    program.recover(rate=0)

    program.assert_all_arrived()


def test_what_is_on_disk_is_read_while_log_calls_may_have_the_lock(
    tmp_path, monkeypatch
) -> None:
    held: list[int] = []
    decoded = 0
    decode, peek = _segment.decode, Spool.peek

    def counting_decode(*arguments):
        nonlocal decoded
        decoded += 1
        return decode(*arguments)

    def watched_peek(*arguments):
        before = decoded
        found = peek(*arguments)
        held.append(decoded - before)
        return found

    monkeypatch.setattr(_segment, "decode", counting_decode)
    monkeypatch.setattr(Spool, "peek", watched_peek)
    sink = RecordingSink()
    options = DeliveryOptions(durability="wal", linger=3600.0)
    delivery = Delivery("test", sink, options, Disk.below(tmp_path, "test"))
    for _ in range(2500):
        line = b'{"event":"x"}\n'
        delivery.put(Event(time.time_ns(), 20, {"event": "x"}, line))
    delivery.close(time.monotonic() + 30)

    assert 2500 == delivery.ledger.snapshot().delivered
    assert max(held) <= 1
