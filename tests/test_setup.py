"""Setup, order, lifecycle: what configure() and shutdown() promise."""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
import warnings

import pytest
import structlog

import mohflow

from mohflow import ConfigurationError, ConsoleOptions


def thread_names() -> list[str]:
    return sorted(thread.name for thread in threading.enumerate())


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


class TestConfigureTwice:
    def test_equal_settings_leave_handlers_threads_and_files_as_they_are(
        self, log_file
    ) -> None:
        log_file.configure()
        structlog.get_logger().info("first")
        before = logging.root.handlers[:], thread_names(), open_files()
        for _ in range(20):
            log_file.configure()
            structlog.get_logger().info("again")

        assert before == (
            logging.root.handlers,
            thread_names(),
            open_files(),
        )
        assert 21 == len(log_file.lines)

    def test_an_equal_sink_under_a_new_queue_keeps_one_thread(self) -> None:
        class Null(mohflow.Sink):
            def write(self, batch):
                return None

        before = thread_names()
        for _ in range(5):
            mohflow.configure(console=False, sinks={"null": Null()})
            structlog.get_logger().info("x")

        assert sorted([*before, "mohflow-null"]) == sorted(thread_names())

    def test_what_the_sinks_before_could_not_deliver_is_said(
        self, capsys
    ) -> None:
        release = threading.Event()

        class Hanging(mohflow.Sink):
            def write(self, batch):
                release.wait(30)

        mohflow.configure(console=False, sinks={"hanging": Hanging()})
        structlog.get_logger().info("x")
        settings = mohflow.Settings(shutdown_timeout=0.1)
        mohflow.configure(settings, console=False)
        release.set()

        assert "of 1 events for sink 'hanging': 1 lost" in (
            capsys.readouterr().err
        )

    def test_a_failed_second_call_leaves_the_first_in_force(
        self, log_file
    ) -> None:
        log_file.configure()
        with pytest.raises(ConfigurationError):
            mohflow.configure(file=log_file.path / "below" / "a.log")
        structlog.get_logger().info("still here")

        assert "still here" == log_file.last["event"]

    def test_ten_threads_may_do_it_while_ten_others_log(
        self, log_file
    ) -> None:
        log_file.configure()
        failures = []
        start = threading.Barrier(20)

        def configure() -> None:
            start.wait()
            for number in range(5):
                log_file.configure(service=f"s{number}")

        def write() -> None:
            start.wait()
            for number in range(100):
                structlog.get_logger().info("x", number=number)

        def contained(work) -> None:
            try:
                work()
            except BaseException as error:
                failures.append(error)

        threads = [
            threading.Thread(target=contained, args=(work,))
            for work in [configure, write] * 10
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)

        assert [] == failures
        assert 1000 == len(log_file.events)


@pytest.mark.usefixtures("_cached")
class TestLoggersMadeBefore:
    def test_a_cached_logger_follows_the_next_configuration(
        self, capsys, tmp_path
    ) -> None:
        mohflow.configure(console=ConsoleOptions(format="logfmt"))
        log = structlog.get_logger()
        log.info("one")
        mohflow.configure(console=ConsoleOptions(format="json"))
        log.info("two")
        first, second = capsys.readouterr().out.splitlines()

        assert first.startswith("timestamp=")
        assert "two" == json.loads(second)["event"]

    def test_a_bound_logger_follows_the_next_configuration(
        self, log_file, tmp_path
    ) -> None:
        mohflow.configure(console=False, file=tmp_path / "old.log")
        log = structlog.get_logger().bind(a=1)
        log_file.configure()
        log.info("x")

        assert 1 == log_file.last["a"]
        assert b"" == (tmp_path / "old.log").read_bytes()

    def test_a_logger_of_a_module_made_before_configure_follows_it(
        self, log_file
    ) -> None:
        log = structlog.get_logger(a=1)
        log_file.configure()
        log.info("x")

        assert 1 == log_file.last["a"]


class TestLoggersBoundBefore:
    """They hold structlog's own list of processors and wrapped logger."""

    def test_they_follow_masked_and_filtered(self, log_file, capsys) -> None:
        log = structlog.get_logger("a").bind(b=1)
        log_file.configure()
        log.info("x", password="hunter22")
        log.debug("no")
        mohflow.set_level("debug")
        log.debug("y")

        assert [("x", 1), ("y", 1)] == [
            (event["event"], event["b"]) for event in log_file.of_program
        ]
        assert "hunter22" not in log_file.path.read_text()
        assert "" == capsys.readouterr().out

    def test_after_shutdown_they_are_as_they_were(
        self, log_file, capsys
    ) -> None:
        log = structlog.get_logger().bind()
        log_file.configure()
        mohflow.shutdown()
        log.info("x")

        assert "x" in capsys.readouterr().out
        assert [] == log_file.lines


def test_what_is_logged_at_the_exit_is_masked_whoever_logs_it(
    program,
) -> None:
    result = program(
        """
        import atexit, structlog
        late = structlog.get_logger()
        atexit.register(lambda: late.info("bye", password="hunter22"))
        import mohflow
        mohflow.configure()
        """
    )

    assert 0 == result.returncode
    assert '"event":"bye"' in result.stderr
    assert "hunter22" not in result.stdout + result.stderr


def test_logging_before_configure_gives_a_readable_line(program) -> None:
    result = program(
        """
        import mohflow
        mohflow.get_logger("early").info("not yet configured", a=1)
        """
    )

    assert 0 == result.returncode
    assert "not yet configured" in result.stdout


