"""``mohflow view`` as a person uses it."""

import gzip
import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import tempfile
import time

from contextlib import ExitStack, suppress

import pytest

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mohflow.cli import main
from mohflow.cli.view.text import MAX_SHOWN, Writer
from mohflow.processors import ConsoleRenderer
from mohflow.processors.console import INDENT
from mohflow.processors.logfmt import UNSAFE


COMMAND = [sys.executable, "-m", "mohflow", "view"]
ENVIRON = {
    name: value
    for name, value in os.environ.items()
    if name not in ("NO_COLOR", "FORCE_COLOR", "PAGER", "LESS")
} | {"TZ": "UTC", "TERM": "xterm", "PYTHONIOENCODING": "utf-8"}

SHOWN = (
    "2026-11-24 03:19:01.123 info     order.paid                     "
    "[shop] n={}\n"
)


def line(n=1, **fields):
    event = {
        "timestamp": "2026-11-24T03:19:01.123456Z",
        "level": "info",
        "event": "order.paid",
        "logger": "shop",
        "n": n,
    }
    return json.dumps({**event, **fields}).encode() + b"\n"


def view(*arguments, stdin=b"", **environ):
    """Run the command in this process, which starts faster than one."""
    with ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        for name, value in (ENVIRON | environ).items():
            patch.setenv(name, value)
        streams = []
        for name in ("stdin", "stdout", "stderr"):
            binary = stack.enter_context(tempfile.TemporaryFile(buffering=0))
            stream = stack.enter_context(
                open(binary.fileno(), "r+", 1, "utf-8", closefd=False)
            )
            patch.setattr(sys, name, stream)
            streams.append(binary)
        streams[0].write(stdin)
        streams[0].seek(0)
        code = main(["view", *map(str, arguments)])
        written = []
        for stream in streams[1:]:
            stream.seek(0)
            written.append(stream.read())
    return subprocess.CompletedProcess(arguments, code, *written)


def shown(*arguments, stdin=b"", **environ):
    done = view(*arguments, stdin=stdin, **environ)

    assert (0, b"") == (done.returncode, done.stderr)
    return done.stdout.decode()


def numbers(text):
    return [int(n) for n in re.findall(r" n=(\d+)", text)]


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "shop.log"
    path.write_bytes(b"".join(map(line, range(5))))
    return path


@pytest.fixture(autouse=True)
def utc(monkeypatch):
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


class TestInput:
    def test_a_file_is_shown_like_on_the_console(self, path):
        assert "".join(map(SHOWN.format, range(5))) == shown(path)

    def test_lines_are_piped_in(self, path):
        assert shown(path) == shown(stdin=path.read_bytes())
        assert shown(path) == shown("-", stdin=path.read_bytes())

    def test_a_file_is_redirected(self, path):
        with path.open("rb") as file:
            done = subprocess.run(
                COMMAND,
                stdin=file,
                capture_output=True,
                check=True,
                env=ENVIRON,
            )

        assert shown(path) == done.stdout.decode()

    def test_gzipped_and_rotated_files_come_in_their_order(self, path):
        path.with_name("shop.log.2.gz").write_bytes(gzip.compress(line(21)))
        path.with_name("shop.log.1").write_bytes(line(22))

        assert [21, 22, 0, 1, 2, 3, 4] == numbers(shown("--rotated", path))
        assert [22, 0, 1, 2, 3, 4] == numbers(shown("--rotated", "-n6", path))

    def test_other_lines_are_shown_as_they_are_but_harmless(self):
        text = shown(stdin=b"plain\ttext\r\n\n\x1b[31mred\x9b\xff\n" + line())

        assert "plain   text\n\n\\x1b[31mred\\x9b\\xff\n" in text
        assert text.endswith(SHOWN.format(1))

    def test_a_line_that_is_too_long_is_cut_and_says_so(self):
        text = shown(stdin=b"x" * (MAX_SHOWN + 7))

        assert "x" * MAX_SHOWN + " … (7 more bytes)\n" == text

    def test_an_exception_is_below_its_event(self):
        trace = "Traceback (most recent call last):\nValueError: x"
        text = shown(stdin=line(exception=trace))
        below = "".join(f"{INDENT}{one}\n" for one in trace.split("\n"))

        assert SHOWN.format(1) + below == text

    def test_the_last_line_needs_no_newline(self):
        assert SHOWN.format(1) == shown(stdin=line().rstrip())

    def test_a_live_pipe_is_shown_at_once(self):
        with subprocess.Popen(
            COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=ENVIRON
        ) as viewer:
            viewer.stdin.write(line())
            viewer.stdin.flush()

            assert SHOWN.format(1).encode() == viewer.stdout.readline()


