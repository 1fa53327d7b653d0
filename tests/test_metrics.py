"""How writes went, as a program can show it to whoever watches it."""

from __future__ import annotations

import math

import pytest
import structlog

from hypothesis import given
from hypothesis import strategies as st

import mohflow

from mohflow import Event, Histogram, Unavailable
from mohflow.delivery.meter import WRITE_SECONDS, Meter
from mohflow.testing import FailingSink, LokiServer, RecordingSink


log = structlog.get_logger()


def events(*ages: float, now: int) -> list[Event]:
    return [Event(now - int(age * 1e9), 20, {}, b"x\n") for age in ages]


@given(st.lists(st.floats(0, 20), max_size=30))
def test_a_histogram_counts_what_is_at_most_its_bounds(seconds) -> None:
    meter = Meter()
    for one in seconds:
        meter.wrote([], one)
    found = meter.snapshot().write_seconds

    assert [
        (bound, sum(one <= bound for one in seconds))
        for bound in (*WRITE_SECONDS, math.inf)
    ] == list(found.buckets)
    assert len(seconds) == found.count
    assert math.fsum(seconds) == pytest.approx(found.total)


def test_a_delay_begins_with_the_log_call_and_is_never_negative() -> None:
    meter = Meter(lambda: 10**18)
    meter.stored(events(0.05, 3.0, -7.0, now=10**18))
    found = meter.snapshot().delay_seconds

    assert {0.1: 2, 2.5: 2, 5.0: 3, math.inf: 3}.items() <= dict(
        found.buckets
    ).items()
    assert 3.05 == pytest.approx(found.total)


def test_nothing_was_measured_before_the_first_event() -> None:
    mohflow.configure(console=False, sinks={"remote": RecordingSink()})
    found = mohflow.metrics()["remote"]

    assert 0 == found.write_seconds.count == found.delay_seconds.count
    assert {} == found.retried


def test_console_and_file_are_not_measured(tmp_path) -> None:
    mohflow.configure(file=tmp_path / "a.log")
    log.info("x")

    assert {} == mohflow.metrics()


def test_writes_that_fail_are_counted_by_reason(capsys) -> None:
    sink = FailingSink([Unavailable("away"), Unavailable("busy", 0.0)])
    mohflow.configure(console=False, sinks={"remote": sink})
    log.info("x")
    assert mohflow.flush(20)
    found = mohflow.metrics()["remote"]

    assert {"away": 1, "busy": 1} == found.retried
    assert 3 == found.write_seconds.count == found.batch_bytes.count
    assert 1 == found.delay_seconds.count


def test_events_of_a_loki_that_answers_slowly_and_refuses_first(
    capsys,
) -> None:
    with LokiServer() as server:
        server.respond(503)
        mohflow.configure(console=False, loki=server.url)
        for number in range(20):
            log.info("x", number=number)
        assert mohflow.flush(20)
        found = mohflow.metrics()["loki"]
        sent = sum(len(entry.line) + 1 for entry in server.entries())

    assert {"http_503": 1} == found.retried
    assert 20 == found.delay_seconds.count
    assert 2 <= found.write_seconds.count == found.batch_bytes.count
    assert sent <= found.batch_bytes.total <= 2 * sent
    assert 0 < found.write_seconds.total


def test_what_waits_in_memory_has_a_size(capsys) -> None:
    with LokiServer() as server:
        server.hang(60)
        settings = mohflow.Settings(shutdown_timeout=0.1)
        mohflow.configure(settings, console=False, loki=server.url)
        log.info("x")
        mohflow.flush(0.1)
        log.info("y", pad="z" * 1000)
        health = mohflow.health()[0]

        assert 1000 < health.queue_bytes < 10_000
        mohflow.shutdown(0.1)


def test_a_child_of_a_fork_measures_its_own(program) -> None:
    result = program(
        """
        import os
        import mohflow, structlog
        from mohflow.testing import RecordingSink

        mohflow.configure(console=False, sinks={"r": RecordingSink()})
        log = structlog.get_logger()
        log.info("x")
        assert mohflow.flush(20)
        if os.fork() == 0:
            log.info("y")
            assert mohflow.flush(20)
            os._exit(10 + mohflow.metrics()["r"].delay_seconds.count)
        print(os.waitstatus_to_exitcode(os.wait()[1]))
        """,
        PYTHONWARNINGS="ignore",
    )

    assert (0, "11\n", "") == (
        result.returncode,
        result.stdout,
        result.stderr,
    )


def test_an_empty_histogram_counts_nothing() -> None:
    assert 0 == Histogram().count
    assert 0.0 == Histogram().total
