"""What the parts that write to disk share."""

from __future__ import annotations

import contextlib
import errno
import os


try:
    import fcntl
except ImportError:
    fcntl = None  # type: ignore[assignment]

_REASONS = {
    errno.ENOSPC: "disk_full",
    errno.EDQUOT: "disk_full",
    errno.EFBIG: "disk_full",
    errno.ENOENT: "folder_missing",
    errno.ENOTDIR: "folder_missing",
    errno.EEXIST: "folder_missing",
    errno.ENOLCK: "no_locks",
    errno.EACCES: "permission_denied",
    errno.EPERM: "permission_denied",
    errno.EROFS: "permission_denied",
}

Identity = tuple[int, int]


def reason_of(error: OSError) -> str:
    """Return the one or two words that a :class:`SpoolError` carries."""
    return _REASONS.get(error.errno or 0, "io_error")


def identify(state: os.stat_result) -> Identity:
    """Tell a file from every other that exists now."""
    return state.st_dev, state.st_ino


def lock(descriptor: int) -> bool:
    """
    Lock a file for this process alone, without waiting; tell if it worked.

    The lock belongs to the open file, not to the number: it lasts until
    :func:`unlock`, or until the last copy of the descriptor is closed, hence
    until the process and the children that it forked are dead. Where files
    cannot be locked the answer is no.
    """
    if fcntl is None:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def share(descriptor: int) -> None:
    """
    Wait until nobody has the file for himself; then nobody gets it.

    It lasts as long as what :func:`lock` does. Where files cannot be locked
    nothing happens.
    """
    if fcntl is not None:
        with contextlib.suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_SH)


def is_locked(path: str | os.PathLike[str]) -> bool:
    """Return whether a process has the file at *path* for itself."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        if fcntl is not None:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False


def unlock(descriptor: int) -> None:
    """Give up the lock for every process that has a copy, and close ours."""
    try:
        if fcntl is not None:
            fcntl.flock(descriptor, fcntl.LOCK_UN)
    finally:
        os.close(descriptor)


def write_all(descriptor: int, data: bytes, offset: int) -> None:
    """
    Write *data* at *offset*; normally with one system call.

    Raises:
        OSError: Some of it may have been written.
    """
    written = os.pwrite(descriptor, data, offset)
    while written < len(data):
        written += os.pwrite(descriptor, data[written:], offset + written)
