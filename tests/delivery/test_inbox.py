"""Log calls leave lines without a lock, and none is lost, late or unsaid."""

from __future__ import annotations

import threading
import time

from collections.abc import Sequence

import orjson
import pytest

from mohflow import Event, Limits, Sink
from mohflow._delivery_options import DeliveryOptions
from mohflow.delivery.dead_letters import DeadLetters
from mohflow.delivery.disk import Disk
from mohflow.delivery.engine import Delivery
from mohflow.delivery.inbox import MAX_LEFT
from mohflow.delivery.queue import LINE_BYTES
from mohflow.delivery.spool import Spool


def soon() -> float:
    return time.monotonic() + 10


def leave(
    delivery: Delivery, number: int, level: int = 20, by: int = 0, pad: int = 0
) -> None:
    fields = {"event": "x" * pad, "by": by, "number": number}
    line = orjson.dumps(fields) + b"\n"
    delivery.put_line(time.time_ns(), level, fields, line)


def leave_many(delivery: Delivery, count: int, by: int = 0) -> None:
    for number in range(count):
        leave(delivery, number, by=by)


class Recorder(Sink):
    """Keeps what it is given, once it is open."""

    limits = Limits(max_events=1000)

    def __init__(self) -> None:
        self.stored: list[Event] = []
        self.is_open = threading.Event()
        self.is_open.set()
        self.is_entered = threading.Event()

    def write(self, batch: Sequence[Event]) -> None:
        self.is_entered.set()
        self.is_open.wait(10)
        self.stored += batch

    @property
    def numbers(self) -> list[int]:
        return [event.fields["number"] for event in self.stored]


@pytest.fixture
def sink() -> Recorder:
    return Recorder()


@pytest.fixture
def start(sink):
    deliveries = []

    def make(disk=None, **options) -> Delivery:
        given = DeliveryOptions(**{"linger": 60.0, **options})
        delivery = Delivery("test", sink, given, disk, is_json=True)
        deliveries.append(delivery)
        return delivery

    yield make
    sink.is_open.set()
    for delivery in deliveries:
        delivery.close(soon())


def entered(delivery: Delivery, sink: Recorder) -> None:
    """Return once the worker is held up in the sink."""
    sink.is_open.clear()
    leave(delivery, -1)
    delivery.expedite()
    assert sink.is_entered.wait(10)


def test_what_was_left_before_a_flush_is_stored_by_it(start, sink) -> None:
    delivery = start()
    for number in range(5000):
        leave(delivery, number)

    assert delivery.flush(soon())
    assert list(range(5000)) == sink.numbers
    assert 5000 == delivery.ledger.snapshot().delivered


def test_lines_and_events_keep_their_order(start, sink) -> None:
    delivery = start()
    for number in range(0, 300, 3):
        leave(delivery, number)
        fields = {"number": number + 1}
        delivery.put(Event(1, 20, fields, orjson.dumps(fields) + b"\n"))
        leave(delivery, number + 2, pad=LINE_BYTES)
    delivery.flush(soon())

    assert list(range(300)) == sink.numbers


@pytest.mark.parametrize("linger", [0.0, 0.001])
def test_a_line_after_a_rest_wakes_the_worker(start, sink, linger) -> None:
    delivery = start(linger=linger)
    for number in range(300):
        leave(delivery, number)
        deadline = soon()
        while len(sink.stored) <= number:
            assert time.monotonic() < deadline, number


def test_a_line_that_makes_a_batch_wakes_the_worker(start, sink) -> None:
    delivery = start(batch_events=100)
    for number in range(100):
        leave(delivery, number)
    deadline = soon()
    while len(sink.stored) < 100:
        assert time.monotonic() < deadline


def test_bytes_that_make_a_batch_wake_the_worker(start, sink) -> None:
    delivery = start(batch_bytes=100_000, batch_events=100_000)
    for number in range(130):
        leave(delivery, number, pad=1000)
    deadline = soon()
    while not sink.stored:
        assert time.monotonic() < deadline


@pytest.mark.parametrize(
    ("overflow", "kept"),
    [
        ("drop_lowest", [1, 3, 5, 7, 9]),
        ("drop_oldest", [5, 6, 7, 8, 9]),
        ("drop_newest", [0, 1, 2, 3, 4]),
    ],
)
def test_the_policy_says_which_line_gives_way(
    start, sink, overflow, kept, capsys
) -> None:
    delivery = start(overflow=overflow, queue_events=5)
    entered(delivery, sink)
    for number in range(10):
        leave(delivery, number, level=20 + 20 * (number % 2))
    counts = delivery.ledger.snapshot()

    assert (5, {"queue_full": 5}) == (counts.queued, counts.dropped)
    sink.is_open.set()
    assert delivery.flush(soon())
    assert kept == sink.numbers[1:]


