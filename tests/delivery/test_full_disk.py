"""A disk that takes nothing: no call waits for it, and nothing is given up."""

from __future__ import annotations

import errno
import os

import orjson
import pytest

from mohflow import DeliveryOptions, Event
from mohflow.delivery import _segment_file
from mohflow.delivery.backlog import DISK_PAUSE, SLICE
from mohflow.delivery.courier import Courier
from mohflow.delivery.dead_letters import DeadLetters
from mohflow.delivery.disk import Disk
from mohflow.delivery.shared import Shared
from mohflow.delivery.spool import Spool
from mohflow.exceptions import Unavailable
from mohflow.testing import FakeClock, RecordingSink

from .test_identity import Timeless


class Away(RecordingSink):
    is_away = True

    def write(self, batch):
        if self.is_away:
            raise Unavailable("connect")
        return super().write(batch)


class Program:
    """One process without its thread, and a disk that may be full."""

    def __init__(self, folder, monkeypatch, durability) -> None:
        self.clock = FakeClock()
        self.sink = Away()
        options = DeliveryOptions(batch_events=10).model_copy(
            update={"durability": durability}
        )
        spool = Spool(folder / "x", max_bytes=10**9, clock=self.clock.time_ns)
        disk = Disk(spool, DeadLetters(folder / "dead", 10**9))
        self.shared = Shared(
            "x", self.sink, options, disk, self.clock, is_json=True
        )
        self.shared.wake = Timeless(self.shared.lock, self.clock)
        self.courier = Courier(self.shared)
        self.logged = self.attempts = 0
        self.room = 0
        write = _segment_file.write_all

        def write_all(descriptor, data, offset) -> None:
            self.attempts += 1
            if len(data) > self.room:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            self.room -= len(data)
            write(descriptor, data, offset)

        monkeypatch.setattr(_segment_file, "write_all", write_all)

    @property
    def counts(self):
        return self.shared.ledger.snapshot()

    def log(self, count: int) -> None:
        for _ in range(count):
            fields = {"number": self.logged}
            line = orjson.dumps(fields, option=orjson.OPT_APPEND_NEWLINE)
            now = self.clock.time_ns() + self.logged
            self.logged += 1
            with self.shared.wake:
                self.shared.backlog.put(
                    Event(now, 20, fields, line), self.clock()
                )

    def try_once(self) -> None:
        batch = self.courier.take()
        if batch is not None:
            self.courier.process(batch)

    def arrived(self) -> list[int]:
        self.sink.is_away = False
        self.clock.advance(60.0)
        while self.counts.delivered < self.logged:
            before = self.counts
            self.clock.advance(1.0)
            self.try_once()
            assert not self.counts.lost
            assert self.counts != before
        return [fields["number"] for fields in self.sink.fields]


@pytest.fixture
def program(request, tmp_path, monkeypatch, capsys):
    return Program(tmp_path, monkeypatch, request.param)


both = pytest.mark.parametrize("program", ["spool", "wal"], indirect=True)
wal = pytest.mark.parametrize("program", ["wal"], indirect=True)


@wal
def test_it_is_asked_once_in_a_while_and_not_by_every_call(program) -> None:
    program.log(2000)
    assert program.attempts <= 2
    program.clock.advance(DISK_PAUSE)
    program.log(2000)

    assert program.attempts <= 4
    assert 4000 == program.counts.queued


@wal
def test_when_it_has_room_calls_move_a_slice_each_in_order(program) -> None:
    program.log(3 * SLICE)
    program.room = 10**9
    program.clock.advance(DISK_PAUSE)
    program.log(1)
    assert SLICE == program.counts.spooled
    program.log(5)

    assert 0 == program.counts.queued
    assert 3 * SLICE + 6 == program.counts.spooled
    assert list(range(program.logged)) == program.arrived()


@both
def test_what_was_in_flight_when_the_sink_went_waits_in_memory(
    program,
) -> None:
    program.log(30)
    program.clock.advance(5.0)
    for _ in range(5):
        program.shared.breaker.failed(program.clock(), "connect")
    assert program.shared.breaker.is_open
    batch = program.courier.take()
    program.courier._finish(batch)

    assert 30 == program.counts.queued
    assert 0 == program.counts.lost
    assert list(range(30)) == program.arrived()


@both
def test_at_the_end_it_gets_what_fits_and_the_rest_is_counted(
    program,
) -> None:
    program.log(3 * SLICE)
    program.room = 60_000
    with program.shared.wake:
        program.shared.is_closing = True
        program.shared.backlog.close()
    counts = program.counts

    assert SLICE <= counts.spooled < 3 * SLICE
    assert {"shutdown": 3 * SLICE - counts.spooled} == counts.dropped
