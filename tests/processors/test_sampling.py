from __future__ import annotations

import threading

from collections import Counter

import pytest
import structlog

from hypothesis import given
from hypothesis import strategies as st
from structlog import DropEvent

import mohflow

from mohflow.integrations._http import new_id
from mohflow.processors import FlightRecorder, RateLimit, Sample


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def passes(processor, method="info", **event_dict):
    """Return what comes out, or None."""
    event_dict = {"event": "x", "level": method, **event_dict}
    try:
        return processor(None, method, event_dict)
    except DropEvent:
        return None


class TestSample:
    @given(st.text(min_size=1), st.floats(0, 1))
    def test_a_request_is_kept_or_dropped_whole(self, name, rate) -> None:
        kept = {
            passes(sample, event=event, correlation_id=name) is not None
            for sample in (Sample(rate), Sample(rate))
            for event in ("a", "b")
        }

        assert 1 == len(kept)

    @pytest.mark.parametrize("rate", [0.01, 0.1, 0.5])
    @pytest.mark.parametrize("make", [new_id, iter(range(10**6)).__next__])
    def test_about_the_share_is_kept_whatever_the_ids_look_like(
        self, rate, make
    ) -> None:
        sample = Sample(rate)
        count = 20_000
        kept = sum(
            passes(sample, correlation_id=str(make())) is not None
            for _ in range(count)
        )

        # Six standard deviations of a binomial distribution.
        assert abs(kept - rate * count) < 6 * (count * rate) ** 0.5

    def test_the_ends_of_the_scale_keep_all_and_none(self) -> None:
        ids = [new_id() for _ in range(1000)]

        assert all(passes(Sample(1), correlation_id=i) for i in ids)
        assert not any(passes(Sample(0), correlation_id=i) for i in ids)

    def test_what_is_kept_for_the_rate_says_so(self) -> None:
        assert 1 == passes(Sample(1), correlation_id="a")["sample_rate"]

    def test_errors_slow_requests_and_events_without_an_id_are_kept(
        self,
    ) -> None:
        sample = Sample(0, slow_ms=500)
        kept = [
            passes(sample, "error", correlation_id="a"),
            passes(sample, "critical", correlation_id="a"),
            passes(sample, correlation_id="a", duration_ms=500.0),
            passes(sample),
        ]

        assert None not in kept
        assert not any("sample_rate" in event for event in kept)
        assert passes(sample, correlation_id="a", duration_ms=499.9) is None
        assert passes(sample, "warning", correlation_id="a") is None

    def test_how_many_were_left_out_is_said_at_the_end(self, log_file) -> None:
        log_file.configure(service="shop", processors=[Sample(0)])
        log = structlog.get_logger()
        for number in range(5):
            log.info("x", correlation_id=str(number))
        log.error("y", correlation_id="1")
        taken = mohflow.shutdown()["file"]
        *kept, said = log_file.events

        assert ["x", "y"] == [event["event"] for event in kept]
        assert "events_sampled_out" == said["event"]
        assert (4, 0, "shop", "mohflow") == (
            said["dropped"],
            said["rate"],
            said["service"],
            said["logger"],
        )
        assert 3 == taken.accepted == taken.delivered

    @pytest.mark.parametrize("rate", [-0.1, 1.1, "0.1", None, True])
    def test_a_wrong_rate_is_refused(self, rate) -> None:
        with pytest.raises(mohflow.ConfigurationError, match="from 0 to 1"):
            Sample(rate)

    @pytest.mark.parametrize(
        ("option", "value"),
        [("always", "loud"), ("max_events", -1), ("max_requests", 0)],
    )
    def test_a_wrong_option_is_refused(self, option, value) -> None:
        with pytest.raises(mohflow.ConfigurationError, match=option):
            Sample(0.5, **{option: value})