class TestChoice:
    def test_filters_must_all_hold(self, path):
        path.write_bytes(
            line(1, level="error")
            + line(2, level="error", user={"id": 7})
            + line(3, user={"id": 7})
            + line(4, level="error", user={"id": 7}, logger="shopping")
            + b"no event\n"
        )
        text = shown("-l", "error", "-w", "user.id=7", "--logger=shop", path)

        assert [2] == numbers(text)
        assert "no event" not in text

    def test_times_are_a_filter(self, path):
        time_at = "2026-11-24T0{}:00:00Z".format
        path.write_bytes(
            b"".join(line(n, timestamp=time_at(n)) for n in range(1, 6))
        )
        text = shown("--since", time_at(2), "--until", time_at(4), path)

        assert [2, 3] == numbers(text)
        assert "" == shown("--since", "1s", path)

    @pytest.mark.parametrize("count", [0, 1, 3, 9])
    def test_the_last_events_are_those_that_are_chosen(self, path, count):
        for source in ([path], [path.with_name("a.gz")]):
            path.with_name("a.gz").write_bytes(
                gzip.compress(path.read_bytes())
            )
            text = shown("-n", count, "-w", "n!=4", *source)

            assert list(range(4))[max(4 - count, 0) :] == numbers(text)

    def test_last_events_may_lie_in_several_files(self, path):
        other = path.with_name("other.log")
        other.write_bytes(line(7) + line(8))

        assert [3, 4, 7, 8] == numbers(shown("-n4", path, other))


class TestMerging:
    @pytest.fixture
    def paths(self, tmp_path):
        time_at = "2026-11-24T03:19:0{}Z".format
        web, worker = tmp_path / "web.log", tmp_path / "worker.log.gz"
        web.write_bytes(
            line(1, timestamp=time_at(1))
            + b"  n=11 no event\n"
            + line(4, timestamp=time_at(4))
        )
        worker.write_bytes(
            gzip.compress(
                line(2, timestamp="2026-11-24T04:19:02+01:00")
                + line(3, timestamp=1795490343)
                + line(5, timestamp=time_at(4))
            )
        )
        return web, worker

    def test_events_of_several_files_are_ordered_by_time(self, paths):
        assert [1, 11, 2, 3, 4, 5] == numbers(shown("--merge", *paths))
        assert [3, 4, 5] == numbers(shown("--merge", "-n3", *paths))
        assert [3, 5] == numbers(shown("--merge", "-n2", "-w", "n!=4", *paths))

    def test_a_damaged_file_is_merged_as_far_as_it_goes(self, paths):
        paths[1].write_bytes(paths[1].read_bytes()[:-8])
        done = view("--merge", *paths)

        assert 1 == done.returncode
        assert [1, 11, 2, 3, 4, 5] == numbers(done.stdout.decode())
        assert b"its end is missing" in done.stderr


class TestMistakes:
    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (["nope.log"], "cannot read 'nope.log': No such file"),
            (["."], "cannot read '.': Is a directory"),
            (["-", "nope.log"], "cannot read 'nope.log'"),
            (["-w", "x", "-"], "not a condition: 'x'"),
            (["-w", "x>y", "-"], "not a number: 'y'"),
            (["-l", "loud", "-"], "unknown level: 'loud'"),
            (["--since", "soon", "-"], "not a time: 'soon'"),
            (["-n", "many", "-"], "not a number of events: 'many'"),
            (["-n", "-3", "-"], "not a number of events: '-3'"),
            (["--merge", "-f", "-"], "--merge cannot order what --follow"),
        ],
    )
    def test_each_is_one_line_and_exit_code_2(self, arguments, said):
        done = view(*arguments)
        error = done.stderr.decode()

        assert (2, b"") == (done.returncode, done.stdout)
        assert error.startswith(f"mohflow view: {said}")
        assert 1 == error.count("\n")

    def test_a_damaged_file_is_shown_as_far_as_it_goes(self, path):
        packed = path.with_name("shop.log.1.gz")
        packed.write_bytes(gzip.compress(line(7))[:-8])
        done = view(packed, path)

        assert 1 == done.returncode
        assert [7, 0, 1, 2, 3, 4] == numbers(done.stdout.decode())
        assert b"its end is missing" in done.stderr
        assert 1 == done.stderr.count(b"\n")

    @pytest.mark.skipif(not os.path.exists("/dev/full"), reason="Linux only")
    def test_a_full_disk_is_said(self, path):
        with open("/dev/full", "wb") as full:
            done = subprocess.run(
                [*COMMAND, path],
                stdout=full,
                stderr=subprocess.PIPE,
                check=False,
                env=ENVIRON,
            )

        assert 1 == done.returncode
        assert b"No space left on device" in done.stderr
        assert b"Traceback" not in done.stderr


