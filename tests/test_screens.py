"""The screens in the documentation are what a terminal shows."""

from __future__ import annotations

import os
import pty
import re
import sys

from pathlib import Path

import pytest

from mohflow import Event
from mohflow.delivery.dead_letters import DeadLetters
from mohflow.testing import LokiServer


SCREENS = Path(__file__).parents[1] / "docs" / "screens"

WRONG = """\
servise = "shop"
level = "LOUD"

[loki]
url = "http://loki:3100"
batch_byte = 500_000

[profiles.production.file]
path = "shop.log"
backups = "many"
"""

SHOP = """\
[tool.mohflow]
service = "shop"
file = "shop.log"
loki.url = "{url}"

[tool.mohflow.profiles.production]
level = "warning"
loki.password = "synthetic-password"
loki.username = "shop"
"""

PROGRAM = """\
import logging, logging.config, mohflow

mohflow.configure(console=False, loki=False, level="debug")
logging.getLogger("db").propagate = False
logging.config.dictConfig({"version": 1})
logging.root.handlers.clear()
"""

SESSIONS = {
    "doctor": [
        "MOHFLOW_ENVIRONMENT=production MOHFLOW_LEVL=debug mohflow doctor",
        "cat shop.py",
        "mohflow doctor --import shop; echo $?",
    ],
    "doctor-help": ["mohflow doctor --help"],
    "demo-help": ["mohflow demo --help"],
    "replay-help": ["mohflow replay --help"],
    "replay": [
        "mohflow replay spool --loki http://loki:3100 --dry-run; echo $?",
        "mohflow replay nowhere --loki http://loki:3100; echo $?",
        "mohflow replay spool; echo $?",
    ],
    "demo": ["mohflow demo --file shop.log | tail -n 13"],
    "schema": ["mohflow schema | head -n 12"],
    "help": ["mohflow --help"],
    "check": [
        "cat shop.toml",
        "mohflow check shop.toml; echo $?",
        "mohflow check --environment prodution shop.toml",
        "mohflow check fixed.toml; echo $?",
        "mohflow check nowhere.toml",
    ],
    "check-help": ["mohflow check --help"],
    "schema-help": ["mohflow schema --help"],
}


def screen(command: str, folder: Path) -> str:
    """Return what a terminal of 80 columns shows of *command*."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(folder)
        os.environ.update(
            COLUMNS="80",
            NO_COLOR="1",
            PYTHONIOENCODING="utf-8",
            PATH=f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        )
        os.execvp("sh", ["sh", "-c", command])
    shown = b""
    try:
        while chunk := os.read(terminal, 65536):
            shown += chunk
    except OSError:
        # The other end of a terminal is gone when the command has ended.
        pass
    os.close(terminal)
    os.waitpid(pid, 0)
    text = shown.decode().replace("\r\n", "\n").replace(f"{folder}/", "")
    for what, instead in CHANGING.items():
        text = re.sub(what, instead, text)
    return text


CHANGING = {
    r"127\.0\.0\.1:\d{5}": "127.0.0.1:31000",
    r"user \d+": "user 1000",
    r"[\d.]+ GB": "71.3 GB",
}
"""What differs each time; what replaces it is as long, to keep columns."""


@pytest.fixture(scope="module")
def loki():
    """A Loki that wants a tenant."""
    with LokiServer(auth_enabled=True) as server:
        yield server


@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
@pytest.mark.parametrize("name", SESSIONS)
def test_a_session_shows_what_is_documented(name, tmp_path, loki) -> None:
    if name == "doctor":
        path = tmp_path / "pyproject.toml"
        path.write_text(SHOP.format(url=loki.url))
        path.chmod(0o600)
        (tmp_path / "shop.py").write_text(PROGRAM)
    letters = DeadLetters(tmp_path / "spool" / "loki.dead.jsonl", 10**6)
    letters.append("loki", [(Event(1, 30, {}, b"{}\n"), "too_old")] * 3)
    (tmp_path / "shop.toml").write_text(WRONG)
    (tmp_path / "fixed.toml").write_text('service = "shop"\n')
    shown = "\n".join(
        f"$ {command}\n{screen(command, tmp_path)}"
        for command in SESSIONS[name]
    )
    path = SCREENS / f"{name}.txt"
    if "WRITE_SCREENS" in os.environ:
        path.write_text(shown, encoding="utf-8")

    assert path.read_text(encoding="utf-8") == shown
    assert "Traceback" not in shown
