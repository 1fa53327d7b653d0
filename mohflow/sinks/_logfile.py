"""
One open log file, and who may still write to it.

Whoever holds a log file open for writing holds a shared ``flock`` on it, from
before the first line until the descriptor is gone. So whoever gets the
exclusive lock on a rotated file knows that no line can be added to it any
more. A forked child shares the descriptor and the lock, which is right: it
may still write.
"""

from __future__ import annotations

import contextlib
import os
import stat

from collections.abc import Callable, Iterator


try:
    import fcntl
except ImportError:
    fcntl = None  # type: ignore[assignment]

CAN_LOCK = fcntl is not None
_APPEND = os.O_WRONLY | os.O_APPEND | getattr(os, "O_BINARY", 0)
_ATTEMPTS = 100

Identity = tuple[int, int]


def lock(descriptor: int, *, alone: bool) -> bool:
    """
    Lock a file without waiting; tell whether no other lock stands in the way.

    Where files cannot be locked the answer is always yes.
    """
    if fcntl is None:
        return True
    how = fcntl.LOCK_EX if alone else fcntl.LOCK_SH
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        # A file system without locks; FileSink says what that costs.
        return True
    return True


@contextlib.contextmanager
def exclusive(path: str, mode: int) -> Iterator[bool]:
    """Hold the lock file *path*; give False if somebody else holds it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, mode)
    try:
        yield lock(descriptor, alone=True)
    finally:
        if fcntl is not None:
            # Closing is not enough: a child forked meanwhile has it open.
            with contextlib.suppress(OSError):
                fcntl.flock(descriptor, fcntl.LOCK_UN)
        os.close(descriptor)


class LogFile:
    """
    A log file open for appending.

    The descriptor is closed when the last reference is gone, hence never
    while another thread is about to write to it.
    """

    __slots__ = (
        "_identity",
        "descriptor",
        "limit",
        "look_at",
        "path",
        "period_end",
    )

    def __init__(self, path: str, mode: int) -> None:
        self.path = path
        self.descriptor = _open(path, mode)
        self._identity = _identify(os.fstat(self.descriptor))
        self.limit = 0
        """Bytes at which the file is full, 0 if never."""
        self.period_end = 0
        self.look_at = 0
        """When the path must be looked at again before a line is written."""

    def __del__(self, close: Callable[[int], None] = os.close) -> None:
        if self.is_open():
            close(self.descriptor)

    @property
    def identity(self) -> Identity:
        """Tell this file from every other that exists now."""
        return self._identity

    def is_open(self) -> bool:
        """
        Tell whether the descriptor still is the file that was opened.

        A program that closes all descriptors, as daemons do, closes this one
        too, and may reuse its number; from then on it is not ours to close.
        """
        try:
            ours = _identify(os.fstat(self.descriptor)) == self._identity
        except (AttributeError, OSError):
            ours = False
        if not ours:
            self.descriptor = -1
        return ours

    def is_current(self) -> bool:
        """Tell whether the path still leads to this file."""
        try:
            named = os.stat(self.path)
        except PermissionError:
            # Rights were given up after opening: the descriptor still works.
            return self.is_open()
        except OSError:
            return False
        return _identify(named) == self._identity and self.is_open()

    def is_deleted(self) -> bool:
        """Tell whether what was written to this file is lost."""
        return self.is_open() and os.fstat(self.descriptor).st_nlink == 0

    def is_empty(self) -> bool:
        """Tell whether nothing was written to this file."""
        return os.fstat(self.descriptor).st_size == 0

    def began(self, now: int) -> int | None:
        """
        Return a time in the period that the file belongs to.

        A device or a pipe belongs to none; it cannot be rotated.
        """
        state = os.fstat(self.descriptor)
        if not stat.S_ISREG(state.st_mode):
            return None
        return state.st_mtime_ns if state.st_size else now

    def close(self) -> None:
        """Close the descriptor now, though others may be about to write."""
        os.close(self.descriptor)
        self.descriptor = -1

    def ends_torn(self) -> bool:
        """Tell whether the file at the path ends in half a line."""
        state = os.fstat(self.descriptor)
        if not stat.S_ISREG(state.st_mode) or not state.st_size:
            return False
        try:
            with open(self.path, "rb") as file:
                file.seek(-1, os.SEEK_END)
                return file.read(1) != b"\n"
        except OSError:
            # May be written but not read, or was truncated just now.
            return False


def open_log(path: str, mode: int, torn: Identity | None) -> LogFile:
    """
    Open the file that *path* leads to now, and create it if need be.

    Half a line at the end is ended first: in the file that is known to be
    *torn*, and in any file that nobody else writes to, where it can only be
    what a killed process or a full disk left.
    """
    for _ in range(_ATTEMPTS):
        file = LogFile(path, mode)
        if file.identity == torn or (
            file.ends_torn()
            and lock(file.descriptor, alone=True)
            and file.ends_torn()
        ):
            os.write(file.descriptor, b"\n")
            torn = None
        if lock(file.descriptor, alone=False) and file.is_current():
            return file
    # Only a process that was stopped while it mended the file holds it so
    # long; without the lock a line may at worst miss the compressed file.
    return file


def _identify(state: os.stat_result) -> Identity:
    return state.st_dev, state.st_ino


def _open(path: str, mode: int) -> int:
    with contextlib.suppress(FileNotFoundError):
        return os.open(path, _APPEND)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    try:
        descriptor = os.open(path, _APPEND | os.O_CREAT | os.O_EXCL, mode)
    except FileExistsError:
        # Another process was faster, or it is a symbolic link to nowhere.
        return os.open(path, _APPEND | os.O_CREAT, mode)
    with contextlib.suppress(PermissionError, AttributeError):
        # The umask took bits away; some file systems have no modes.
        os.fchmod(descriptor, mode)
    return descriptor
