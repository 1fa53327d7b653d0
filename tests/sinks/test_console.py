import contextlib
import errno
import fcntl
import io
import json
import os
import pty
import subprocess
import sys
import threading

import pytest

from pydantic import ValidationError

from mohflow._event import Event
from mohflow.exceptions import Unavailable
from mohflow.sinks.console import ConsoleOptions, ConsoleSink
from mohflow.sinks.terminal import is_terminal, wants_colors


def event(line=b"line\n"):
    return Event(time_ns=1, level=20, fields={}, line=line)


def sink(stream="stdout"):
    return ConsoleSink(ConsoleOptions(stream=stream))


def reason_of(a_sink, line=b"line\n"):
    with pytest.raises(Unavailable) as caught:
        a_sink.write([event(line)])
    return caught.value.reason


@contextlib.contextmanager
def stdout(stream):
    """Put *stream* in place of stdout."""
    before, sys.stdout = sys.stdout, stream
    try:
        yield stream
    finally:
        sys.stdout = before


def pipe(encoding="utf-8", blocking=True):
    """Return the ends of a pipe; the writing one is as stdout is."""
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    os.set_blocking(writer, blocking)
    return reader, open(writer, "w", encoding=encoding)


class Odd:
    """A stream that does what it is told to."""

    encoding = "utf-8"

    def __init__(self, failure):
        self.failure = failure

    def write(self, text):
        raise self.failure

    def flush(self):
        pass


class TestOptions:
    def test_names_of_levels_are_understood(self):
        assert 30 == ConsoleOptions(level="Warning").level
        assert 25 == ConsoleOptions(level=25).level
        assert ConsoleOptions().level is None

    @pytest.mark.parametrize(
        "wrong",
        [{"level": "loud"}, {"format": "xml"}, {"stream": "x"}, {"colour": 1}],
    )
    def test_what_is_unknown_is_refused(self, wrong):
        with pytest.raises(ValidationError):
            ConsoleOptions(**wrong)


class TestStream:
    def test_it_is_looked_up_at_each_write(self):
        a_sink = sink()

        with contextlib.redirect_stdout(io.StringIO()) as first:
            a_sink.write([event(b"1\n")])
        with contextlib.redirect_stdout(io.StringIO()) as second:
            a_sink.write([event(b"2\n")])

        assert ("1\n", "2\n") == (first.getvalue(), second.getvalue())

    def test_stderr_can_be_chosen(self, capsys):
        sink("stderr").write([event()])

        assert ("", "line\n") == capsys.readouterr()

    def test_a_capturing_stream_gets_utf_8(self, capsys):
        sink().write([event("größe\n".encode())])

        assert "größe\n" == capsys.readouterr().out

    def test_a_captured_descriptor_gets_the_lines_in_order(self, capfd):
        sys.stdout.write("before\n")
        sink().write([event()])
        sys.stdout.write("after\n")

        assert "before\nline\nafter\n" == capfd.readouterr().out

    def test_lines_and_prints_stay_in_order(self):
        reader, writer = pipe()
        with writer, stdout(writer):
            sys.stdout.write("before\n")
            sink().write([event()])
            sys.stdout.write("after\n")
            writer.flush()

        assert b"before\nline\nafter\n" == os.read(reader, 100)
        os.close(reader)

    def test_a_line_is_there_before_any_flush(self):
        reader, writer = pipe()
        with writer, stdout(writer):
            sink().write([event()])

            assert b"line\n" == os.read(reader, 100)
        os.close(reader)

    @pytest.mark.parametrize(
        ("encoding", "written"),
        [
            ("ascii", rb"gr\u00f6\u00dfe \u2026"),
            ("latin-1", b"gr\xf6\xdfe \\u2026"),
            ("cp1252", b"gr\xf6\xdfe \x85"),
        ],
    )
    def test_what_cannot_be_encoded_is_escaped(self, encoding, written):
        line = "größe …\n".encode()
        reader, writer = pipe(encoding)
        below = io.BytesIO()
        with writer, stdout(writer):
            sink().write([event(line)])
        with stdout(io.TextIOWrapper(below, encoding=encoding)):
            sink().write([event(line)])
            captured = below.getvalue()

        assert written + b"\n" == os.read(reader, 100) == captured
        os.close(reader)

    @pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
    def test_json_that_cannot_be_encoded_stays_json(self, encoding):
        text = "größe \u65e5\u672c \U0001f600"
        line = json.dumps({"event": text}, ensure_ascii=False).encode()
        below = io.BytesIO()
        with stdout(io.TextIOWrapper(below, encoding=encoding)):
            sink().write([event(line + b"\n")])
            captured = below.getvalue()

        assert {"event": text} == json.loads(captured.decode(encoding))

    def test_a_long_line_is_whole_though_threads_write(self):
        reader, writer = pipe()
        os.set_blocking(reader, True)
        a_sink = sink()
        line = b"x" * 200_000 + b"\n"
        threads = [
            threading.Thread(target=a_sink.write, args=([event(line)],))
            for _ in range(4)
        ]
        with stdout(writer):
            for thread in threads:
                thread.start()
            with open(reader, "rb") as file:
                lines = [file.readline() for _ in threads]
            for thread in threads:
                thread.join()
        writer.close()

        assert [line] * 4 == lines


