"""What leaves the process: one safe line, in each sink's own format."""

from __future__ import annotations

import json
import logging
import re
import sys

import freezegun
import pytest
import structlog
import time_machine

import mohflow

from mohflow import ConsoleOptions, FileOptions


ANSI = "\x1b["


class TestLines:
    def test_a_json_line_starts_with_timestamp_level_and_event(
        self, log_file
    ) -> None:
        log_file.configure()
        structlog.get_logger().info("x", b=1, a=2)

        assert ["timestamp", "level", "event", "b", "a"] == list(log_file.last)

    @pytest.mark.parametrize(
        "format",
        ["console", "json", "logfmt", "ecs", "gcp", "otel", "datadog"],
    )
    @pytest.mark.parametrize(
        "nasty",
        ["a\nb", "a\rb", "\x1b[31m", "\x00", "\u2028", "\u202e", "\x9b31m"],
    )
    def test_no_value_forges_a_line_or_moves_a_cursor(
        self, tmp_path, format, nasty
    ) -> None:
        path = tmp_path / "a.log"
        options = FileOptions(path=path, format=format)
        mohflow.configure(console=False, file=options)
        structlog.get_logger().info(nasty, value=nasty, **{f"k{nasty}": 1})
        text = path.read_bytes().decode("utf-8")

        assert 1 == text.count("\n")
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", text)
        if format in {"console", "logfmt"}:
            assert not re.search(r"[\x80-\x9f\u2028\u202e]", text)

    def test_a_huge_event_is_cut_to_the_limit_and_says_so(
        self, log_file
    ) -> None:
        log_file.configure()
        structlog.get_logger().info("big", text="x" * 10_000_000, small=1)
        structlog.get_logger().info(
            "wide", small=1, fields={str(n): n for n in range(100_000)}
        )
        for line in log_file.lines:
            assert len(line.encode()) <= 256_000
        for event in log_file.events:
            assert (True, 1) == (event["truncated"], event["small"])

    def test_the_limit_is_a_setting(self, log_file) -> None:
        settings = mohflow.Settings(max_line_bytes=16_384)
        log_file.configure(settings=settings)
        structlog.get_logger().info("big", text="ä" * 100_000)

        assert len(log_file.lines[0].encode()) <= 16_384

    def test_a_secret_at_the_cut_is_gone_as_a_whole(self, log_file) -> None:
        settings = mohflow.Settings(max_line_bytes=2_000)
        log_file.configure(settings=settings)
        secret = "sk_" + "live_" + "a1B2" * 8
        for size in range(1800, 2000, 7):
            structlog.get_logger().info("x" * size + " " + secret)

        assert "a1B2" not in log_file.path.read_text()


class TestSinks:
    def test_each_gets_its_own_format_of_the_same_masked_event(
        self, tmp_path, capsys
    ) -> None:
        received = []

        class Keep(mohflow.Sink):
            def write(self, batch):
                received.extend(batch)

        path = tmp_path / "ecs.log"
        mohflow.configure(
            console=ConsoleOptions(format="logfmt"),
            file=FileOptions(path=path, format="ecs"),
            sinks={"keep": Keep()},
        )
        structlog.get_logger().info("x", email="ann@example.org")
        mohflow.flush()
        console = capsys.readouterr().out
        stamps = {
            re.search(r"timestamp=(\S+)", console)[1],
            json.loads(path.read_text())["@timestamp"],
            json.loads(received[0].line)["timestamp"],
        }

        assert 1 == len(stamps)
        for text in (console, path.read_text(), received[0].line.decode()):
            assert "ann@example.org" not in text

    def test_stderr_can_be_chosen(self, capsys) -> None:
        mohflow.configure(console=ConsoleOptions(stream="stderr"))
        structlog.get_logger().info("x")
        captured = capsys.readouterr()

        assert "" == captured.out
        assert "x" == json.loads(captured.err)["event"]


class Terminal:
    """A stream that says it is a terminal."""

    encoding = "utf-8"

    def __init__(self) -> None:
        self.text = ""

    def write(self, text: str) -> int:
        self.text += text
        return len(text)

    def flush(self) -> None:
        """Nothing is held back."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("is_terminal", "environ", "is_pretty", "is_coloured"),
    [
        (True, {}, True, True),
        (False, {}, False, False),
        (True, {"NO_COLOR": "1"}, True, False),
        (False, {"FORCE_COLOR": "1"}, True, True),
        (True, {"NO_COLOR": "1", "FORCE_COLOR": "1"}, True, False),
        (False, {"NO_COLOR": "1", "FORCE_COLOR": "1"}, False, False),
        (True, {"NO_COLOR": ""}, True, True),
    ],
)
def test_the_console_is_for_people_or_for_machines(
    monkeypatch, capsys, is_terminal, environ, is_pretty, is_coloured
) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    terminal = Terminal()
    if is_terminal:
        monkeypatch.setattr(sys, "stdout", terminal)
    mohflow.configure()
    structlog.get_logger().info("x")
    text = terminal.text or capsys.readouterr().out

    assert is_pretty == (not text.startswith("{"))
    assert is_coloured == (ANSI in text)


class TestTime:
    def test_it_is_utc_of_fixed_width_even_at_a_full_second(
        self, log_file
    ) -> None:
        log_file.configure()
        with time_machine.travel("2126-03-29T01:00:00Z", tick=False):
            structlog.get_logger().info("x")
        with freezegun.freeze_time("2020-10-25T01:00:00"):
            structlog.get_logger().info("x")
        first, second = (event["timestamp"] for event in log_file.events)

        assert "2126-03-29T01:00:00.000000Z" == first
        assert "2020-10-25T01:00:00.000000Z" == second

    def test_a_standing_clock_still_orders_the_events(self) -> None:
        times = []

        class Keep(mohflow.Sink):
            def write(self, batch):
                times.extend(event.time_ns for event in batch)

        mohflow.configure(console=False, sinks={"keep": Keep()})
        with time_machine.travel("2126-01-01T00:00:00Z", tick=False):
            for _ in range(5):
                structlog.get_logger().info("x")
        mohflow.flush()

        assert list(range(times[0], times[0] + 5)) == times

    def test_a_timestamp_that_a_processor_sets_is_kept(self, log_file) -> None:
        def own(logger, name, event_dict):
            return {**event_dict, "timestamp": "noon"}

        log_file.configure(processors=[own])
        structlog.get_logger().info("x")

        assert "noon" == log_file.last["timestamp"]


def test_within_a_thread_the_order_of_a_sink_is_that_of_the_calls(
    log_file,
) -> None:
    log_file.configure()
    for number in range(0, 1000, 2):
        structlog.get_logger().info("x", number=number)
        logging.getLogger("x").info("x", extra={"number": number + 1})

    assert list(range(1000)) == [e["number"] for e in log_file.events]
