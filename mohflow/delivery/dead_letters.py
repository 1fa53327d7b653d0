"""A file of the events that a destination will never take."""

from __future__ import annotations

import contextlib
import errno
import os
import time

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from mohflow._event import Event
from mohflow.delivery._files import (
    identify,
    lock,
    reason_of,
    share,
    unlock,
)
from mohflow.delivery._segment import fields_beside
from mohflow.delivery.adoption import make_private
from mohflow.exceptions import SpoolError


_ATTEMPTS = 100
_PAUSE = 0.05
"""Seconds between two attempts to have a file that others write to."""


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
            while not self._write(data):
                # The file was moved away just before it was ours.
                pass
        except OSError as error:
            raise SpoolError(reason_of(error)) from error

    def __iter__(self) -> Iterator[DeadLetter]:
        """Yield what is in the files, oldest first; pass over torn lines."""
        for path in (self.old_path, self.path):
            with (
                contextlib.suppress(FileNotFoundError),
                open(path, "rb") as file,
            ):
                yield from filter(None, map(decode_letter, file))

    def _open(self) -> int:
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT
        return os.open(self.path, flags, 0o600)

    def take(self, folder: Path) -> list[Path]:
        """
        Move the files into *folder*; nobody writes to them any more.

        Returns:
            The new paths, the older letters first.

        Raises:
            OSError: A file cannot be moved, or others write to it all the
                time.
        """
        stamp = time.time_ns()
        taken = [folder / f"taken-{stamp}-{number}" for number in (0, 1)]
        with contextlib.suppress(FileNotFoundError):
            os.rename(self.old_path, taken[0])
        for _ in range(_ATTEMPTS):
            if self._move(taken[1]):
                return [path for path in taken if path.exists()]
            time.sleep(_PAUSE)
        raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))

    def _move(self, target: Path) -> bool:
        try:
            descriptor = os.open(self.path, os.O_RDWR)
        except FileNotFoundError:
            return True
        if not lock(descriptor):
            os.close(descriptor)
            return False
        try:
            if not self._is_current(descriptor):
                return False
            os.rename(self.path, target)
        finally:
            unlock(descriptor)
        return True

    def _is_current(self, descriptor: int) -> bool:
        try:
            named = os.stat(self.path)
        except FileNotFoundError:
            return False
        return identify(named) == identify(os.fstat(descriptor))

    def restore(self, lines: Sequence[bytes]) -> None:
        """
        Put back lines that are no letters, as they were.

        Raises:
            OSError: Some of them are not written.
        """
        data = b"".join(line.rstrip(b"\n") + b"\n" for line in lines)
        while data and not self._write(data):
            pass

    def _write(self, data: bytes) -> bool:
        """Write *data*, unless the file has been moved away by then."""
        descriptor = self._open()
        try:
            share(descriptor)
            if not self._is_current(descriptor):
                return False
            size = os.fstat(descriptor).st_size
            if size and os.pread(descriptor, 1, size - 1) != b"\n":
                # The disk was full: end the torn line.
                data = b"\n" + data
            while data:
                data = data[os.write(descriptor, data) :]
        finally:
            unlock(descriptor)
        return True

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


def decode_letter(text: bytes) -> DeadLetter | None:
    """Return the letter in a line; ``None`` if there is none."""
    try:
        letter: dict[str, Any] = orjson.loads(text)
        line = letter["line"].encode()
        fields = letter["fields"] if "fields" in letter else orjson.loads(line)
        event = Event(letter["time"], letter["level"], fields, line)
        return DeadLetter(letter["sink"], letter["reason"], event)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
