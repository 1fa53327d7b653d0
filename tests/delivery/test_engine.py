"""A queue and a thread between the program and a sink that may do anything."""

from __future__ import annotations

import threading
import time

from collections.abc import Sequence

import pytest

from mohflow import Event, Limits, Partial, Rejected, Sink
from mohflow._delivery_options import DeliveryOptions
from mohflow.delivery.engine import Delivery
from mohflow.testing import SuspendableSink


def make(sink: Sink, **options) -> Delivery:
    given = {"linger": 60.0, **options}
    return Delivery("test", sink, DeliveryOptions(**given))


def event(number: int = 0, size: int = 10) -> Event:
    return Event(number, 20, {"event": str(number)}, b"x" * (size - 1) + b"\n")


class Recorder(Sink):
    """Keeps batches, and can be told to block, to raise or to refuse."""

    limits = Limits(max_events=10, max_bytes=1000, max_age=60.0)

    def __init__(self) -> None:
        self.batches: list[list[Event]] = []
        self.is_open = threading.Event()
        self.is_open.set()
        self.is_entered = threading.Event()
        self.answer: Exception | Partial | None = None
        self.is_closed = False

    def write(self, batch: Sequence[Event]) -> Partial | None:
        self.is_entered.set()
        self.is_open.wait(10)
        if isinstance(self.answer, BaseException):
            raise self.answer
        self.batches.append(list(batch))
        return self.answer

    def partition(self, event: Event) -> object:
        return event.fields.get("tenant")

    def close(self) -> None:
        self.is_closed = True

    @property
    def times(self) -> list[int]:
        return [event.time_ns for batch in self.batches for event in batch]


@pytest.fixture
def sink() -> Recorder:
    return Recorder()


@pytest.fixture
def delivery(sink: Recorder):
    delivery = make(sink)
    yield delivery
    sink.is_open.set()
    delivery.close(time.monotonic() + 5)


def soon() -> float:
    return time.monotonic() + 5


def test_no_thread_exists_before_the_first_event(delivery) -> None:
    names = {thread.name for thread in threading.enumerate()}

    assert "mohflow-test" not in names


def test_events_arrive_in_order_and_are_counted(delivery, sink) -> None:
    for number in range(25):
        delivery.put(event(number))

    assert delivery.flush(soon())
    assert list(range(25)) == sink.times
    assert 25 == delivery.ledger.snapshot().delivered


def test_a_flush_ends_the_wait_for_company(delivery, sink) -> None:
    delivery.put(event(1))
    started = time.monotonic()

    assert delivery.flush(soon())
    assert time.monotonic() - started < sink.limits.max_age / 2


def test_a_batch_keeps_to_its_limits(delivery, sink) -> None:
    sink.is_open.clear()
    for number in range(25):
        delivery.put(event(number, size=300))
    sink.is_open.set()
    delivery.flush(soon())

    assert max(len(batch) for batch in sink.batches) <= 3


def test_only_events_with_equal_keys_share_a_batch(delivery, sink) -> None:
    sink.is_open.clear()
    for number in range(6):
        delivery.put(Event(number, 20, {"tenant": number // 2}, b"{}\n"))
    sink.is_open.set()
    delivery.flush(soon())

    for batch in sink.batches:
        assert 1 == len({sink.partition(event) for event in batch})
    assert list(range(6)) == sink.times


def test_a_sink_that_blocks_does_not_block_the_program(delivery, sink) -> None:
    sink.is_open.clear()
    delivery.put(event())
    delivery.expedite()
    assert sink.is_entered.wait(5)
    for number in range(1000):
        delivery.put(event(number))

    # The sink is in its first call still.
    assert [] == sink.batches
    assert not delivery.flush(time.monotonic() + 0.01)


def test_what_does_not_fit_is_counted(sink, capsys) -> None:
    delivery = make(sink, queue_events=5)
    sink.is_open.clear()
    delivery.put(event())
    delivery.expedite()
    assert sink.is_entered.wait(5)
    for number in range(8):
        delivery.put(event(number))
    counts = delivery.ledger.snapshot()

    sink.is_open.set()
    delivery.close(soon())

    assert {"queue_full": 3} == counts.dropped
    assert counts.is_balanced


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Rejected("too_old"), "too_old"),
        (ZeroDivisionError(), "sink_error"),
    ],
)
def test_what_a_sink_raises_is_counted_and_the_next_batch_goes_on(
    delivery, sink, answer, reason, capsys
) -> None:
    sink.answer = answer
    delivery.put(event(1))
    assert delivery.flush(soon())
    sink.answer = None
    delivery.put(event(2))
    assert delivery.flush(soon())
    counts = delivery.ledger.snapshot()

    assert {reason: 1} == {**counts.rejected, **counts.dropped}
    assert 1 == counts.delivered


