"""The tools people test their programs with still work."""

from __future__ import annotations

import json
import logging
import threading

import pytest
import structlog

from structlog.testing import capture_logs

import mohflow


@pytest.mark.usefixtures("_cached")
class TestCaptureLogs:
    def test_it_captures_from_cached_and_bound_loggers(self, log_file) -> None:
        log_file.configure()
        cached = structlog.get_logger("a")
        cached.info("to file")
        bound = cached.bind(b=1)
        with capture_logs() as first:
            cached.info("x", a=1)
            bound.warning("y")
        log_file.configure()
        with capture_logs() as second:
            bound.error("z")
        bound.info("to file")

        assert [
            {"event": "x", "a": 1, "log_level": "info"},
            {"event": "y", "b": 1, "log_level": "warning"},
        ] == first
        assert [{"event": "z", "b": 1, "log_level": "error"}] == second
        assert ["to file"] * 2 == [e["event"] for e in log_file.events]

    def test_a_new_configuration_inside_of_it_is_in_force_afterwards(
        self, log_file
    ) -> None:
        mohflow.configure(console=False)
        with capture_logs() as captured:
            log_file.configure()
            structlog.get_logger().info("captured")
        structlog.get_logger().info("to file")

        assert ["captured"] == [entry["event"] for entry in captured]
        assert ["to file"] == [event["event"] for event in log_file.events]

    def test_processors_given_to_it_run(self, log_file) -> None:
        log_file.configure()
        structlog.contextvars.bind_contextvars(correlation_id="c1")
        merge = structlog.contextvars.merge_contextvars
        with capture_logs(processors=[merge]) as captured:
            structlog.get_logger().info("x")

        assert "c1" == captured[0]["correlation_id"]


class TestPytestStructlog:
    @pytest.fixture(autouse=True)
    def _configured(self, log_file):
        log_file.configure()
        yield
        structlog.get_logger().info("after")
        assert ["after"] == [event["event"] for event in log_file.events]

    def test_its_fixture_captures_with_context_and_restores(
        self, _configured, log
    ) -> None:
        with mohflow.bound(correlation_id="c1"):
            structlog.get_logger().info("x", a=1)

        assert log.has("x", a=1, correlation_id="c1")


class TestCapture:
    def test_capsys_sees_a_cached_logger(self, capsys, monkeypatch) -> None:
        monkeypatch.delenv("PYTEST_VERSION")
        mohflow.configure()
        log = structlog.get_logger()
        for number in range(2):
            log.info("x", number=number)
            line = capsys.readouterr().out

            assert number == json.loads(line)["number"]

    def test_caplog_sees_stdlib_events(self, caplog) -> None:
        mohflow.configure(console=False)
        logging.getLogger("a").warning("x")

        assert ["x"] == caplog.messages


def test_two_workers_of_a_test_runner_do_not_meet(program) -> None:
    result = program(
        """
        import os, subprocess, sys
        code = (
            "import sys, mohflow, structlog;"
            "mohflow.configure(console=False, file=sys.argv[1]);"
            "[structlog.get_logger().info(sys.argv[2]) for _ in range(500)]"
        )
        workers = [
            subprocess.Popen(
                [sys.executable, "-c", code, os.environ["LOG"], name]
            )
            for name in ("gw0", "gw1")
        ]
        assert [w.wait() for w in workers] == [0, 0]
        """
    )
    events = [event["event"] for event in result.log_file.events]

    assert (500, 500) == (events.count("gw0"), events.count("gw1"))


class TestLoggers:
    def test_equal_ones_have_equal_hashes(self) -> None:
        mohflow.configure(console=False)
        a, b = (structlog.get_logger("a").bind(x=[1]) for _ in range(2))

        assert a == b
        assert hash(a) == hash(b)

    def test_a_processor_of_ours_works_in_a_chain_of_the_users(
        self, capsys
    ) -> None:
        from mohflow import processors

        structlog.configure(
            processors=[
                processors.merge_contextvars,
                processors.add_level,
                processors.StaticFields(service="shop"),
                processors.AddTimestamp(),
                processors.StructuredExceptions(),
                processors.Masker(),
                processors.LineLimit(processors.JsonRenderer()),
            ],
            logger_factory=structlog.BytesLoggerFactory(),
        )
        try:
            1 / 0
        except ZeroDivisionError:
            structlog.get_logger().warn("x", password="hunter22")
        event = json.loads(capsys.readouterr().out)

        assert "hunter22" not in str(event)
        assert {"event", "level", "service", "timestamp"} <= event.keys()

    def test_a_chain_of_the_users_behind_our_loggers_still_writes(
        self, log_file
    ) -> None:
        log_file.configure()
        structlog.configure(
            processors=[structlog.processors.JSONRenderer()],
        )
        structlog.get_logger().info("x", a=1)

        assert {"a": 1, "event": "x"} == json.loads(log_file.last["event"])

    def test_a_logger_that_wraps_another_goes_to_our_sinks(
        self, log_file
    ) -> None:
        log_file.configure()
        wrapped = structlog.wrap_logger(logging.getLogger("other"))
        wrapped.info("x")

        assert ("x", "other") == (
            log_file.last["event"],
            log_file.last["logger"],
        )

    def test_names_are_not_remembered_for_ever(self) -> None:
        from mohflow._pipeline import THRESHOLDS

        mohflow.configure(console=False)
        for number in range(1000):
            structlog.get_logger(f"request-{number}").bind().info("x")

        assert len(THRESHOLDS._gates) < 100

    def test_threads_that_log_at_once_lose_and_mix_nothing(
        self, log_file
    ) -> None:
        log_file.configure()

        def work(name: str) -> None:
            for number in range(200):
                structlog.get_logger().info(name, number=number, name=name)

        threads = [
            threading.Thread(target=work, args=(f"t{n}",)) for n in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert 1600 == len(log_file.events)
        for event in log_file.events:
            assert event["name"] == event["event"]
