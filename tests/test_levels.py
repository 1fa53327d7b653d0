"""Levels: by number, by name, now, for a time, for every kind of logger."""

from __future__ import annotations

import logging

import pytest
import structlog

import mohflow

from mohflow import ConsoleOptions, FileOptions
from mohflow._pipeline import THRESHOLDS


class TestNumbers:
    @pytest.mark.parametrize(
        ("number", "name"),
        [
            (10, "debug"),
            (20, "info"),
            (25, "info"),
            (30, "warning"),
            (40, "error"),
            (50, "critical"),
            (99, "critical"),
            (7, "trace"),
        ],
    )
    def test_any_number_is_written_with_the_name_below_it(
        self, log_file, number, name
    ) -> None:
        log_file.configure(level=1)
        structlog.get_logger().log(number, "native")
        logging.getLogger().log(number, "stdlib")

        for event in log_file.events:
            assert name == event["level"]
            assert event.get("level_number", number) == number
            assert (number in {10, 20, 30, 40, 50}) == (
                "level_number" not in event
            )

    def test_numbers_are_filtered_as_numbers(self, log_file) -> None:
        log_file.configure(level=25)
        log = structlog.get_logger()
        for number in (7, 20, 24, 25, 26):
            log.log(number, str(number))

        assert ["25", "26"] == [event["event"] for event in log_file.events]

    @pytest.mark.parametrize(
        ("name", "expected"),
        [
            ("TRACE", "trace"),
            ("WARN", "warning"),
            ("FATAL", "critical"),
            ("exception", "error"),
            ("35", "warning"),
            ("LOUD", "info"),
            (None, "info"),
        ],
    )
    def test_any_name_is_written(
        self, log_file, name, expected, capsys
    ) -> None:
        log_file.configure(level="notset")
        structlog.get_logger().log(name, "x")

        assert expected == log_file.last["level"]

    def test_a_name_of_others_is_mapped_by_its_number(self, log_file) -> None:
        log_file.configure()
        logging.addLevelName(25, "SUCCESS")
        logging.getLogger().log(25, "x")

        assert ("info", 25) == (
            log_file.last["level"],
            log_file.last["level_number"],
        )

    @pytest.mark.parametrize(
        ("method", "name"),
        [
            ("debug", "debug"),
            ("info", "info"),
            ("msg", "info"),
            ("warning", "warning"),
            ("warn", "warning"),
            ("error", "error"),
            ("err", "error"),
            ("exception", "error"),
            ("critical", "critical"),
            ("fatal", "critical"),
        ],
    )
    def test_every_method_has_its_level(self, log_file, method, name) -> None:
        log_file.configure(level="debug")
        getattr(structlog.get_logger(), method)("x")

        assert name == log_file.last["level"]


@pytest.mark.usefixtures("_cached")
class TestAtRunTime:
    def test_a_change_reaches_cached_bound_and_stdlib_loggers(
        self, log_file
    ) -> None:
        log_file.configure()
        cached = structlog.get_logger("db.pool")
        cached.debug("no")
        bound = cached.bind(a=1)
        standard = logging.getLogger("db.pool")
        mohflow.set_level("debug")
        cached.debug("cached")
        bound.debug("bound")
        standard.debug("stdlib")
        mohflow.set_level("error")
        cached.info("no")
        bound.warning("no")
        standard.warning("no")

        assert ["cached", "bound", "stdlib"] == [
            event["event"] for event in log_file.of_program
        ]

    def test_a_change_for_one_name_reaches_the_names_below_it(
        self, log_file
    ) -> None:
        log_file.configure()
        loggers = [
            make(name)
            for name in ("db", "db.pool", "web")
            for make in (structlog.get_logger, logging.getLogger)
        ]
        mohflow.set_level("DEBUG", "db")
        for log in loggers:
            log.debug("x")

        assert ["db", "db", "db.pool", "db.pool"] == [
            event["logger"] for event in log_file.of_program
        ]

    def test_a_change_for_a_time_ends_by_itself(
        self, log_file, monkeypatch
    ) -> None:
        now = [0.0]
        monkeypatch.setattr(THRESHOLDS, "_clock", lambda: now[0])
        log_file.configure()
        native, standard = structlog.get_logger("a"), logging.getLogger("a")
        mohflow.set_level("debug", "a", ttl=60)
        native.debug("1")
        standard.debug("2")
        now[0] = 61
        native.debug("no")
        standard.debug("no")
        mohflow.set_level("error", "a", ttl=60)
        native.info("no")
        standard.info("no")
        now[0] = 122
        standard.info("3")
        native.info("4")

        assert ["1", "2", "3", "4"] == [
            e["event"] for e in log_file.of_program
        ]
        assert logging.NOTSET == standard.level

    def test_levels_by_name_can_be_configured(self, log_file) -> None:
        settings = mohflow.Settings(levels={"noisy": "error"})
        log_file.configure(settings=settings)
        structlog.get_logger("noisy.part").warning("no")
        logging.getLogger("noisy").warning("no")
        structlog.get_logger("other").info("yes")

        assert ["yes"] == [event["event"] for event in log_file.events]

    def test_a_logger_can_be_asked(self, log_file) -> None:
        log_file.configure(level="warning")
        log = structlog.get_logger()

        assert 30 == log.get_effective_level()
        assert (True, False) == (
            log.is_enabled_for(30),
            log.is_enabled_for(20),
        )


class TestSinks:
    def test_each_has_its_own_level_and_format(self, tmp_path, capsys) -> None:
        path = tmp_path / "a.log"
        mohflow.configure(
            level="info",
            console=ConsoleOptions(format="logfmt", level="error"),
            file=FileOptions(path=path, level="debug", format="json"),
        )
        log = structlog.get_logger()
        log.debug("to file")
        log.error("to both")

        assert ["to file", "to both"] == [
            __import__("json").loads(line)["event"]
            for line in path.read_text().splitlines()
        ]
        console = capsys.readouterr().out.splitlines()
        assert 1 == len(console)
        assert 'event="to both"' in console[0]

    def test_an_event_below_the_level_of_a_sink_was_not_accepted(
        self, log_file
    ) -> None:
        log_file.configure(
            level="debug", console=ConsoleOptions(level="critical")
        )
        structlog.get_logger().info("x")

        assert 0 == mohflow.ledger()["console"].accepted
        assert 1 == mohflow.ledger()["file"].accepted


def test_the_arguments_of_a_filtered_call_are_not_formatted(log_file) -> None:
    class Costly:
        def __str__(self) -> str:
            raise AssertionError

    log_file.configure()
    structlog.get_logger().debug("%s", Costly())

    assert [] == log_file.lines