def test_a_partial_answer_is_counted_by_event(delivery, sink) -> None:
    events = [event(number) for number in range(3)]
    sink.answer = Partial(rejected=[(events[0], "poison")])
    for one in events:
        delivery.put(one)
    delivery.flush(soon())
    counts = delivery.ledger.snapshot()

    assert ({"poison": 1}, 2) == (counts.rejected, counts.delivered)


def test_events_that_the_sink_itself_logs_do_not_feed_it(sink) -> None:
    class Chatty(Recorder):
        def write(self, batch: Sequence[Event]) -> None:
            super().write(batch)
            delivery.put(event(99))

    delivery = make(Chatty())
    delivery.put(event(1))
    delivery.flush(soon())
    delivery.close(soon())
    counts = delivery.ledger.snapshot()

    assert ({}, 1, 1) == (counts.dropped, counts.accepted, counts.delivered)


@pytest.mark.parametrize("answer", [True, 1, "stored"])
def test_any_answer_but_a_partial_means_that_all_are_stored(
    delivery, sink, answer
) -> None:
    sink.answer = answer
    delivery.put(event(1))

    assert delivery.flush(soon())
    assert 1 == delivery.ledger.snapshot().delivered


def test_an_event_that_is_named_twice_is_counted_once(delivery, sink) -> None:
    events = [event(number) for number in range(3)]
    twice = [(events[0], "bad")] * 2
    sink.answer = Partial(rejected=twice, retry=events[:1])
    for one in events:
        delivery.put(one)
    delivery.flush(soon())
    counts = delivery.ledger.snapshot()

    assert ({"bad": 1}, 2) == (counts.rejected, counts.delivered)


@pytest.mark.parametrize("error", [SystemExit(), KeyboardInterrupt()])
def test_a_sink_cannot_end_the_worker(delivery, sink, error, capsys) -> None:
    sink.answer = error
    delivery.put(event(1))
    assert delivery.flush(soon())
    sink.answer = None
    delivery.put(event(2))
    assert delivery.flush(soon())

    assert [2] == sink.times
    assert {"sink_error": 1} == delivery.ledger.snapshot().dropped


def test_a_partition_that_raises_parts_nothing(delivery, sink, capsys) -> None:
    sink.partition = lambda event: 1 / 0
    delivery.put(event(1))
    delivery.put(event(2))

    assert delivery.flush(soon())
    assert [1, 2] == sink.times


class TestClose:
    def test_a_sink_that_raises_in_it_stops_nothing(
        self, sink, capsys
    ) -> None:
        sink.close = lambda: 1 / 0
        make(sink).close(soon())

        assert "cannot be closed" in capsys.readouterr().err

    def test_it_takes_no_longer_than_it_may(self) -> None:
        sink = SuspendableSink()
        delivery = make(sink)
        delivery.put(event(1))
        closing = threading.Thread(
            target=delivery.close, args=(time.monotonic() + 0.1,)
        )
        closing.start()
        closing.join(30)
        is_over = not closing.is_alive()
        # The sink is stuck until now, so nothing but the time ended it.
        sink.release()
        closing.join()

        assert is_over
        assert 1 == delivery.ledger.snapshot().lost

    def test_it_delivers_what_is_queued(self, sink) -> None:
        delivery = make(sink)
        delivery.put(event(1))
        delivery.close(soon())

        assert [1] == sink.times
        assert sink.is_closed

    def test_it_ends_at_the_deadline_and_counts_what_is_left(
        self, sink
    ) -> None:
        sink.is_open.clear()
        delivery = make(sink)
        delivery.put(event(1))
        delivery.expedite()
        assert sink.is_entered.wait(5)
        delivery.put(event(2))
        delivery.close(time.monotonic() + 0.05)
        counts = delivery.ledger.snapshot()
        sink.is_open.set()

        assert {"shutdown": 2} == counts.dropped
        assert counts.is_balanced

    def test_an_event_after_it_is_counted(self, sink) -> None:
        delivery = make(sink)
        delivery.close(soon())
        delivery.put(event(1))

        assert {"closed": 1} == delivery.ledger.snapshot().dropped
