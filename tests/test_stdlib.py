"""The standard library's logging and warnings go the same way."""

from __future__ import annotations

import asyncio
import logging
import logging.config
import sys
import threading
import warnings

import pytest
import structlog

import mohflow

from mohflow.stdlib import PipelineHandler


HOOKS = pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnhandledThreadExceptionWarning",
    "ignore::pytest.PytestUnraisableExceptionWarning",
)


class TestRecords:
    def test_they_have_the_schema_of_native_events(self, log_file) -> None:
        log_file.configure(service="shop")
        logging.getLogger("db").info("took %s ms", 12, extra={"rows": 3})
        structlog.get_logger("db").info("took 12 ms", rows=3)
        first, second = log_file.events
        del first["timestamp"], second["timestamp"]

        assert first == second
        assert {
            "level": "info",
            "event": "took 12 ms",
            "logger": "db",
            "service": "shop",
            "rows": 3,
        } == first

    def test_their_exceptions_are_structured(self, log_file) -> None:
        log_file.configure()
        try:
            1 / 0
        except ZeroDivisionError:
            logging.getLogger("db").exception("failed")

        assert "ZeroDivisionError" == log_file.last["exception"]["type"]

    def test_exception_outside_of_a_handler_is_just_an_error(
        self, log_file
    ) -> None:
        log_file.configure()
        logging.getLogger("db").exception("failed")

        assert "error" == log_file.last["level"]
        assert "exception" not in log_file.last

    def test_the_stack_is_kept_where_asked_for(self, log_file) -> None:
        log_file.configure()
        logging.getLogger("db").info("x", stack_info=True)

        assert "test_the_stack_is_kept_where_asked" in log_file.last["stack"]

    @pytest.mark.parametrize(
        ("message", "args"),
        [("%d things", ("many",)), ("nothing", (1, 2)), ("%s %s", ("one",))],
    )
    def test_arguments_that_do_not_fit_are_shown(
        self, log_file, message, args
    ) -> None:
        log_file.configure()
        record = logging.LogRecord("db", 30, "", 1, message, args, None)
        PipelineHandler().handle(record)

        assert message == log_file.last["event"]
        assert list(args) == log_file.last["positional_args"]

    def test_extras_with_names_of_ours_get_an_underscore(
        self, log_file
    ) -> None:
        log_file.configure()
        extra = {"event": 1, "level": 2, "timestamp": 3, "color_message": 4}
        logging.getLogger("db").warning("x", extra=extra)
        event = log_file.last

        assert [1, 2, 3] == [
            event[name] for name in ("event_", "level_", "timestamp_")
        ]
        assert "color_message" not in event

    def test_what_formatters_and_tasks_leave_in_them_is_no_field(
        self, log_file
    ) -> None:
        class Formatting(logging.Handler):
            def emit(self, record):
                formatter = logging.Formatter("%(asctime)s %(message)s")
                formatter.format(record)

        async def main() -> None:
            logging.getLogger("db").info("x")

        log_file.configure()
        handler = Formatting()
        logging.root.handlers.insert(0, handler)
        asyncio.run(main())
        logging.root.removeHandler(handler)

        expected = {"timestamp", "level", "event", "logger"}
        assert expected == log_file.last.keys()

    def test_the_query_in_a_line_of_uvicorn_is_masked(self, log_file) -> None:
        log_file.configure()
        logging.getLogger("uvicorn.access").info(
            '%s - "%s %s HTTP/%s" %d',
            *("127.0.0.1:5", "GET", "/a?token=hunter22", "1.1", 200),
        )

        assert (
            '127.0.0.1:5 - "GET /a?token=[redacted] HTTP/1.1" 200'
            == (log_file.last["event"])
        )

    def test_secrets_in_them_are_masked(self, log_file) -> None:
        log_file.configure()
        logging.getLogger("db").info(
            "password=%s", "hunter22", extra={"api_key": "abcdefgh"}
        )

        assert "hunter22" not in log_file.lines[0]
        assert "abcdefgh" not in log_file.lines[0]

    def test_they_can_be_left_alone(self, log_file) -> None:
        before = logging.root.handlers[:]
        log_file.configure(capture_stdlib=False)
        logging.getLogger("db").error("x")

        assert [] == log_file.lines
        assert before == logging.root.handlers