class TestFailures:
    def test_no_stream(self):
        with stdout(None):
            assert "no_stream" == reason_of(sink())

    @pytest.mark.parametrize("make", [io.StringIO, lambda: pipe()[1]])
    def test_a_closed_stream(self, make):
        stream = make()
        stream.close()

        with stdout(stream):
            assert "stream_closed" == reason_of(sink())

    def test_a_detached_stream(self):
        stream = io.TextIOWrapper(io.BytesIO())
        stream.detach()

        with stdout(stream):
            assert "stream_closed" == reason_of(sink())

    def test_a_broken_pipe(self):
        reader, writer = pipe()
        os.close(reader)

        with writer, stdout(writer):
            assert "broken_pipe" == reason_of(sink())

    def test_a_full_disk(self):
        with open("/dev/full", "w") as full, stdout(full):
            assert "disk_full" == reason_of(sink())

    @pytest.mark.parametrize(
        ("failure", "reason"),
        [
            (OSError(errno.EIO, "gone"), "stream_error"),
            (OSError(errno.ENOSPC, "full"), "disk_full"),
            (BrokenPipeError(errno.EPIPE, "gone"), "broken_pipe"),
            (BlockingIOError(errno.EAGAIN, "full"), "would_block"),
            (RuntimeError("reentrant call"), "stream_error"),
            (TypeError("bytes wanted"), "stream_error"),
        ],
    )
    def test_a_stream_of_the_programs_own(self, failure, reason):
        with stdout(Odd(failure)):
            assert reason == reason_of(sink())

    def test_an_interrupt_passes(self):
        with (
            stdout(Odd(KeyboardInterrupt())),
            pytest.raises(KeyboardInterrupt),
        ):
            sink().write([event()])

    def test_it_recovers_when_the_stream_is_replaced(self):
        a_sink = sink()
        with stdout(None):
            reason_of(a_sink)

        with stdout(io.StringIO()) as stream:
            a_sink.write([event()])

            assert "line\n" == stream.getvalue()


class TestFullPipe:
    """A pipe that nobody reads and that must not be waited for."""

    def drain(self, reader):
        parts = []
        with contextlib.suppress(BlockingIOError):
            while part := os.read(reader, 1 << 20):
                parts.append(part)
        return b"".join(parts)

    def test_it_is_never_waited_for(self):
        reader, writer = pipe(blocking=False)
        with writer, stdout(writer):
            os.write(writer.fileno(), b"x" * size_of(writer))

            assert "would_block" == reason_of(sink())
        os.close(reader)

    def test_a_refused_line_leaves_nothing_behind(self):
        reader, writer = pipe(blocking=False)
        a_sink = sink()
        with writer, stdout(writer):
            os.write(writer.fileno(), b"x" * size_of(writer))
            reason_of(a_sink, b"lost\n")
            self.drain(reader)
            a_sink.write([event(b"next\n")])

            assert b"next\n" == self.drain(reader)
        os.close(reader)

    def test_a_torn_line_is_ended_before_the_next(self):
        reader, writer = pipe(blocking=False)
        a_sink = sink()
        with writer, stdout(writer):
            reason_of(a_sink, b"x" * (size_of(writer) + 1) + b"\n")
            reason_of(a_sink, b"lost\n")
            torn = self.drain(reader)
            a_sink.write([event(b"next\n")])
            a_sink.write([event(b"last\n")])

            assert {ord("x")} == set(torn)
            assert b"\nnext\nlast\n" == self.drain(reader)
        os.close(reader)


def size_of(writer):
    return fcntl.fcntl(writer, fcntl.F_GETPIPE_SZ)


SCRIPT = """
import sys
from mohflow._event import Event
from mohflow.exceptions import Unavailable
from mohflow.sinks.console import ConsoleOptions, ConsoleSink

sys.stdin.readline()
for _ in range(3):
    try:
        ConsoleSink(ConsoleOptions()).write([Event(1, 20, {}, b"x\\n")])
    except Unavailable as error:
        print(error.reason, file=sys.stderr)
"""


def test_python_says_nothing_of_a_broken_pipe_at_its_exit():
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    process.stdout.close()
    process.stdin.write("go\n")
    process.stdin.close()
    said = process.stderr.read()
    process.stderr.close()

    assert 0 == process.wait(timeout=30)
    assert ["broken_pipe"] * 3 == said.split()


class TestTerminal:
    @pytest.fixture
    def terminal(self):
        master, slave = pty.openpty()
        with open(slave, "w") as stream:
            yield stream
        os.close(master)

    def test_only_terminals_are_terminals(self, terminal):
        closed = io.StringIO()
        closed.close()

        assert is_terminal(terminal)
        assert not is_terminal(io.StringIO())
        assert not is_terminal(closed)
        assert not is_terminal(None)
        assert not is_terminal(object())

    @pytest.mark.parametrize(
        ("environ", "on_terminal", "elsewhere"),
        [
            ({}, True, False),
            ({"TERM": "dumb"}, False, False),
            ({"TERM": "xterm"}, True, False),
            ({"NO_COLOR": "1"}, False, False),
            ({"NO_COLOR": ""}, True, False),
            ({"FORCE_COLOR": "1"}, True, True),
            ({"FORCE_COLOR": ""}, True, False),
            ({"FORCE_COLOR": "1", "TERM": "dumb"}, True, True),
            ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False, False),
        ],
    )
    def test_colors(self, terminal, environ, on_terminal, elsewhere):
        assert on_terminal is wants_colors(terminal, environ)
        assert elsewhere is wants_colors(io.StringIO(), environ)
        assert elsewhere is wants_colors(None, environ)