class TestShutdown:
    def test_it_restores_structlog_logging_warnings_and_hooks(self) -> None:
        handler = logging.StreamHandler(sys.stderr)
        logging.root.addHandler(handler)
        logging.getLogger("db").setLevel(logging.ERROR)

        def state():
            return (
                structlog.is_configured(),
                structlog.get_config(),
                logging.root.level,
                logging.root.handlers[:],
                logging.getLogger("db").level,
                logging.basicConfig,
                logging.config.dictConfig,
                warnings.showwarning,
                sys.excepthook,
                sys.unraisablehook,
                threading.excepthook,
            )

        before = state()
        mohflow.configure(level="debug")
        mohflow.set_level("info", "db")
        during = state()
        mohflow.shutdown()
        after = state()
        logging.root.removeHandler(handler)
        logging.getLogger("db").setLevel(logging.NOTSET)

        assert before == after
        assert all(
            a is not b for a, b in zip(before[5:], during[5:], strict=True)
        )

    def test_a_hook_that_somebody_else_set_meanwhile_stays(self) -> None:
        mohflow.configure(console=False)
        mine = sys.excepthook

        def theirs(*args) -> None:
            mine(*args)

        sys.excepthook = theirs
        mohflow.shutdown()
        kept, sys.excepthook = sys.excepthook, sys.__excepthook__

        assert theirs is kept

    def test_the_end_of_a_with_block_is_a_shutdown(self, log_file) -> None:
        with log_file.configure():
            structlog.get_logger().info("inside")

        assert not structlog.is_configured()
        assert ["inside"] == [event["event"] for event in log_file.events]

    def test_the_end_of_a_with_block_spares_a_later_configuration(
        self, log_file
    ) -> None:
        with mohflow.configure(console=False):
            log_file.configure()
        structlog.get_logger().info("x")

        assert "x" == log_file.last["event"]

    def test_events_after_it_go_to_stderr_masked(
        self, log_file, capsys
    ) -> None:
        log_file.configure()
        log = structlog.get_logger().bind()
        mohflow.shutdown()
        log.info("late", password="hunter22")
        event = json.loads(capsys.readouterr().err)

        assert "late" == event["event"]
        assert "hunter22" not in str(event)

    def test_twice_is_once(self, log_file) -> None:
        log_file.configure()
        structlog.get_logger().info("x")
        first = mohflow.shutdown()

        assert 1 == first["file"].delivered
        assert {"stderr"} == mohflow.shutdown().keys()

    def test_it_delivers_what_is_queued(self) -> None:
        received = []

        class Slow(mohflow.Sink):
            def write(self, batch):
                received.extend(batch)

        mohflow.configure(console=False, sinks={"slow": Slow()})
        for number in range(1000):
            structlog.get_logger().info("x", number=number)
        counts = mohflow.shutdown()["slow"]

        assert (1000, 1000) == (len(received), counts.delivered)


class TestTheUsersProcessors:
    def test_they_see_level_static_fields_and_timestamp(
        self, log_file
    ) -> None:
        seen = []

        def look(logger, name, event_dict):
            seen.append(dict(event_dict))
            return event_dict

        log_file.configure(service="shop", processors=[look])
        structlog.get_logger("a").info("x")

        expected = {"level": "info", "service": "shop", "logger": "a"}
        assert expected.items() <= seen[0].items()
        assert seen[0]["timestamp"].endswith("Z")

    def test_what_they_add_is_masked(self, log_file) -> None:
        def add(logger, name, event_dict):
            return {**event_dict, "api_key": "k" * 20}

        log_file.configure(processors=[add])
        structlog.get_logger().info("x")

        assert "k" * 20 not in log_file.lines[0]

    def test_they_may_drop_events(self, log_file) -> None:
        def drop(logger, name, event_dict):
            raise structlog.DropEvent

        log_file.configure(processors=[drop])
        structlog.get_logger().info("x")
        logging.getLogger().warning("y")

        assert [] == log_file.lines

    def test_they_may_be_put_into_the_list_by_hand(self, log_file) -> None:
        log_file.configure()

        def shout(logger, name, event_dict):
            event_dict["event"] = event_dict["event"].upper()
            return event_dict

        processors = structlog.get_config()["processors"]
        processors.insert(0, shout)
        try:
            structlog.get_logger().info("x")
        finally:
            processors.remove(shout)

        assert "X" == log_file.last["event"]

    def test_what_is_not_callable_is_refused(self) -> None:
        with pytest.raises(ConfigurationError, match="not callable"):
            mohflow.configure(processors=["nope"])


class TestFields:
    def test_they_come_in_the_stated_order(self, log_file) -> None:
        log_file.configure(service="shop", environment="test")
        structlog.contextvars.bind_contextvars(correlation_id="c1")
        structlog.get_logger("a.b", bound=1).info("x", own=2)

        expected = [
            "timestamp",
            "level",
            "event",
            "logger",
            "service",
            "environment",
            "correlation_id",
            "bound",
            "own",
        ]
        assert expected == list(log_file.last)

    def test_ids_of_the_active_span_are_added(self, log_file) -> None:
        from opentelemetry.sdk.trace import TracerProvider

        log_file.configure()
        tracer = TracerProvider().get_tracer("test")
        with tracer.start_as_current_span("work") as span:
            structlog.get_logger().info("inside")
        structlog.get_logger().info("outside")
        inside, outside = log_file.events
        context = span.get_span_context()

        assert f"{context.trace_id:032x}" == inside["trace_id"]
        assert f"{context.span_id:016x}" == inside["span_id"]
        assert f"{context.trace_flags:02x}" == inside["trace_flags"]
        assert "trace_id" not in outside
