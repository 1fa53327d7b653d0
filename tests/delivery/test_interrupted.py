"""A log call may be cut short anywhere by what a signal handler raises."""

from __future__ import annotations

import inspect
import sys
import time

from pathlib import Path

import pytest

import mohflow

from mohflow import Event
from mohflow._delivery_options import DeliveryOptions
from mohflow.delivery.disk import Disk
from mohflow.delivery.engine import Delivery
from mohflow.testing import RecordingSink


PACKAGE = str(Path(mohflow.__file__).parent)

WITHOUT_LOCKS = (
    "queue.py",
    "backlog.py",
    "spool.py",
    "_segment.py",
    "_segment_file.py",
    "_segment_list.py",
    "_segment_writer.py",
)
"""Where it may come at every line. Elsewhere at the start of every function,
where the interpreter looks for signals: at the end of a ``with`` it does not,
but a tracer could raise there and leave the lock behind."""


class Interrupted(BaseException):
    """What the handler raises."""


def was_cut_short(call, at: int) -> bool:
    """Make *call*, and raise at its step number *at*; return if it came."""
    step = 0

    def trace(frame, event, _):
        nonlocal step
        path = Path(frame.f_code.co_filename)
        if PACKAGE not in str(path) or event not in ("call", "line"):
            return trace
        if event == "line" and path.name not in WITHOUT_LOCKS:
            return trace
        if frame.f_code.co_flags & inspect.CO_GENERATOR:
            # It may be on its way out, where exceptions are lost.
            return trace
        step += 1
        if step == at:
            sys.settrace(None)
            raise Interrupted
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        call()
    except Interrupted:
        return True
    finally:
        sys.settrace(before)
    return False


@pytest.mark.parametrize("overflow", ["drop_lowest", "drop_newest"])
@pytest.mark.parametrize("durability", ["memory", "spool", "wal"])
def test_the_counts_are_true_again_afterwards(
    durability, overflow, tmp_path, capsys
) -> None:
    sink = RecordingSink()
    disk = None if durability == "memory" else Disk.below(tmp_path, "test")
    options = DeliveryOptions(
        durability=durability,
        linger=3600.0,
        queue_events=3,
        batch_events=100_000,
        overflow=overflow,
    )
    delivery = Delivery("test", sink, options, disk)

    def put() -> None:
        fields = {"event": "x"}
        delivery.put(Event(time.time_ns(), 20, fields, b'{"event":"x"}\n'))

    at = 1
    while was_cut_short(put, at):
        at += 1
        put()
        counts = delivery.ledger.snapshot()
        assert counts.is_balanced
        assert min(counts.queued, counts.spooled, counts.in_flight) >= 0
    # Up to here the worker has been told of nothing that it would send.
    assert delivery.flush(time.monotonic() + 20)
    delivery.close(time.monotonic() + 20)
    counts = delivery.ledger.snapshot()
    numbers = [event.time_ns for event in sink.events]

    assert at > 20
    assert counts.is_balanced
    assert (0, 0, 0) == (counts.queued, counts.spooled, counts.in_flight)
    assert len(set(numbers)) == counts.delivered == len(numbers)
    assert counts.accepted >= at


def test_an_interrupted_call_does_not_stop_the_worker(capsys) -> None:
    for at in range(1, 60):
        sink = RecordingSink()
        delivery = Delivery("test", sink, DeliveryOptions(linger=3600.0))
        was_cut_short(
            lambda to=delivery: to.put(Event(1, 20, {}, b"{}\n")), at
        )
        for level in (10, 30):
            delivery.put(Event(level, level, {}, b"{}\n"))
        assert delivery.flush(time.monotonic() + 20), at
        delivery.close(time.monotonic() + 20)
        counts = delivery.ledger.snapshot()
        assert counts.delivered == counts.accepted == len(sink.events)
