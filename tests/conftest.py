from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import structlog

from hypothesis import HealthCheck, settings

import mohflow

from mohflow.diagnostics import complain


settings.register_profile(
    "dev",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile(
    "ci", settings.get_profile("dev"), derandomize=True, print_blob=True
)
settings.register_profile(
    "slow", settings.get_profile("dev"), max_examples=2000
)
settings.load_profile("ci" if "CI" in os.environ else "dev")


@pytest.fixture(autouse=True)
def _undo(monkeypatch):
    """Leave no configuration, context, complaint or variable behind."""
    for name in list(os.environ):
        if name.startswith(("MOHFLOW_", "OTEL_")) or name == "LOG_LEVEL":
            monkeypatch.delenv(name)
    complain.forget()
    structlog.contextvars.clear_contextvars()
    yield
    mohflow.shutdown()
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


@pytest.fixture
def _cached(monkeypatch):
    """Let structlog cache loggers, as it does outside of tests."""
    monkeypatch.delenv("PYTEST_VERSION")


class LogFile:
    """A pipeline that writes JSON lines to one file, and what is in it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def configure(self, **options: Any) -> mohflow.Pipeline:
        options = {"console": False, "file": self.path, **options}
        return mohflow.configure(**options)

    @property
    def lines(self) -> list[str]:
        text = self.path.read_bytes().decode("utf-8")
        assert not text or text.endswith("\n")
        return text.split("\n")[:-1]

    @property
    def events(self) -> list[dict[str, Any]]:
        # Python's own parser takes NaN and Infinity, which are no JSON.
        return [
            json.loads(line, parse_constant=pytest.fail) for line in self.lines
        ]

    @property
    def of_program(self) -> list[dict[str, Any]]:
        """The events, without what MohFlow tells of itself."""
        return [e for e in self.events if e.get("logger") != "mohflow"]

    @property
    def last(self) -> dict[str, Any]:
        return self.events[-1]


@pytest.fixture
def log_file(tmp_path) -> LogFile:
    return LogFile(tmp_path / "test.log")


@dataclass
class Result:
    """What a program left behind."""

    returncode: int
    stdout: str
    stderr: str
    log_file: LogFile

    @property
    def events(self) -> list[dict[str, Any]]:
        return [
            json.loads(line)
            for line in self.stdout.splitlines()
            if line.startswith("{")
        ]


@pytest.fixture
def program(tmp_path):
    """Run a program of its own process to its end."""

    def run(
        source: str, *arguments: str, timeout: float = 30, **environ: str
    ) -> Result:
        path = tmp_path / "program.py"
        path.write_text(textwrap.dedent(source), encoding="utf-8")
        log_path = tmp_path / "program.log"
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith("PYTEST_")
        }
        done = subprocess.run(
            [sys.executable, str(path), *arguments],
            capture_output=True,
            encoding="utf-8",
            timeout=timeout,
            check=False,
            cwd=tmp_path,
            env={**inherited, "LOG": str(log_path), **environ},
        )
        return Result(
            done.returncode, done.stdout, done.stderr, LogFile(log_path)
        )

    return run
