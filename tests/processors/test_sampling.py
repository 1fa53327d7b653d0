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
from mohflow.processors import RateLimit, Sample


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
        kept, said = log_file.events

        assert ("y", "events_sampled_out") == (kept["event"], said["event"])
        assert (5, 0, "shop", "mohflow") == (
            said["dropped"],
            said["rate"],
            said["service"],
            said["logger"],
        )
        assert 2 == taken.accepted == taken.delivered

    @pytest.mark.parametrize("rate", [-0.1, 1.1, "0.1", None, True])
    def test_a_wrong_rate_is_refused(self, rate) -> None:
        with pytest.raises(mohflow.ConfigurationError, match="from 0 to 1"):
            Sample(rate)

    def test_a_wrong_level_is_refused(self) -> None:
        with pytest.raises(mohflow.ConfigurationError, match="always"):
            Sample(0.5, always="loud")


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
