"""Exceptions and secrets, from the call to the line."""

from __future__ import annotations

import asyncio
import copy
import time

import pydantic
import pytest
import structlog

import mohflow

from mohflow import ConsoleOptions, FileOptions
from mohflow.processors import masking


SECRET = "hunter" + "22"


def fail(password: str = SECRET) -> None:
    raise ValueError("boom")


def fail_with_locals() -> None:
    number = 4711
    password = SECRET
    raise ValueError(len([number, password]))


class TestExceptions:
    @pytest.mark.parametrize(
        "how",
        [
            lambda log, error: log.exception("x"),
            lambda log, error: log.exception("x", exc_info=error),
            lambda log, error: log.error("x", exc_info=True),
            lambda log, error: log.error("x", exc_info=error),
            lambda log, error: log.error(
                "x", exc_info=(type(error), error, error.__traceback__)
            ),
            lambda log, error: asyncio.run(log.aerror("x", exc_info=True)),
        ],
        ids=[
            "exception",
            "exception of",
            "true",
            "instance",
            "tuple",
            "async",
        ],
    )
    def test_however_it_is_given_it_is_structured(self, log_file, how) -> None:
        log_file.configure()
        try:
            fail()
        except ValueError as error:
            how(structlog.get_logger(), error)
        exception = log_file.last["exception"]

        assert ("ValueError", "boom") == (
            exception["type"],
            exception["message"],
        )
        assert "fail" == exception["frames"][-1]["function"]

    def test_locals_are_absent_unless_asked_for_and_then_masked(
        self, tmp_path
    ) -> None:
        texts = []
        for wants in (False, True):
            path = tmp_path / f"{wants}.log"
            settings = mohflow.Settings(traceback_locals=wants)
            mohflow.configure(settings, console=False, file=path)
            try:
                fail_with_locals()
            except ValueError:
                structlog.get_logger().exception("x")
            texts.append(path.read_text())

        assert '"number":4711' not in texts[0]
        assert '"number":4711' in texts[1]
        assert SECRET not in texts[0].replace(f'"{SECRET}"', "") + texts[1]

    def test_a_traceback_on_the_console_is_plain_text(self, capsys) -> None:
        mohflow.configure(console=ConsoleOptions(format="console"))
        try:
            fail()
        except ValueError:
            structlog.get_logger().exception("x")
        text = capsys.readouterr().out

        assert "Traceback (most recent call last)" in text
        assert "ValueError: boom" in text
        assert "\x1b" not in text
        assert "╭" not in text


FORMATS = ["console", "json", "logfmt", "ecs", "gcp", "otel", "datadog"]


@pytest.mark.parametrize("format", FORMATS)
class TestEveryFormat:
    def write(self, tmp_path, format, **fields) -> str:
        path = tmp_path / "a.log"
        options = FileOptions(path=path, format=format)
        mohflow.configure(console=False, file=options)
        structlog.get_logger().info("x", **fields)
        return path.read_text()

    def test_secrets_are_hidden_wherever_they_are(
        self, tmp_path, format
    ) -> None:
        text = self.write(
            tmp_path,
            format,
            password=SECRET,
            headers=[("Authorization", f"Bearer {SECRET * 3}")],
            url=f"postgres://ann:{SECRET}@db/x?token={SECRET}",
            nested=[{"api_key": SECRET}, {"deep": ({"pwd": SECRET},)}],
            raw=f"password={SECRET}".encode(),
            text=f'{{"client_secret": "{SECRET}"}}',
            sql="insert into users values ('ann@example.org')",
            exc_info=ValueError(f"login failed: password={SECRET}"),
        )

        assert SECRET not in text
        assert "ann@example.org" not in text

    def test_values_that_hide_themselves_stay_hidden(
        self, tmp_path, format
    ) -> None:
        class Hidden(str):
            def __repr__(self) -> str:
                return "<hidden>"

            __str__ = __repr__

        text = self.write(
            tmp_path,
            format,
            one=Hidden(SECRET),
            two=[pydantic.SecretStr(SECRET)],
            three={"x": Hidden(SECRET)},
        )

        assert SECRET not in text

    def test_harmless_names_stay_readable(self, tmp_path, format) -> None:
        fields = {"tokenizer": "bpe", "token_count": 7, "author": "Ann"}
        text = self.write(tmp_path, format, **fields)

        for value in fields.values():
            assert str(value) in text


def test_the_callers_objects_stay_as_they_are(log_file) -> None:
    log_file.configure()
    value = {"password": SECRET, "list": [{"email": "ann@example.org"}]}
    before = copy.deepcopy(value)
    structlog.get_logger().info("x", value=value)

    assert before == value
    assert SECRET not in log_file.lines[0]


class TestMaskerThatFails:
    def test_the_value_is_hidden_and_stderr_is_told(
        self, log_file, monkeypatch, capsys
    ) -> None:
        def fail(self, *args):
            raise ZeroDivisionError

        monkeypatch.setattr(masking.Masker, "text", fail)
        log_file.configure()
        structlog.get_logger().info("x", text=f"mail ann@{SECRET}.org now")

        assert SECRET not in log_file.lines[0]
        assert SECRET not in capsys.readouterr().err

    def test_if_all_of_it_fails_the_event_is_withheld(
        self, log_file, monkeypatch, capsys
    ) -> None:
        def fail(self, *args):
            raise ZeroDivisionError

        monkeypatch.setattr(masking.Masker, "__call__", fail)
        log_file.configure()
        structlog.get_logger().info("x", text=SECRET)

        assert "<withheld>" == log_file.last["event"]
        assert SECRET not in log_file.lines[0]
        assert "withheld" in capsys.readouterr().err


@pytest.mark.parametrize(
    "unit",
    ["a", "a@", "eyJ", "://", "4111 ", "password=", "a.", "-", "=", "{"],
)
def test_a_megabyte_made_to_be_slow_takes_about_as_long_as_one_that_is_not(
    log_file, unit
) -> None:
    log_file.configure()

    def seconds(text: str) -> float:
        started = time.perf_counter()
        structlog.get_logger().info("x", text=text)
        return time.perf_counter() - started

    size = 1_000_000
    slow = seconds(unit * (size // len(unit)))
    tenth = seconds(unit * (size // 10 // len(unit)))

    # Ten times the text; a quadratic pattern would take a hundred times.
    assert slow < 40 * tenth + 1
