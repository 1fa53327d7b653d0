"""At the end what can be delivered is, and nothing is waited for in vain."""

from __future__ import annotations

import itertools
import threading
import time

import pytest

from mohflow import Event, Sink, Unavailable
from mohflow._delivery_options import DeliveryOptions
from mohflow.delivery.disk import Disk
from mohflow.delivery.engine import Delivery
from mohflow.delivery.ledger import LedgerSnapshot
from mohflow.testing import FailingSink


COUNT = 30

ON_DISK = ["spool", "wal"]


def counts_at_the_end(
    sink: Sink, durability: str, folder, *, is_tried: bool = False
) -> LedgerSnapshot:
    """Return what became of events; the end has an hour, and takes less."""
    disk = None if durability == "memory" else Disk.below(folder, "test")
    options = DeliveryOptions(durability=durability, linger=3600.0)
    delivery = Delivery("test", sink, options, disk)
    for number in range(COUNT):
        fields = {"event": str(number)}
        delivery.put(Event(time.time_ns(), 20, fields, b'{"event":1}\n'))
        if number == 0 and is_tried:
            delivery.flush(time.monotonic() + 0.01)
    closing = threading.Thread(
        target=delivery.close, args=(time.monotonic() + 3600,), daemon=True
    )
    closing.start()
    closing.join(20)
    assert not closing.is_alive()
    return delivery.ledger.snapshot()


@pytest.mark.parametrize("is_tried", [False, True])
@pytest.mark.parametrize("durability", ON_DISK)
def test_what_is_on_disk_stays_there_while_the_sink_is_away(
    durability, is_tried, tmp_path, capsys
) -> None:
    sink = FailingSink(itertools.repeat(Unavailable("connect")))
    counts = counts_at_the_end(sink, durability, tmp_path, is_tried=is_tried)

    assert (COUNT, 0) == (counts.spooled, counts.lost)
    assert sink.attempts


@pytest.mark.parametrize("durability", [*ON_DISK, "memory"])
def test_a_connection_that_was_closed_meanwhile_keeps_nothing_back(
    durability, tmp_path, capsys
) -> None:
    sink = FailingSink([Unavailable("reset")])
    counts = counts_at_the_end(sink, durability, tmp_path)

    assert COUNT == counts.delivered == len(sink.then.events)


@pytest.mark.parametrize("durability", [*ON_DISK, "memory"])
def test_nothing_waits_for_company_any_more(durability, tmp_path) -> None:
    sink = FailingSink([])
    counts = counts_at_the_end(sink, durability, tmp_path)

    assert COUNT == counts.delivered


def test_what_is_in_memory_only_is_tried_again(tmp_path, capsys) -> None:
    sink = FailingSink([Unavailable("connect")] * 3)
    counts = counts_at_the_end(sink, "memory", tmp_path)

    assert (COUNT, 4) == (counts.delivered, len(sink.attempts))
