"""The screens in the documentation are what a terminal shows."""

from __future__ import annotations

import os
import pty
import sys

from pathlib import Path

import pytest


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

SESSIONS = {
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
    return shown.decode().replace("\r\n", "\n").replace(f"{folder}/", "")


@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
@pytest.mark.parametrize("name", SESSIONS)
def test_a_session_shows_what_is_documented(name, tmp_path) -> None:
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
