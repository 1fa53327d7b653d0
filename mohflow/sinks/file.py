"""
Append events to a file that several processes share and rotate.

Every event is one ``os.write`` on an O_APPEND descriptor, so lines of many
processes never mix. Nothing is buffered: a killed process loses no line that
was logged. Only the line that it is writing when SIGKILL comes can be cut,
where it crosses a page of memory; the next process to open the file ends it.
"""

from __future__ import annotations

import errno
import os
import threading

from collections.abc import Callable, Sequence

from mohflow._event import Event
from mohflow.diagnostics import complain
from mohflow.exceptions import ConfigurationError, Unavailable
from mohflow.sinks import _archive, rotation
from mohflow.sinks._file_options import FileOptions
from mohflow.sinks._logfile import (
    CAN_LOCK,
    Identity,
    LogFile,
    exclusive,
    open_log,
)
from mohflow.typing import Partial, Sink


__all__ = ["FileOptions", "FileSink"]

_REASONS = {
    errno.ENOSPC: "disk_full",
    errno.EDQUOT: "disk_full",
    errno.EFBIG: "disk_full",
    errno.ENOENT: "file_missing",
    errno.ENOTDIR: "file_missing",
    errno.EACCES: "permission_denied",
    errno.EPERM: "permission_denied",
    errno.EROFS: "permission_denied",
}
_REMEDIES = {
    "disk_full": "Free some space, or raise the limit of this process.",
    "permission_denied": "Let this user write there, or choose another path.",
}