class TestAFailedRequestThatIsSampledOut:
    @pytest.fixture
    def sampled(self, log_file):
        def configure(*more, console=False, level=None, **options):
            sample = Sample(0, **options)
            log_file.configure(
                processors=[sample, *more], console=console, level=level
            )
            return sample

        return configure

    def told(self, log_file):
        return [event["event"] for event in log_file.events]

    def test_is_written_whole_and_in_order(self, sampled, log_file) -> None:
        sampled()
        log = structlog.get_logger("app")
        for name in "ab":
            with mohflow.bound(correlation_id=name):
                log.info("one", password="hunter22")
                log.warning("two")
                if name == "b":
                    log.error("failed")
                log.info("after")
                log.info("request_finished", duration_ms=5.0)
        mohflow.flush()
        events = log_file.events
        times = [event["timestamp"] for event in events]

        assert ["one", "two", "failed", "after", "request_finished"] == (
            self.told(log_file)
        )
        assert sorted(times) == times
        assert {"b"} == {event["correlation_id"] for event in events}
        assert "[redacted]" == events[0]["password"]
        assert not any("sample_rate" in event for event in events)

    def test_a_slow_one_is_written_whole(self, sampled, log_file) -> None:
        sampled(slow_ms=100)
        log = structlog.get_logger()
        for duration in (99.0, 100.0):
            with mohflow.bound(correlation_id=f"{duration}"):
                log.info("one", of=duration)
                log.info("request_finished", duration_ms=duration)

        assert ["one", "request_finished"] == self.told(log_file)
        assert 100.0 == log_file.events[0]["of"]

    def test_its_debug_events_come_from_a_recorder_behind(
        self, sampled, log_file
    ) -> None:
        sampled(FlightRecorder())
        log = structlog.get_logger()
        for name in "ab":
            with mohflow.bound(correlation_id=name):
                log.debug("looking")
                log.info("one")
                if name == "b":
                    log.error("failed")
                log.info("request_finished")

        assert ["one", "looking", "failed", "request_finished"] == (
            self.told(log_file)
        )
        assert {"b"} == {e["correlation_id"] for e in log_file.events}

    def test_each_sink_gets_what_its_level_lets_through(
        self, sampled, log_file, capsys
    ) -> None:
        console = mohflow.ConsoleOptions(format="json", level="warning")
        sampled(console=console)
        log = structlog.get_logger()
        with mohflow.bound(correlation_id="a"):
            log.info("one")
            log.warning("two")
            log.error("failed")
        shown = capsys.readouterr().out

        assert ["one", "two", "failed"] == self.told(log_file)
        assert (0, 1, 1) == tuple(
            shown.count(f'"{name}"') for name in ("one", "two", "failed")
        )

    def test_events_and_requests_that_wait_are_bounded(
        self, sampled, log_file
    ) -> None:
        sample = sampled(max_events=2, max_requests=3)
        log = structlog.get_logger()
        for name in "abcde":
            for number in range(4):
                log.info("%s%d", name, number, correlation_id=name)
        for name in "ae":
            log.error("failed", correlation_id=name)

        assert ["failed", "e2", "e3", "failed"] == self.told(log_file)
        assert 2 == log_file.last["sample_lost"]
        assert ["c", "d"] == list(sample._tapes)
        assert {"a", "e"} == set(sample._kept)

    def test_with_none_that_wait_only_what_fails_is_kept(
        self, sampled, log_file
    ) -> None:
        sampled(max_events=0)
        log = structlog.get_logger()
        with mohflow.bound(correlation_id="a"):
            log.info("one")
            log.error("failed")
            log.info("after")

        assert ["failed"] == self.told(log_file)

    def test_what_was_written_late_is_not_counted_as_left_out(
        self, sampled, log_file
    ) -> None:
        sampled()
        log = structlog.get_logger()
        for name in "ab":
            log.info("one", correlation_id=name)
        log.error("failed", correlation_id="b")
        mohflow.shutdown()

        assert 1 == log_file.last["dropped"]

    def test_a_request_by_an_integration_is_told_whole(
        self, sampled, log_file
    ) -> None:
        from mohflow.integrations._http import Exchange, Policy

        sample = sampled()
        for status in (200, 500, 404):
            one = Exchange(Policy(), "GET", f"/{status}", "", None, {})
            one.start()
            structlog.get_logger().info("inside", of=status)
            one.status = status
            one.answered()
            one.finish()

        assert [("inside", 500), ("request_finished", 500)] == [
            (e["event"], e.get("of", e.get("status"))) for e in log_file.events
        ]
        assert [] == list(sample._tapes) == list(sample._kept)

    def test_many_threads_get_their_own_requests_only(
        self, sampled, log_file
    ) -> None:
        sampled()
        log = structlog.get_logger()

        def serve(name):
            with mohflow.bound(correlation_id=str(name)):
                for step in range(20):
                    log.info("step", of=name, step=step)
                if name % 2:
                    log.error("failed")
                log.info("request_finished")

        threads = [
            threading.Thread(target=serve, args=(n,)) for n in range(16)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        steps = [e for e in log_file.events if e["event"] == "step"]
        mohflow.shutdown()

        assert {str(n): 20 for n in range(1, 16, 2)} == Counter(
            e["correlation_id"] for e in steps
        )
        assert all(str(e["of"]) == e["correlation_id"] for e in steps)
        assert 8 * 21 == log_file.last["dropped"]


class TestRateLimit:
    def test_the_first_are_kept_and_then_one_in_so_many(self) -> None:
        limit = RateLimit(3, 10, clock=Clock())
        kept = [n for n in range(1, 34) if passes(limit, n=n)]

        assert [1, 2, 3, 13, 23, 33] == kept

    def test_names_levels_and_loggers_count_apart(self) -> None:
        limit = RateLimit(1, 10**6, clock=Clock())
        kept = [
            passes(limit, event=event, method=level, logger=logger)
            for _ in range(2)
            for event in "ab"
            for level in ("info", "debug")
            for logger in ("x", "y")
        ]

        assert 8 == sum(event is not None for event in kept)

    def test_errors_are_always_kept(self) -> None:
        limit = RateLimit(1, 10**6, clock=Clock())

        assert all(passes(limit, "error") for _ in range(100))

    def test_a_chain_of_ones_own_is_told_by_the_next_event(self) -> None:
        clock = Clock()
        limit = RateLimit(1, 10**6, clock=clock)
        for _ in range(8):
            passes(limit)
        clock.now += 1

        assert 7 == passes(limit)["suppressed"]
        assert passes(limit) is None

    def test_an_event_tells_what_was_left_out_once_the_interval_is_over(
        self, log_file
    ) -> None:
        clock = Clock()
        limit = RateLimit(2, 10**6, clock=clock)
        log_file.configure(service="shop", processors=[limit])
        log = structlog.get_logger("app")
        for _ in range(10_000):
            log.info("same", password="hunter22")
        clock.now += 1
        log.info("another")
        summary = log_file.events[2]

        assert ["same", "same", "events_suppressed", "another"] == [
            event["event"] for event in log_file.events
        ]
        assert {
            "level": "warning",
            "logger": "mohflow",
            "service": "shop",
            "of_event": "same",
            "of_level": 20,
            "of_logger": "app",
            "suppressed": 9_998,
        }.items() <= summary.items()
        assert "level_" not in summary

    def test_what_is_left_at_the_end_is_told_at_the_end(
        self, log_file
    ) -> None:
        log_file.configure(processors=[RateLimit(1, 10**6)])
        log = structlog.get_logger()
        for _ in range(50):
            log.info("same")
        mohflow.shutdown()
        mohflow.shutdown()

        assert [49] == [
            event["suppressed"]
            for event in log_file.events
            if event["event"] == "events_suppressed"
        ]

    def test_a_reconfiguration_loses_no_count(self, log_file) -> None:
        log_file.configure(processors=[RateLimit(1, 10**6)])
        log = structlog.get_logger()
        for _ in range(5):
            log.info("same")
        log_file.configure()

        assert 4 == log_file.last["suppressed"]

    def test_memory_is_bounded_and_no_count_is_lost(self, log_file) -> None:
        limit = RateLimit(1, 10**6, clock=Clock())
        log_file.configure(processors=[limit])
        log = structlog.get_logger()
        names = [f"name-{n}" for n in range(3000)]
        for name in names:
            log.info(name)
            log.info(name)
        inside = len(limit._windows)
        mohflow.shutdown()
        told = Counter(
            event["of_event"]
            for event in log_file.events
            if event["event"] == "events_suppressed"
        )

        assert inside <= 1001
        assert Counter(names) == told

    def test_threads_lose_no_count(self, log_file) -> None:
        log_file.configure(processors=[RateLimit(10, 7)])
        log = structlog.get_logger()

        def work():
            for _ in range(500):
                log.info("same")

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        mohflow.shutdown()
        kept = [e for e in log_file.events if e["event"] == "same"]
        told = [e for e in log_file.events if e["event"] != "same"]

        assert 4000 == len(kept) + sum(e["suppressed"] for e in told)

    @pytest.mark.parametrize(
        "options",
        [
            {"first": 0},
            {"then_each": 0},
            {"first": 1.5},
            {"interval": 0},
            {"always": "loud"},
        ],
    )
    def test_a_wrong_option_is_refused(self, options) -> None:
        with pytest.raises(mohflow.ConfigurationError):
            RateLimit(**options)
