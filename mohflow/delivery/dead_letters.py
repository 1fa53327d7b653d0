"""A file of the events that a destination will never take."""

from __future__ import annotations

import contextlib
import os

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from mohflow._event import Event
from mohflow.delivery._files import identify, lock, reason_of, unlock
from mohflow.delivery._segment import fields_beside
from mohflow.delivery.adoption import make_private
from mohflow.exceptions import SpoolError


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """An event that was refused for good."""

    sink: str
    reason: str
    event: Event


class DeadLetters:
    """
    Append refused events to a file of JSON lines that processes may share.

    Nothing is open between two calls, so a fork needs no care.

    Args:
        path: The file. When it is full it is moved to the same name with
            ``.1`` behind it, in place of the one before.
        max_bytes: The size from which on it is full.
    """

    def __init__(self, path: Path, max_bytes: int) -> None:
        self.path = Path(path)
        self.old_path = self.path.with_name(f"{self.path.name}.1")
        self._max_bytes = max_bytes

    def append(self, sink: str, rejected: Sequence[tuple[Event, str]]) -> None:
        """
        Write each event with the reason for which *sink* refused it.

        Raises:
            SpoolError: Some of them are not written.
        """
        data = b"".join(_encode(sink, *one) for one in rejected)
        try:
            make_private(self.path.parent)
            self._rotate()
            self._write(data)
        except OSError as error:
            raise SpoolError(reason_of(error)) from error

    def __iter__(self) -> Iterator[DeadLetter]:
        """Yield what is in the files, oldest first; pass over torn lines."""
        for path in (self.old_path, self.path):
            with (
                contextlib.suppress(FileNotFoundError),
                open(path, "rb") as file,
            ):
                yield from filter(None, map(_decode, file))

    def _open(self) -> int:
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT
        return os.open(self.path, flags, 0o600)

    def _write(self, data: bytes) -> None:
        descriptor = self._open()
        try:
            size = os.fstat(descriptor).st_size
            if size and os.pread(descriptor, 1, size - 1) != b"\n":
                # The disk was full: end the torn line.
                data = b"\n" + data
            while data:
                data = data[os.write(descriptor, data) :]
        finally:
            os.close(descriptor)

    def _rotate(self) -> None:
        """Move a full file away, unless another process is about to."""
        if not self._is_full():
            return
        descriptor = self._open()
        if not lock(descriptor):
            os.close(descriptor)
            return
        try:
            ours = identify(os.fstat(descriptor))
            if self._is_full() and identify(os.stat(self.path)) == ours:
                os.replace(self.path, self.old_path)
        finally:
            unlock(descriptor)

    def _is_full(self) -> bool:
        try:
            return os.stat(self.path).st_size >= self._max_bytes
        except FileNotFoundError:
            return False


def _encode(sink: str, event: Event, reason: str) -> bytes:
    # Text is what JSON holds; other bytes show as \xff and are not sent back
    # as they were.
    letter = {
        "time": event.time_ns,
        "sink": sink,
        "reason": reason,
        "level": event.level,
        "line": event.line.decode(errors="backslashreplace"),
    }
    fields = fields_beside(event)
    if fields:
        letter["fields"] = orjson.Fragment(fields.rstrip())
    return orjson.dumps(letter, None, orjson.OPT_APPEND_NEWLINE)


def _decode(text: bytes) -> DeadLetter | None:
    try:
        letter: dict[str, Any] = orjson.loads(text)
        line = letter["line"].encode()
        fields = letter["fields"] if "fields" in letter else orjson.loads(line)
        event = Event(letter["time"], letter["level"], fields, line)
        return DeadLetter(letter["sink"], letter["reason"], event)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
