"""Each step from the dead letters to the sink, and what can go wrong there."""

from __future__ import annotations

import threading

from collections import Counter

import pytest

from mohflow import DeliveryOptions, Rejected, SpoolError
from mohflow._event import Event
from mohflow.delivery import redelivery
from mohflow.delivery.dead_letters import DeadLetters
from mohflow.delivery.inventory import letters_in, orphans_in
from mohflow.delivery.redelivery import CarefulDisk, Redelivery, spool_letters
from mohflow.testing import FailingSink, RecordingSink


def event(number):
    fields = {"n": number, "service": "ab"[number % 2]}
    return Event(10**18 + number, 20, fields, b"line %d\n" % number)


@pytest.fixture
def letters(tmp_path):
    return DeadLetters(tmp_path / "x.dead.jsonl", 10**7)


@pytest.fixture
def work(tmp_path):
    folder = tmp_path / "x.dead.jsonl.replay"
    folder.mkdir()
    return folder


def bury(letters, first, count):
    some = [(event(n), "why") for n in range(first, first + count)]
    letters.append("x", some)


def send(sink, letters, work):
    spool_letters(letters, work)
    one = Redelivery("x", lambda labels: sink, DeliveryOptions(), 5.0)
    counts = one.run(CarefulDisk.at(work, letters), lambda _: None)
    return one.fault, counts


def numbers(sink):
    return [e.fields["n"] for e in sink.events]


def test_old_letters_go_first_and_none_is_too_old_to_try(letters, work):
    bury(letters, 0, 3)
    letters.path.rename(letters.old_path)
    bury(letters, 3, 3)
    sink = RecordingSink()
    fault, counts = send(sink, letters, work)

    assert ("", list(range(6))) == (fault, sorted(numbers(sink)))
    assert (6, 0) == (counts.delivered, counts.spooled)
    assert 0 == orphans_in(work).events


def test_events_are_sent_as_their_own_program_would(letters, work):
    bury(letters, 0, 4)
    made = {}

    def make(labels):
        return made.setdefault(labels.get("service_name"), RecordingSink())

    spool_letters(letters, work)
    one = Redelivery("x", make, DeliveryOptions(), 5.0)
    one.run(CarefulDisk.at(work, letters), lambda _: None)

    assert ([0, 2], [1, 3]) == (numbers(made["a"]), numbers(made["b"]))


@pytest.mark.parametrize("step", ["take", "convert", "half", "rename"])
def test_it_goes_on_from_wherever_it_was_killed(
    letters, work, step, monkeypatch
):
    bury(letters, 0, 10)
    if step == "take":
        letters.take(work)
    elif step == "half":
        (work / "half-taken-1-1").write_bytes(b"MOHSP")
    else:
        name = {"convert": "make_nothing", "rename": "segment_name"}[step]
        with monkeypatch.context() as patch, pytest.raises(OSError):
            patch.setattr(
                redelivery,
                "segment_name" if step == "rename" else "_sync",
                lambda *_: (_ for _ in ()).throw(OSError(name)),
            )
            spool_letters(letters, work)
    sink = RecordingSink()
    send(sink, letters, work)

    assert list(range(10)) == numbers(sink)
    assert Counter() == letters_in([letters.path, letters.old_path])
    assert [] == [path for path in work.rglob("*") if path.is_file()]


def test_letters_that_are_written_meanwhile_are_kept(letters, work):
    stop = threading.Event()
    written = []

    def write(first):
        while not stop.is_set() and len(written) < 3000:
            letters.append("x", [(event(first + len(written)), "why")])
            written.append(first)

    threads = [
        threading.Thread(target=write, args=(n * 10**6,)) for n in range(3)
    ]
    for thread in threads:
        thread.start()
    for _ in range(20):
        letters.take(work)
    stop.set()
    for thread in threads:
        thread.join()

    files = [*work.glob("taken-*"), letters.path, letters.old_path]
    assert {"why": len(written)} == letters_in(files)


def test_a_sink_that_raises_anything_loses_nothing(letters, work):
    bury(letters, 0, 4)
    sink = FailingSink([ZeroDivisionError() for _ in range(9)])
    fault, counts = send(sink, letters, work)

    assert ("", {"sink_error": 4}) == (fault, counts.rejected)
    assert {"sink_error": 4} == letters_in([letters.path])


def test_what_cannot_be_buried_again_stays(letters, work, monkeypatch):
    bury(letters, 0, 4)
    spool_letters(letters, work)

    def full(*_):
        raise SpoolError("disk_full")

    monkeypatch.setattr(DeadLetters, "append", full)
    sink = FailingSink([Rejected("no") for _ in range(99)])
    fault, counts = send(sink, letters, work)

    assert ("disk_full", 4, {}) == (fault, counts.spooled, counts.rejected)
    assert 4 == orphans_in(work).events


def test_a_letters_file_that_others_hold_is_not_taken(
    letters, work, monkeypatch
):
    bury(letters, 0, 1)
    monkeypatch.setattr("mohflow.delivery.dead_letters._PAUSE", 0)
    monkeypatch.setattr("mohflow.delivery.dead_letters.lock", lambda _: False)

    with pytest.raises(OSError, match="busy"):
        letters.take(work)
    assert letters.path.exists()
