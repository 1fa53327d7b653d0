"""
Write events to stdout or stderr, whatever they are at that moment.

The stream is looked up for each event, so it may be redirected, captured,
closed or absent at any time. Where it is the interpreter's own, the bytes go
past its buffer: each event is one system call, a failure is known at once,
and nothing of ours is left for the interpreter to fail on at its exit.
"""

from __future__ import annotations

import codecs
import errno
import io
import sys
import threading

from collections.abc import Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from mohflow._event import Event
from mohflow.exceptions import Unavailable
from mohflow.typing import Format, Level, Sink


class ConsoleOptions(BaseModel):
    """Where and how events are shown to whoever runs the program."""

    model_config = ConfigDict(defer_build=True, extra="forbid", frozen=True)

    format: Format | None = None
    """How an event becomes text. Without it ``console`` on a terminal, where
    an event with an exception takes several lines, and ``json`` elsewhere."""

    level: Level | None = None
    """A number or the name of a level. Events below it do not reach the
    console; without it the level of the program counts."""

    stream: Literal["stdout", "stderr"] = "stdout"
    """Choose ``stderr`` when the program's own output goes to stdout."""


_REASONS = {
    errno.EPIPE: "broken_pipe",
    errno.EAGAIN: "would_block",
    errno.ENOSPC: "disk_full",
    errno.EDQUOT: "disk_full",
    errno.EFBIG: "disk_full",
    errno.EBADF: "stream_closed",
}


class ConsoleSink(Sink):
    """
    Write each event with one call, after what the program printed before.

    A character that the stream cannot encode is written as the escape that
    JSON has for it.
    """

    def __init__(self, options: ConsoleOptions) -> None:
        self._name = options.stream
        self._torn: io.FileIO | None = None
        self._lock = threading.RLock()

    def after_fork(self) -> None:
        self._lock = threading.RLock()

    def write(self, batch: Sequence[Event]) -> None:
        self.append(0, b"".join(event.line for event in batch))

    def append(self, time_ns: int, lines: bytes) -> None:
        """
        Write what is a line, or more.

        Raises:
            Unavailable: It could not be written, or not all of it.
        """
        stream = getattr(sys, self._name, None)
        if stream is None:
            reason = "no_stream"
            raise Unavailable(reason)
        try:
            # Pipes take long lines in pieces. The lock is reentrant because
            # a signal handler may log.
            with self._lock:
                self._write(stream, lines)
        except Unavailable:
            raise
        except Exception as error:
            # The program may put any object there; the ledger is told.
            raise Unavailable(_reason(error)) from error

    def _write(self, stream: Any, lines: bytes) -> None:
        file = _file_below(stream)
        if file is None:
            _write_text(stream, lines.decode("utf-8", "backslashreplace"))
            return
        stream.flush()
        self._write_bytes(file, _encoded(lines, stream.encoding))

    def _write_bytes(self, file: io.FileIO, data: bytes) -> None:
        """Write all of *data*, or remember that a line has no end yet."""
        was_torn = self._torn is file
        rest = memoryview(b"\n" + data if was_torn else data)
        whole = len(rest)
        try:
            while rest:
                written = file.write(rest)
                if not written:
                    reason = "would_block"
                    raise Unavailable(reason)
                rest = rest[written:]
        finally:
            is_torn = 0 < len(rest) < whole or (rest and was_torn)
            self._torn = file if is_torn else None


def _reason(error: Exception) -> str:
    if isinstance(error, ValueError) and not isinstance(error, UnicodeError):
        return "stream_closed"
    return _REASONS.get(getattr(error, "errno", None) or 0, "stream_error")


def _file_below(stream: Any) -> io.FileIO | None:
    """Return the file to which *stream* does nothing but encode and buffer."""
    if type(stream) is not io.TextIOWrapper:
        return None
    raw = getattr(stream.buffer, "raw", stream.buffer)
    return raw if type(raw) is io.FileIO else None


def _encoded(lines: bytes, encoding: str) -> bytes:
    if encoding == "utf-8" or codecs.lookup(encoding).name == "utf-8":
        return lines
    text = lines.decode("utf-8", "backslashreplace")
    return text.encode(encoding, ESCAPES)


def _escaped(error: UnicodeError) -> tuple[str, int]:
    """Spell what cannot be encoded as JSON does: lines of it stay JSON."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    units = error.object[error.start : error.end].encode(
        "utf-16-be", "surrogatepass"
    )
    pairs = zip(units[::2], units[1::2], strict=True)
    return "".join(f"\\u{a:02x}{b:02x}" for a, b in pairs), error.end


ESCAPES = "mohflow.escapes"
codecs.register_error(ESCAPES, _escaped)


def _write_text(stream: Any, text: str) -> None:
    try:
        stream.write(text)
    except UnicodeEncodeError:
        encoding = getattr(stream, "encoding", None) or "ascii"
        known = text.encode(encoding, ESCAPES)
        stream.write(known.decode(encoding))
    stream.flush()