class TestColors:
    @pytest.mark.parametrize(
        ("arguments", "environ", "expected"),
        [
            ([], {}, False),
            ([], {"FORCE_COLOR": "1"}, True),
            ([], {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
            (["--color=always"], {"NO_COLOR": "1"}, True),
            (["--color=never"], {"FORCE_COLOR": "1"}, False),
        ],
    )
    def test_the_option_wins_over_the_variables(
        self, arguments, environ, expected
    ):
        assert expected == (
            "\x1b[" in shown(*arguments, stdin=line(), **environ)
        )


class TestEnd:
    def test_a_reader_that_has_seen_enough_is_no_failure(self, path):
        path.write_bytes(line() * 50_000)
        with subprocess.Popen(
            [*COMMAND, path],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=ENVIRON,
        ) as viewer:
            viewer.stdout.readline()
            viewer.stdout.close()

            assert b"" == viewer.stderr.read()
        assert 0 == viewer.returncode

    def test_a_reader_that_leaves_ends_the_following(self, path):
        with subprocess.Popen(
            [*COMMAND, "-f", path], stdout=subprocess.PIPE, env=ENVIRON
        ) as viewer:
            viewer.stdout.readline()
            viewer.stdout.close()

            assert 0 == viewer.wait(timeout=30)

    def test_control_c_ends_it_without_a_word(self, path):
        with subprocess.Popen(
            [*COMMAND, "-f", path],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=ENVIRON,
        ) as viewer:
            viewer.stdout.readline()
            viewer.send_signal(signal.SIGINT)

            assert b"" == viewer.stderr.read()
        assert 130 == viewer.returncode


class TestFollowing:
    def test_it_goes_on_across_rotation_and_truncation(self, path):
        path.write_bytes(b"".join(map(line, range(20))))
        with subprocess.Popen(
            [*COMMAND, "-f", path], stdout=subprocess.PIPE, env=ENVIRON
        ) as viewer:
            read = viewer.stdout.readline
            first = [read() for _ in range(10)]
            with path.open("ab") as file:
                file.write(line(20))
            second = read()
            path.rename(path.with_name("shop.log.1"))
            path.write_bytes(line(21))
            third = read()
            path.write_bytes(line(2))
            fourth = read()
            viewer.terminate()

        found = b"".join([*first, second, third, fourth]).decode()
        assert [*range(10, 22), 2] == numbers(found)

    def test_with_a_time_all_since_then_comes_first(self, path):
        with subprocess.Popen(
            [*COMMAND, "-f", "--since=2026-11-24", path],
            stdout=subprocess.PIPE,
            env=ENVIRON,
        ) as viewer:
            found = [viewer.stdout.readline() for _ in range(5)]
            viewer.terminate()

        assert list(range(5)) == numbers(b"".join(found).decode())


class Terminal:
    """A program that believes that a person looks at it."""

    def __init__(self, *arguments, **environ):
        self.main, side = pty.openpty()
        self.process = subprocess.Popen(
            [*COMMAND, *map(str, arguments)],
            stdin=side,
            stdout=side,
            stderr=side,
            env=ENVIRON | environ,
            start_new_session=True,
        )
        os.close(side)
        self.screen = b""

    def wait_for(self, pattern, seconds=30):
        end = time.monotonic() + seconds
        while not re.search(pattern, self.screen):
            rest = end - time.monotonic()
            ready, _, _ = select.select([self.main], [], [], max(rest, 0))
            if not ready:
                raise AssertionError(self.screen)
            try:
                self.screen += os.read(self.main, 65536)
            except OSError:
                # The other end is closed.
                raise AssertionError(self.screen) from None

    def end(self):
        with suppress(AssertionError):
            self.wait_for(b"(?!)")
        os.close(self.main)
        return self.process.wait(timeout=30)


class TestTerminal:
    def test_a_file_goes_to_the_pager_with_colours(self, path, tmp_path):
        pager = tmp_path / "pager"
        pager.write_text('#!/bin/sh\necho "paged with $1 $LESS"\ncat\n')
        pager.chmod(0o755)
        terminal = Terminal(path, PAGER=f"{pager} -x")
        terminal.wait_for(b"n.{0,5}=4")

        assert 0 == terminal.end()
        assert b"paged with -x FRX" in terminal.screen
        assert b"\x1b[32minfo\x1b[0m" in terminal.screen

    @pytest.mark.parametrize(
        ("arguments", "pager"),
        [(["--no-pager"], "false"), ([], "cat"), ([], ""), ([], "no-such")],
    )
    def test_without_a_pager_it_goes_to_the_terminal(
        self, path, arguments, pager
    ):
        terminal = Terminal(*arguments, path, PAGER=pager)
        terminal.wait_for(b"n.{0,5}=4")

        assert 0 == terminal.end()

    def test_a_terminal_that_cannot_page_gets_plain_text(self, path):
        terminal = Terminal(path, PAGER="false", TERM="dumb")
        terminal.wait_for(b" n=4")

        assert 0 == terminal.end()
        assert b"\x1b" not in terminal.screen

    def test_a_pager_that_is_left_early_is_no_failure(self, path):
        path.write_bytes(line() * 50_000)
        terminal = Terminal(path, PAGER="true")

        assert 0 == terminal.end()
        assert b"Traceback" not in terminal.screen

    def test_control_c_ends_the_following(self, path):
        terminal = Terminal("-f", path)
        terminal.wait_for(b"n.{0,5}=4")
        os.killpg(terminal.process.pid, signal.SIGINT)

        assert 130 == terminal.end()
        assert b"Traceback" not in terminal.screen

    def test_nothing_to_read_is_said(self):
        terminal = Terminal()

        assert 2 == terminal.end()
        assert b"nothing to read" in terminal.screen


class TestWorkers:
    """In processes of their own: where threads live, none may fork."""

    @staticmethod
    def run(code, *arguments):
        return subprocess.run(
            [sys.executable, "-c", code, *arguments],
            capture_output=True,
            check=False,
            env=ENVIRON,
            timeout=60,
        )

    def test_the_text_is_that_of_one_process(self, tmp_path):
        path = tmp_path / "big.log"
        with path.open("wb") as file:
            for n in range(700):
                file.write(line(n, text="x" * (n * 7919 % 12_000)))
                file.write(b"no event\n" * (n % 3))
        code = (
            "import sys; from mohflow.cli.view import workers;"
            "workers.PART = 20_000; workers.WORTH_IT = 0;"
            "workers.count = lambda: 3;"
            "from mohflow.cli import main;"
            "sys.exit(main(['view', sys.argv[1]]))"
        )
        done = self.run(code, path)

        assert (0, b"") == (done.returncode, done.stderr)
        assert shown(path) == done.stdout.decode()

    def test_one_goes_on_while_it_is_not_its_turn(self):
        code = (
            "import os\n"
            "from mohflow.cli.view import workers\n"
            "made, others = os.pipe()\n"
            "def text(part):\n"
            "    if part == 0:\n"
            "        for _ in range(workers.AHEAD + 1):\n"
            "            os.read(made, 1)\n"
            "    elif part % 2:\n"
            "        os.write(others, b'.')\n"
            "    return lambda: os.write(1, b'%d ' % part)\n"
            "workers.run(2, 30, text)\n"
        )
        done = self.run(code)

        assert b"" == done.stderr
        assert list(range(30)) == [int(part) for part in done.stdout.split()]

    @pytest.mark.parametrize(
        ("failure", "raised", "said"),
        [
            ("RuntimeError('broken')", b"OSError: a worker", b"broken"),
            ("BrokenPipeError", b"BrokenPipeError", b""),
        ],
    )
    def test_one_that_fails_ends_all(self, failure, raised, said):
        code = (
            "from mohflow.cli.view import workers\n"
            "def text(part):\n"
            "    if part == 3:\n"
            f"        raise {failure}\n"
            "    return lambda: None\n"
            "workers.run(2, 9, text)\n"
        )
        done = self.run(code)

        assert done.stderr.splitlines()[-1].startswith(raised)
        assert said in done.stderr


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["\x1b[31m", "\n", "\x9b", "\u202e", "info", "42"]),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)
NAMES = st.text() | st.sampled_from(
    ["timestamp", "level", "event", "logger", "err", "log", "ts", "service"]
)
EVENTS = st.dictionaries(NAMES, VALUES).map(
    lambda event: json.dumps(event).encode()
)
CONTROL = re.compile(f"[{UNSAFE}]")


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(
        (st.binary() | EVENTS | EVENTS.map(lambda b: b[:-2] + b'"')).map(
            lambda data: data.replace(b"\n", b"")
        )
    ),
    st.booleans(),
)
def test_any_bytes_become_one_harmless_line_each(lines, colors):
    written = Writer(ConsoleRenderer(colors)).texts(lines)
    texts = [text.decode() for text in written]
    plain = [re.sub(r"\x1b\[[0-9;]*m", "", text) for text in texts]

    assert len(lines) == len(texts)
    for text in plain if colors else texts:
        assert text.endswith("\n")
        for one in text[:-1].split("\n"):
            assert not CONTROL.search(one)
        assert text.count("\n") == 1 or f"\n{INDENT}" in text