def test_memory_is_bounded_in_bytes(start, sink, capsys) -> None:
    delivery = start(queue_bytes=1_000_000, queue_events=100_000)
    entered(delivery, sink)
    for number in range(3000):
        leave(delivery, number, pad=1000)
    counts = delivery.ledger.snapshot()

    assert 600 < counts.queued * 1300 / 1000 < 1000
    assert counts.is_balanced


def test_with_a_full_queue_a_call_waits_for_room(start, sink) -> None:
    delivery = start(overflow="block", queue_events=5)
    entered(delivery, sink)
    for number in range(5):
        leave(delivery, number)
    late = threading.Thread(target=leave, args=(delivery, 5))
    late.start()
    delivery.expedite()
    sink.is_open.set()
    late.join(10)

    assert delivery.flush(soon())
    assert list(range(6)) == sink.numbers[1:]


@pytest.mark.parametrize("durability", ["spool", "wal"])
def test_what_does_not_fit_goes_to_disk(
    start, sink, tmp_path, durability
) -> None:
    spool = Spool(tmp_path / "spool", max_bytes=10**6)
    disk = Disk(spool, DeadLetters(tmp_path / "dead", 1))
    delivery = start(disk, durability=durability, queue_events=5, linger=0.0)
    entered(delivery, sink)
    for number in range(10):
        leave(delivery, number)
    counts = delivery.ledger.snapshot()

    assert 0 == counts.lost
    # Each line is on disk before the call returns, or only what must be.
    assert (0 if durability == "wal" else 5) >= counts.queued
    sink.is_open.set()
    assert delivery.flush(soon())
    delivery.close(soon())
    assert list(range(10)) == sorted(sink.numbers[1:])


def test_the_counts_balance_while_threads_leave_lines(
    start, sink, capsys
) -> None:
    delivery = start(queue_events=3000, linger=0.0)
    threads = [
        threading.Thread(target=leave_many, args=(delivery, 4000, by))
        for by in range(4)
    ]
    for thread in threads:
        thread.start()
    last = 0
    while any(thread.is_alive() for thread in threads):
        counts = delivery.ledger.snapshot()

        assert counts.is_balanced
        assert last <= counts.accepted
        assert counts.queued <= 3000 + len(threads)
        last = counts.accepted
    assert delivery.flush(soon())
    counts = delivery.ledger.snapshot()

    assert (16_000, 0) == (counts.accepted, counts.queued)
    assert 16_000 == counts.delivered + counts.lost
    for by in range(4):
        own = [e.fields["number"] for e in sink.stored if e.fields["by"] == by]
        assert own == sorted(set(own))


def test_lines_left_at_the_end_are_stored_or_counted(start, sink) -> None:
    for _ in range(20):
        sink.stored.clear()
        delivery = start(linger=0.0)
        threads = [
            threading.Thread(target=leave_many, args=(delivery, 300))
            for _ in range(3)
        ]
        for thread in threads:
            thread.start()
        delivery.close(soon())
        for thread in threads:
            thread.join()
        counts = delivery.ledger.snapshot()

        assert 900 == counts.accepted == counts.delivered + counts.lost
        assert len(sink.stored) == counts.delivered
        assert {"closed"} >= set(counts.dropped)


def test_a_child_begins_without_what_its_parent_has_left(start, sink) -> None:
    delivery = start()
    delivery.flush(soon())
    entered(delivery, sink)
    for number in range(10):
        leave(delivery, number)
    shared, worker = delivery._shared, delivery._worker
    delivery.after_fork()

    assert 0 == delivery.ledger.snapshot().accepted
    sink.is_open.set()
    leave(delivery, 99)
    assert delivery.flush(soon())
    assert 1 == sink.numbers.count(99)
    assert 1 == delivery.ledger.snapshot().delivered
    with shared.wake:
        shared.is_closing = True
        shared.wake.notify_all()
    assert worker.join(10)


def test_one_of_a_thousand_calls_moves_what_was_left(start, sink) -> None:
    delivery = start()
    entered(delivery, sink)
    queue = delivery._shared.backlog.queue
    moved = set()
    for number in range(3 * MAX_LEFT):
        leave(delivery, number)
        moved.add(queue.entered)

    assert 3 <= len(moved) <= 5


def test_with_a_full_queue_calls_still_take_no_lock(
    start, sink, capsys
) -> None:
    delivery = start(queue_events=4096)
    entered(delivery, sink)
    for number in range(6000):
        leave(delivery, number)
    moved = set()
    for number in range(6000, 7000):
        leave(delivery, number)
        moved.add(delivery._shared.backlog.queue.entered)
    counts = delivery.ledger.snapshot()

    assert 4096 * 15 // 16 <= counts.queued <= 4096
    assert counts.is_balanced
    assert len(moved) <= 6
    sink.is_open.set()
    assert delivery.flush(soon())
    assert 4096 * 15 // 16 <= len(sink.numbers) - 1
    assert list(range(7000))[1 - len(sink.numbers) :] == sink.numbers[1:]
