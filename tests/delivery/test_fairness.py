"""Nobody waits for what holds up others, and a worker does not stay dead."""

from __future__ import annotations

import json
import threading
import time

import pytest

import mohflow

from mohflow import DeliveryOptions, Event, Limits, Partial, Sink, Unavailable
from mohflow.delivery.engine import Delivery
from mohflow.diagnostics import complain
from mohflow.testing import LokiServer


def soon() -> float:
    return time.monotonic() + 10


def until(condition) -> None:
    deadline = soon()
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def event(number: int, tenant: str = "a", level: int = 20) -> Event:
    return Event(number, level, {"tenant": tenant}, b"x" * 9 + b"\n")


class Tenants(Sink):
    """Holds the tenants that it is told to, and stores for the others."""

    limits = Limits(max_events=10)

    def __init__(self, *held: str) -> None:
        self.held = set(held)
        self.stored: list[tuple[str, int]] = []
        self.asked = 0

    def partition(self, event: Event) -> str:
        return event.fields["tenant"]

    def write(self, batch) -> None:
        self.asked += 1
        if self.partition(batch[0]) in self.held:
            raise Unavailable("limited", 0.3, only_partition=True)
        self.stored += [(self.partition(e), e.time_ns) for e in batch]


@pytest.fixture
def start():
    deliveries = []

    def make(sink: Sink, **options) -> Delivery:
        given = DeliveryOptions(**{"linger": 0.01, **options})
        deliveries.append(Delivery("test", sink, given))
        return deliveries[-1]

    yield make
    for delivery in deliveries:
        delivery.close(time.monotonic() + 0.2)


def test_a_tenant_that_is_held_up_holds_up_no_other(start, capsys) -> None:
    sink = Tenants("a", "b")
    delivery = start(sink)
    for number in range(3000):
        delivery.put(event(number, "abc"[number % 3]))
    until(lambda: len(sink.stored) >= 1000)

    assert [("c", n) for n in range(2, 3000, 3)] == sink.stored
    assert delivery.ledger.snapshot().is_balanced
    sink.held.clear()
    assert delivery.flush(soon())
    for tenant in "ab":
        times = [n for t, n in sink.stored if t == tenant]
        assert times == sorted(times) and len(times) == 1000


def test_loki_holds_up_one_tenant_and_the_other_arrives(capsys) -> None:
    def limited(request) -> int | None:
        tenant = {k.lower(): v for k, v in request.headers.items()}
        return 429 if tenant["x-scope-orgid"] == "loud" else None

    with LokiServer(auth_enabled=True) as server:
        server.flaky(limited)
        mohflow.configure(
            console=False,
            loki=mohflow.LokiOptions(
                url=server.url,
                tenant="quiet",
                tenant_field="tenant",
                linger=0.01,
            ),
        )
        log = mohflow.get_logger()
        for number in range(100):
            log.info("x", tenant="loud", number=number)
            log.info("x", number=number)
        until(lambda: len(server.entries("quiet")) == 100)

        assert [] == server.entries("loud")
        server.heal()
        assert mohflow.flush(10)
        for tenant in ("loud", "quiet"):
            lines = [json.loads(e.line) for e in server.entries(tenant)]
            assert list(range(100)) == [line["number"] for line in lines]


def test_a_sink_that_takes_some_at_a_time_is_not_asked_in_a_hot_loop(
    start,
) -> None:
    class Choosy(Sink):
        def __init__(self) -> None:
            self.asked = 0

        def write(self, batch) -> Partial:
            self.asked += 1
            return Partial(retry=batch)

    sink = Choosy()
    delivery = start(sink)
    delivery.put(event(1))
    until(lambda: sink.asked >= 2)
    before = sink.asked
    delivery.close(time.monotonic() + 0.3)

    assert sink.asked - before <= 20
    assert {"shutdown": 1} == delivery.ledger.snapshot().dropped


@pytest.mark.parametrize("fault", [MemoryError(), SystemExit()])
def test_a_fault_of_the_engine_costs_one_batch_and_the_worker_goes_on(
    start, fault, monkeypatch, capsys
) -> None:
    sink = Tenants()
    delivery = start(sink)
    process = delivery.courier._attempts.process
    faults = [fault]

    def fail_once(batch) -> None:
        if faults:
            raise faults.pop()
        process(batch)

    monkeypatch.setattr(delivery.courier._attempts, "process", fail_once)
    delivery.put(event(1))
    until(lambda: delivery.ledger.snapshot().lost)
    delivery.put(event(2))

    assert delivery.flush(soon())
    assert {"engine_error": 1} == delivery.ledger.snapshot().dropped
    assert [("a", 2)] == sink.stored
    assert 1 == complain.counts()["engine test"]
    assert "Please report this" in capsys.readouterr().err


def test_a_worker_that_could_not_start_is_started_by_the_next_event(
    start, monkeypatch
) -> None:
    sink = Tenants()
    delivery = start(sink)
    can_start = threading.Thread.start
    refusals = [1]

    def start_later(thread) -> None:
        if refusals:
            refusals.pop()
            raise RuntimeError("can't start new thread")
        can_start(thread)

    monkeypatch.setattr(threading.Thread, "start", start_later)
    delivery.put(event(1))
    delivery.put(event(2))

    assert delivery.flush(soon())
    assert [("a", 1), ("a", 2)] == sink.stored


def test_a_sink_that_is_back_is_spoken_of_with_what_is_late(
    start, capsys
) -> None:
    class Away(Tenants):
        is_away = True

        def write(self, batch) -> None:
            if self.is_away:
                self.asked += 1
                raise Unavailable("connect", 0.01)
            super().write(batch)

    sink = Away()
    delivery = start(sink)
    for number in range(25):
        delivery.put(event(number))
    until(lambda: sink.asked >= 5)
    sink.is_away = False

    assert delivery.flush(soon())
    error = capsys.readouterr().err
    assert "'test' is back after " in error
    assert "25 events arrive late, 0 are lost so far." in error


def test_a_log_call_that_waits_for_room_ends_with_the_sink(start) -> None:
    sink = Tenants("a")
    delivery = start(sink, queue_events=1, overflow="block", linger=60.0)
    delivery.put(event(1))
    thread = threading.Thread(target=delivery.put, args=(event(2),))
    thread.start()
    delivery.close(time.monotonic() + 0.05)
    thread.join(10)
    counts = delivery.ledger.snapshot()

    assert counts.is_balanced
    assert (2, 0, 0) == (counts.lost, counts.queued, counts.in_flight)