class TestOthersHandlers:
    def test_caplog_works(self, log_file, caplog) -> None:
        log_file.configure()
        logging.getLogger("db").info("x")

        assert ["x"] == [record.message for record in caplog.records]
        assert 1 == len(log_file.lines)

    def test_a_handler_of_the_user_on_root_gets_each_record_once(
        self, log_file
    ) -> None:
        records = []

        class Exporter(logging.Handler):
            def emit(self, record):
                records.append(record)

        handler = Exporter()
        logging.root.addHandler(handler)
        log_file.configure()
        try:
            raise ValueError
        except ValueError:
            logging.getLogger("db").exception("x")
        logging.root.removeHandler(handler)

        assert [ValueError] == [record.exc_info[0] for record in records]
        assert not {"_logger", "_name"} & vars(records[0]).keys()
        assert 1 == len(log_file.lines)

    def test_the_exporter_of_opentelemetry_gets_each_record_once(
        self, log_file
    ) -> None:
        from opentelemetry.sdk import _logs
        from opentelemetry.sdk._logs import export

        exporter = export.InMemoryLogRecordExporter()
        provider = _logs.LoggerProvider()
        provider.add_log_record_processor(
            export.SimpleLogRecordProcessor(exporter)
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            handler = _logs.LoggingHandler(logger_provider=provider)
        logging.root.addHandler(handler)
        log_file.configure()
        logging.getLogger("db").warning("took %d ms", 12, extra={"rows": 3})
        structlog.get_logger("db").warning("native")
        logging.root.removeHandler(handler)
        provider.shutdown()
        exported = [each.log_record for each in exporter.get_finished_logs()]

        assert ["took 12 ms"] == [record.body for record in exported]
        assert 3 == exported[0].attributes["rows"]
        assert ["took 12 ms", "native"] == [
            event["event"] for event in log_file.events
        ]

    def test_a_console_on_root_does_not_show_everything_twice(
        self, program
    ) -> None:
        result = program(
            """
            import logging, mohflow
            logging.basicConfig(level="INFO")
            mohflow.configure()
            logging.getLogger("db").info("x")
            """
        )

        assert ["x"] == [event["event"] for event in result.events]
        assert "" == result.stderr


class TestWarnings:
    def test_one_is_an_event_of_one_line(self, log_file) -> None:
        log_file.configure()
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            warnings.warn("old\nthing", DeprecationWarning, stacklevel=1)
        event = log_file.last

        assert "old\nthing" == event["event"]
        assert "DeprecationWarning" == event["category"]
        assert __file__ == event["file"]
        assert ("py.warnings", "warning") == (event["logger"], event["level"])
        assert isinstance(event["line"], int)

    def test_pytest_and_error_filters_see_them_first(self, log_file) -> None:
        log_file.configure()
        with pytest.warns(UserWarning, match="seen"):
            warnings.warn("seen", UserWarning, stacklevel=1)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with pytest.raises(UserWarning):
                warnings.warn("raised", UserWarning, stacklevel=1)

        assert [] == log_file.lines


class TestUncaught:
    def test_in_the_main_thread_it_is_one_line_and_the_exit_code_stays(
        self, program
    ) -> None:
        result = program(
            """
            import mohflow
            mohflow.configure()
            def fail():
                raise ValueError("boom")
            fail()
            """
        )
        (event,) = result.events

        assert 1 == result.returncode
        assert ("uncaught_exception", "critical") == (
            event["event"],
            event["level"],
        )
        assert "fail" == event["exception"]["frames"][-1]["function"]
        assert "Traceback (most recent call last)" in result.stderr

    def test_an_interrupt_is_left_alone(self, program) -> None:
        result = program(
            """
            import mohflow
            mohflow.configure()
            raise KeyboardInterrupt
            """
        )

        assert [] == result.events
        assert result.returncode in {130, -2}

    @HOOKS
    def test_in_a_thread_it_is_one_line_and_the_hook_before_is_called(
        self, log_file, monkeypatch
    ) -> None:
        called = []
        monkeypatch.setattr(threading, "excepthook", called.append)
        log_file.configure()
        thread = threading.Thread(target=lambda: 1 / 0, name="worker")
        thread.start()
        thread.join()

        assert 1 == len(called)
        assert ("uncaught_exception", "worker") == (
            log_file.last["event"],
            log_file.last["thread"],
        )
        assert 1 == len(log_file.lines)

    @HOOKS
    def test_in_a_finalizer_it_is_one_line_and_the_hook_before_is_called(
        self, log_file, monkeypatch
    ) -> None:
        called = []
        monkeypatch.setattr(sys, "unraisablehook", called.append)
        log_file.configure()

        class Broken:
            def __del__(self) -> None:
                raise ValueError("boom")

        Broken()

        assert 1 == len(called)
        assert "unraisable_exception" == log_file.last["event"]
        assert "Broken.__del__" in log_file.last["object"]
        assert 1 == len(log_file.lines)

    def test_in_a_task_that_nobody_awaits_it_is_one_line(
        self, log_file
    ) -> None:
        log_file.configure()

        async def fail() -> None:
            raise ValueError("boom")

        async def main() -> None:
            task = asyncio.create_task(fail())
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            del task

        asyncio.run(main())

        assert "ValueError" == log_file.last["exception"]["type"]
        assert "asyncio" == log_file.last["logger"]
        assert 1 == len(log_file.lines)


class TestHijacked:
    """Something else configures logging after us."""

    @pytest.fixture(autouse=True)
    def _root(self):
        handlers = logging.root.handlers[:]
        yield
        mohflow.shutdown()
        logging.root.handlers[:] = handlers

    def assert_survived(self, log_file, by: str) -> None:
        logging.getLogger("app.late").info("from stdlib")
        structlog.get_logger().info("from structlog")
        *_, said, first, second = log_file.events

        assert ("logging_hijacked", by) == (said["event"], said["by"])
        assert ["from stdlib", "from structlog"] == [
            first["event"],
            second["event"],
        ]

    def test_basic_config_with_force_is_survived(self, log_file) -> None:
        log_file.configure()
        logging.basicConfig(force=True, level="ERROR")

        self.assert_survived(log_file, "logging.basicConfig")

    def test_a_dict_config_with_a_root_is_survived(self, log_file) -> None:
        log_file.configure()
        existing = logging.getLogger("app.existing")
        logging.config.dictConfig(
            {"version": 1, "root": {"handlers": [], "level": "ERROR"}}
        )

        assert not existing.disabled
        assert "app.existing" in log_file.last["loggers_enabled_again"]
        self.assert_survived(log_file, "logging.config.dictConfig")

    def test_a_file_config_is_survived(self, log_file, tmp_path) -> None:
        path = tmp_path / "logging.ini"
        path.write_text(
            "[loggers]\nkeys=root\n[handlers]\nkeys=console\n"
            "[formatters]\nkeys=\n[logger_root]\nlevel=WARN\n"
            "handlers=console\n[handler_console]\nclass=StreamHandler\n"
            "args=(sys.stderr,)\n"
        )
        log_file.configure()
        logging.config.fileConfig(path)

        self.assert_survived(log_file, "logging.config.fileConfig")

    def test_a_handler_taken_away_by_hand_is_noticed(self, log_file) -> None:
        log_file.configure()
        logging.root.handlers.clear()
        structlog.get_logger().info("notices")

        self.assert_survived(log_file, "unknown")

    def test_a_logger_that_was_disabled_before_stays_so(
        self, log_file
    ) -> None:
        quiet = logging.getLogger("app.quiet")
        quiet.disabled = True
        log_file.configure()
        logging.basicConfig(force=True)
        stays, quiet.disabled = quiet.disabled, False

        assert stays

    def test_a_config_that_takes_nothing_away_is_not_mentioned(
        self, log_file
    ) -> None:
        log_file.configure()
        logging.config.dictConfig(
            {"version": 1, "disable_existing_loggers": False}
        )
        logging.basicConfig()
        logging.getLogger("x").info("y")

        assert ["y"] == [event["event"] for event in log_file.events]
