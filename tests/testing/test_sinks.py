import threading

from itertools import repeat

import pytest

from mohflow import Event, Partial, Rejected, Unavailable
from mohflow.testing import (
    FailingSink,
    FakeClock,
    RecordingSink,
    SuspendableSink,
)


def event(name="x"):
    return Event(1, 20, {"event": name}, b"{}\n")


class TestFakeClock:
    def test_it_stands_still(self):
        clock = FakeClock(5)

        assert [5, 5] == [clock(), clock()]

    def test_it_advances_and_sleeps_at_once(self):
        clock = FakeClock()
        clock.advance(0.1)
        clock.sleep(3600)
        clock.sleep(-1)

        assert 3600.1 == clock()

    def test_its_times_go_together(self):
        clock = FakeClock()
        before = clock.time_ns()
        clock.advance(1.5)

        assert 1_500_000_000 == clock.time_ns() - before

    def test_it_does_not_go_back(self):
        with pytest.raises(ValueError, match="does not go back"):
            FakeClock().advance(-1)

    def test_waiting_takes_the_time_that_no_event_ends(self):
        clock, event = FakeClock(), threading.Event()

        assert not clock.wait(event, 7)
        event.set()
        assert clock.wait(event, 7)
        assert 7 == clock()


class TestRecordingSink:
    def test_it_keeps_batches(self):
        sink = RecordingSink()
        sink.write([event("a"), event("b")])
        sink.write([event("c")])
        sink.close()

        assert [2, 1] == [len(batch) for batch in sink.batches]
        assert list("abc") == [e.fields["event"] for e in sink.events]
        assert {"event": "a"} == sink.fields[0]
        assert 1 == sink.closed


class TestFailingSink:
    def test_it_fails_as_told_and_then_writes(self):
        partial = Partial(retry=(event(),))
        sink = FailingSink([Unavailable("down"), Rejected("no"), partial])

        with pytest.raises(Unavailable):
            sink.write([event()])
        with pytest.raises(Rejected):
            sink.write([event()])
        assert partial is sink.write([event()])
        assert None is sink.write([event("kept")])
        assert ["kept"] == [e.fields["event"] for e in sink.then.events]
        assert 4 == len(sink.attempts)

    def test_it_may_never_recover(self):
        sink = FailingSink(repeat(Unavailable("down")))

        for _ in range(5):
            with pytest.raises(Unavailable):
                sink.write([event()])


class TestSuspendableSink:
    def test_it_holds_writes_back_until_released(self):
        sink = SuspendableSink()
        writer = threading.Thread(target=sink.write, args=([event()],))
        writer.start()

        assert sink.wait_until_held()
        assert ([], 1) == (sink.events, len(sink.held))
        sink.release()
        writer.join(5)
        assert (1, 0) == (len(sink.events), len(sink.held))

    def test_it_can_begin_open_and_be_suspended_later(self):
        sink = SuspendableSink(suspended=False)
        sink.write([event()])
        sink.suspend()
        writer = threading.Thread(target=sink.write, args=([event()],))
        writer.start()

        assert sink.wait_until_held()
        sink.release()
        writer.join(5)
        assert 2 == len(sink.events)