class FileSink(Sink):
    """
    Write each event to a file at once.

    Safe for threads, for forks and for several processes with one file; log
    calls never wait for each other. Whoever finds that the file is due, and
    the lock file beside it (``.app.log.lock``) free, moves it away; the
    others go on with the file they have and find the new one at their next
    line. A file that logrotate or a person moves or deletes is noticed
    within a second.

    Sharing needs ``flock``. On Windows, and on network file systems without
    it, only one process may use a file that is rotated.

    Args:
        options: Where and how.
        background: Runs compression and deletion; without it they run in
            the thread that logs.
    """

    def __init__(
        self,
        options: FileOptions,
        *,
        background: Callable[[Callable[[], None]], None] | None = None,
    ) -> None:
        self._options = options
        self._path = os.path.abspath(options.path)
        self._background = background
        # The model holds numbers, whatever it was given.
        self._mode = int(options.mode)
        self._max_bytes = int(options.max_bytes or 0)
        self._rotates = bool(self._max_bytes) or options.rotate != "none"
        self._file: LogFile | None = None
        self._torn: Identity | None = None
        self._tidy_at = 0
        self._turn = threading.RLock()

    def write(self, batch: Sequence[Event]) -> Partial | None:
        """
        Append the line of each event.

        Raises:
            Unavailable: ``disk_full``, ``file_missing``,
                ``permission_denied`` or ``io_error``.
        """
        for stored, event in enumerate(batch):
            try:
                self.append(event.time_ns, event.line)
            except Unavailable:
                if not stored:
                    raise
                return Partial(retry=batch[stored:])
        return None

    def append(self, time_ns: int, line: bytes) -> None:
        """
        Append one line.

        Raises:
            Unavailable: As :meth:`write`.
        """
        try:
            if CAN_LOCK:
                self._append(time_ns, line)
            else:
                # Windows cannot move an open file: nobody may be writing.
                with self._turn:
                    self._append(time_ns, line)
        except OSError as error:
            raise Unavailable(_reason(error)) from error

    def check(self) -> None:
        """
        Open the file, and the lock file if it is to be rotated.

        Raises:
            ConfigurationError: It cannot be opened.
        """
        try:
            self._open(0)
            if self._rotates:
                with exclusive(_lock_path(self._path), self._mode):
                    pass
        except OSError as error:
            remedy = _REMEDIES.get(_reason(error), "Choose another path.")
            msg = (
                f"Cannot write to the log file {self._path!r} (path): "
                f"{error.strerror}. {remedy}"
            )
            raise ConfigurationError(msg) from error

    def close(self) -> None:
        """Let go of the file; the next event opens it again."""
        self._file = None

    def after_fork(self) -> None:
        """Let a child open the file for itself when it logs."""
        self._file = None
        self._turn = threading.RLock()

    def _append(self, time_ns: int, line: bytes) -> None:
        file = self._file
        if file is None or time_ns >= file.look_at:
            file = self._look(time_ns)
            self._tidy(time_ns)
        try:
            size = os.write(file.descriptor, line)
        except OSError:
            self._file = None
            if file.is_open():
                raise
            # The program closed descriptors that it did not know.
            file = self._file = self._open(time_ns)
            size = os.write(file.descriptor, line)
        if size != len(line):
            self._finish(file, line[size:])
        if (
            file.limit
            and os.lseek(file.descriptor, 0, os.SEEK_CUR) >= file.limit
        ):
            file = self._leave(file, time_ns, line)
            self._tidy(time_ns)

    def _finish(self, file: LogFile, rest: bytes) -> None:
        """Write the rest of a line, or remember that its tail is torn."""
        try:
            while rest:
                rest = rest[os.write(file.descriptor, rest) :]
        except OSError:
            self._torn = file.identity
            self._file = None
            raise

    def _look(self, time_ns: int) -> LogFile:
        """Return the file to use for the second that begins now."""
        file = self._file
        if file is None or not file.is_current():
            file = self._file = self._open(time_ns)
            self._tidy_at = 0
        if time_ns >= file.period_end:
            file = self._switch(file, time_ns)
        file.look_at = min(time_ns + rotation.SECOND, file.period_end)
        return file

    def _open(self, time_ns: int) -> LogFile:
        file = open_log(self._path, self._mode, self._torn)
        self._torn = None
        file.period_end = rotation.NEVER
        began = file.began(time_ns)
        if began is not None:
            file.limit = self._max_bytes
            file.period_end = rotation.period_end(began, self._options.rotate)
        file.look_at = min(time_ns + rotation.SECOND, file.period_end)
        return file

    def _leave(self, full: LogFile, time_ns: int, line: bytes) -> LogFile:
        """Return the next file, with *line* if the *full* one loses it."""
        # Another process may have rotated it before our line got there, and
        # deleted it as one too many.
        file = self._switch(full, time_ns)
        if file is not full and full.is_deleted():
            self._append(time_ns, line)
        return file

    def _switch(self, due: LogFile, time_ns: int) -> LogFile:
        """Move a file away, unless somebody has, and return the next."""
        try:
            with exclusive(_lock_path(self._path), self._mode) as alone:
                if not alone:
                    return due
                if due.is_current() and not due.is_empty():
                    self._move_away(due, time_ns)
                file = self._open(time_ns)
        except OSError as error:
            complain(
                f"rotation of {self._path}",
                f"cannot rotate {self._path!r}: {error.strerror}. "
                "Events go to the same file; it grows.",
            )
            if time_ns >= due.period_end:
                due.period_end = time_ns + rotation.MINUTE
            due.limit += self._max_bytes
            return due
        self._file = file
        self._tidy_at = 0
        return file

    def _move_away(self, file: LogFile, time_ns: int) -> None:
        path = os.path.realpath(self._path)
        target = rotation.free_name(path, time_ns, os.path.lexists)
        if not CAN_LOCK:
            file.close()
        os.rename(path, target)

    def _tidy(self, time_ns: int) -> None:
        """Compress and delete rotated files if it is time."""
        if not self._rotates or time_ns < self._tidy_at:
            return
        self._tidy_at = time_ns + rotation.HOUR
        if self._background is None:
            self._sweep(time_ns)
        else:
            self._background(lambda: self._sweep(time_ns))

    def _sweep(self, time_ns: int) -> None:
        path = os.path.realpath(self._path)
        backups, max_age = self._options.backups, self._options.max_age
        try:
            _archive.delete_expired(path, time_ns, backups, max_age)
            if self._options.compress and not _archive.compress_all(path):
                self._tidy_at = time_ns + rotation.MINUTE
        except OSError as error:
            complain(
                f"rotated files of {path}",
                f"cannot compress or delete rotated files of {path!r}: "
                f"{error.strerror}. They stay until the next rotation.",
            )


def _lock_path(path: str) -> str:
    folder, base = os.path.split(os.path.realpath(path))
    return os.path.join(folder, rotation.lock_name(base))


def _reason(error: OSError) -> str:
    return _REASONS.get(error.errno or 0, "io_error")
