from __future__ import annotations

import logging
import os

import pytest
import structlog

import mohflow

from mohflow.processors import FlightRecorder


log = structlog.get_logger("app")


@pytest.fixture
def recording(log_file):
    def configure(options=None, **settings):
        recorder = FlightRecorder(**(options or {}))
        log_file.configure(processors=[recorder], **settings)
        return recorder

    return configure


def told(log_file):
    return [event["event"] for event in log_file.events]


class TestARequest:
    def test_that_fails_is_told_from_its_beginning_in_its_order(
        self, recording, log_file
    ) -> None:
        recording()
        with mohflow.bound(correlation_id="a"):
            log.debug("first", password="hunter22")
            log.info("second")
            logging.getLogger("lib").debug("third %s", 3)
            log.error("failed")
        events = log_file.events

        assert ["second", "first", "third 3", "failed"] == told(log_file)
        assert ["first", "second", "third 3", "failed"] == [
            e["event"] for e in sorted(events, key=lambda e: e["timestamp"])
        ]
        assert "[redacted]" == events[1]["password"]
        assert ("debug", "app") == (events[1]["level"], events[1]["logger"])
        assert "lib" == events[2]["logger"]

    def test_that_does_not_fail_is_told_as_ever(
        self, recording, log_file
    ) -> None:
        recorder = recording()
        with mohflow.bound(correlation_id="a"):
            log.debug("first")
            log.info("request_finished")
            log.error("too late to matter")

        assert ["request_finished", "too late to matter"] == told(log_file)
        assert [] == list(recorder._tapes)

    def test_is_not_told_with_the_lines_of_another(
        self, recording, log_file
    ) -> None:
        recording()
        for name in "ab":
            with mohflow.bound(correlation_id=name):
                log.debug("of %s", name)
        with mohflow.bound(correlation_id="b"):
            log.error("failed")

        assert ["of b", "failed"] == told(log_file)

    def test_that_fails_twice_tells_nothing_twice(
        self, recording, log_file
    ) -> None:
        recording()
        with mohflow.bound(correlation_id="a"):
            log.debug("one")
            log.error("failed")
            log.debug("two")
            log.critical("again")

        assert ["one", "failed", "two", "again"] == told(log_file)


class TestLevels:
    def test_a_sink_with_a_level_of_its_own_keeps_it(
        self, recording, log_file, capsys
    ) -> None:
        options = mohflow.ConsoleOptions(format="json", level="debug")
        recording(console=options)
        with mohflow.bound(correlation_id="a"):
            log.debug("one")
            at_once = capsys.readouterr().out
            log.error("failed")

        assert 1 == at_once.count("one")
        assert ["one", "failed"] == told(log_file)
        assert 0 == capsys.readouterr().out.count('"one"')

    def test_outside_of_a_request_debug_stays_unseen_and_uncounted(
        self, recording, log_file
    ) -> None:
        recording()
        log.debug("nobody's")
        log.error("failed")

        assert ["failed"] == told(log_file)
        assert 1 == mohflow.ledger()["file"].accepted

    def test_what_was_kept_in_vain_was_accepted_by_no_sink(
        self, recording
    ) -> None:
        recording()
        with mohflow.bound(correlation_id="a"):
            log.debug("one")
            log.info("request_finished")

        assert 1 == mohflow.ledger()["file"].accepted

    def test_calls_below_its_level_still_end_at_once(self, recording) -> None:
        recording({"level": "info"}, level="warning")

        assert log.is_enabled_for(logging.INFO)
        assert not log.is_enabled_for(logging.DEBUG)


class TestWhatIsKept:
    def test_later_changes_do_not_reach_it(self, recording, log_file) -> None:
        recording()
        basket = ["apple"]
        with mohflow.bound(correlation_id="a"):
            log.debug("one", basket=basket)
            basket.append("pear")
            log.error("failed")

        assert ["apple"] == log_file.events[0]["basket"]

    def test_an_exception_is_the_one_of_then(
        self, recording, log_file
    ) -> None:
        recording()
        with mohflow.bound(correlation_id="a"):
            try:
                raise ValueError("then")
            except ValueError:
                log.debug("one", exc_info=True)
            log.error("failed")

        assert "then" == log_file.events[0]["exception"]["message"]

    def test_events_are_bounded_and_the_loss_is_told(
        self, recording, log_file
    ) -> None:
        recording({"max_events": 3})
        with mohflow.bound(correlation_id="a"):
            for number in range(5):
                log.debug(str(number))
            log.error("failed")

        assert ["2", "3", "4", "failed"] == told(log_file)
        assert 2 == log_file.last["recorder_lost"]

    def test_requests_are_bounded(self, recording, log_file) -> None:
        recorder = recording({"max_requests": 10})
        for number in range(100):
            with mohflow.bound(correlation_id=str(number)):
                log.debug("one")

        assert [str(n) for n in range(90, 100)] == list(recorder._tapes)

    def test_the_child_of_a_fork_starts_empty(
        self, recording, log_file
    ) -> None:
        recording()
        with mohflow.bound(correlation_id="a"):
            log.debug("of the parent")
            child = os.fork()
            if child == 0:
                log.error("in the child")
                os._exit(0)
            assert 0 == os.waitpid(child, 0)[1]

        assert ["in the child"] == told(log_file)


def test_it_works_with_the_access_event(recording, log_file) -> None:
    from mohflow.integrations._http import Exchange, Policy

    recording()
    for status in (200, 500):
        one = Exchange(Policy(), "GET", f"/{status}", "", None, {})
        one.start()
        log.debug("inside %d", status)
        one.status = status
        one.answered()
        one.finish()

    assert ["request_finished", "inside 500", "request_finished"] == told(
        log_file
    )


def test_alone_it_lets_everything_pass() -> None:
    recorder = FlightRecorder()
    event = {"event": "x", "level": "debug", "correlation_id": "a"}

    assert event is recorder(None, "debug", event)
    assert [] == list(recorder._tapes)


@pytest.mark.parametrize(
    "options",
    [{"level": "loud"}, {"max_events": 0}, {"max_requests": "many"}],
)
def test_a_wrong_option_is_refused(options) -> None:
    with pytest.raises(mohflow.ConfigurationError):
        FlightRecorder(**options)
