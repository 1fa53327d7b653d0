"""No mistake of a user brings up a traceback; what help shows works."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys

from pathlib import Path

import pytest

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mohflow.cli import COMMANDS, main


FILES = [
    "good.toml",
    "bad.toml",
    "binary.toml",
    "empty",
    "a_folder",
    "a_folder.toml",
    "nowhere",
    "no/such/folder.log",
    "link_to_itself",
    "x.jsonl",
    "a\0b",
    "",
    "-",
    "x" * 300,
]
OPTIONS = [
    *("--environment", "--elsewhere", "--all", "--loki", "--sink"),
    *("--dry-run", "--import", "-l", "--level", "--since", "--where", "-n"),
    *("--lines", "--color", "--logger", "--rotated", "--nope", "--", "-h"),
]
VALUES = [
    *FILES,
    *("LOUD", "1", "-1", "nan", "http://127.0.0.1:1", "http://", "a=b"),
    *("yesterday", "json", "x.y", "sys", "\udce9", "é", "never"),
]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("good.toml").write_text('service = "a"\n')
    Path("bad.toml").write_text('level = "LOUD"\n')
    Path("binary.toml").write_bytes(b"\xff\x00" * 20)
    Path("x.jsonl").write_text('{"event":"x","level":"info"}\nbroken\n')
    Path("empty").touch()
    Path("a_folder").mkdir()
    Path("a_folder.toml").mkdir()
    Path("link_to_itself").symlink_to("link_to_itself")
    return tmp_path


@settings(
    max_examples=150,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    command=st.sampled_from(["check", "doctor", "replay", "schema", "view"]),
    arguments=st.lists(st.sampled_from([*OPTIONS, *VALUES]), max_size=4),
)
def test_wrong_arguments_end_with_an_exit_code(command, arguments) -> None:
    if command == "doctor" and "sys" in arguments:
        return
    if not {"-", ""}.isdisjoint(arguments) and command == "view":
        # stdin is that of the tests.
        arguments = [a for a in arguments if a not in {"-", ""}]
    if command == "view" and not {*FILES[:10]} & {*arguments}:
        arguments = [*arguments, "x.jsonl"]
    try:
        code = main([command, *arguments])
    except SystemExit as error:
        code = error.code

    assert code in {0, 1, 2}


def run(
    *arguments: str, closed: str = "", **options
) -> subprocess.CompletedProcess[bytes]:
    """Run a command; *closed* is what the shell closes, as in ``>&-``."""
    command = [sys.executable, "-m", "mohflow", *arguments]
    if closed:
        command = ["sh", "-c", f'exec "$@" {closed}', "sh", *command]
    return subprocess.run(
        command,
        stderr=subprocess.PIPE,
        check=False,
        timeout=60,
        **options,
    )


QUIET = [
    ("check", "bad.toml"),
    ("doctor",),
    ("schema",),
    ("demo",),
    ("replay", "a_folder", "--loki", "http://127.0.0.1:1", "--dry-run"),
    ("view", "x.jsonl"),
]


@pytest.mark.parametrize("arguments", QUIET, ids=lambda a: a[0])
class TestStreams:
    def test_a_reader_that_has_gone(self, arguments) -> None:
        reader, writer = os.pipe()
        os.close(reader)
        done = run(*arguments, stdout=writer)
        os.close(writer)

        assert b"" == done.stderr.replace(b"mohflow: ", b"")
        assert done.returncode in {0, 1}

    def test_a_stdout_that_is_closed(self, arguments) -> None:
        done = run(*arguments, closed=">&-")

        assert b"Traceback" not in done.stderr
        assert b"Exception" not in done.stderr

    def test_a_stdout_and_a_stderr_that_are_closed(self, arguments) -> None:
        done = run(*arguments, closed=">&- 2>&-")

        assert done.returncode in {0, 1}

    @pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux")
    def test_a_full_disk(self, arguments) -> None:
        with open("/dev/full", "wb") as full:
            done = run(*arguments, stdout=full)

        assert b"Traceback" not in done.stderr
        assert b"Exception" not in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [("doctor", "--import", "slow"), ("view", "-f", "x.jsonl")],
    ids=lambda a: a[0],
)
def test_ctrl_c_ends_it_with_130(arguments) -> None:
    Path("slow.py").write_text(
        "import time\nprint('ready', flush=True)\n"
        "while True:\n    time.sleep(60)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "mohflow", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)

    assert (130, b"") == (process.returncode, err)


def examples(shown) -> list[str]:
    """Return each command that a help text shows."""
    found = []
    for name in COMMANDS:
        with pytest.raises(SystemExit):
            main([name, "--help"])
        lines = shown.readouterr().out.partition("examples:")[2].splitlines()
        mine = [
            re.split(r"\s{2,}", line.strip())[0]
            for line in lines
            if re.match(r"  (mohflow|python shop\.py \|) ", line)
        ]
        assert mine, name
        found += mine
    return found


def local(command: str) -> str:
    """Return an example as it is run here: away from servers, not for ever."""
    command = command.replace("http://loki:3100", "http://127.0.0.1:1")
    command = command.replace("/var/spool/shop", "spool")
    follows = " -f " in command
    return f"timeout -s INT 2 {command}" if follows else command


def test_what_the_help_texts_show_works(capsys) -> None:
    Path("mohflow.toml").write_text('service = "a"\n')
    Path("mohflow.yaml").write_text("profiles: {production: {level: error}}")
    Path("pyproject.toml").write_text("[tool.mohflow]\nlevel = 30\n")
    Path("shop").mkdir()
    Path("shop/__init__.py").touch()
    Path("shop/main.py").write_text("import mohflow\nmohflow.configure()\n")
    Path("shop.py").write_text('print(\'{"event": "x"}\')\n')
    Path("web.log").touch()
    Path("worker.log").touch()
    Path("shop.log").write_text('{"event":"x","level":"error"}\n')
    Path("loki.dead.jsonl").touch()
    Path("spool").mkdir()
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    program = {**os.environ, "PATH": path}
    with_loki = {
        **program,
        "MOHFLOW_LOKI_URL": "http://127.0.0.1:1",
        "MOHFLOW_SPOOL_DIR": "spool",
    }
    failed = {}
    for command in map(local, examples(capsys)):
        done = subprocess.run(
            ["sh", "-c", command],
            capture_output=True,
            check=False,
            encoding="utf-8",
            env=with_loki if "replay" in command else program,
            timeout=60,
        )
        is_away = "doctor --loki" in command
        is_ended = command.startswith("timeout")
        expected = 1 if is_away else 124 if is_ended else 0
        if (expected, "") != (done.returncode, done.stderr):
            failed[command] = done.returncode, done.stdout[-200:], done.stderr

    assert {} == failed
