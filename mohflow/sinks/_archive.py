"""Compress and delete rotated log files, beside processes that log."""

from __future__ import annotations

import os
import stat
import zlib

from contextlib import suppress
from typing import BinaryIO

from mohflow.sinks import rotation
from mohflow.sinks._logfile import lock


_CHUNK = 1 << 20
_GZIP = 16 + zlib.MAX_WBITS


def delete_expired(
    path: str, now: int, backups: int | None, max_age: float | None
) -> None:
    """Delete the rotated files of *path* that are too many or too old."""
    folder, base = os.path.split(path)
    names = os.listdir(folder)
    for name in rotation.expired(base, names, now, backups, max_age):
        with suppress(FileNotFoundError):
            os.unlink(os.path.join(folder, name))


def compress_all(path: str) -> bool:
    """
    Compress the rotated files of *path*, also those of a killed process.

    Returns:
        Whether all are compressed; one that a process can still write to is
        left alone.
    """
    folder, base = os.path.split(path)
    names = os.listdir(folder)
    for name in rotation.abandoned(base, names):
        with suppress(FileNotFoundError):
            os.unlink(os.path.join(folder, name))
    return all([_compress(folder, n) for n in rotation.unpacked(base, names)])


def _compress(folder: str, name: str) -> bool:
    """
    Replace one file by its compressed form, at no time having neither.

    A process killed on the way leaves the original; doing it again gives the
    same result.
    """
    original = os.path.join(folder, name)
    try:
        with open(original, "r+b") as file:
            if not lock(file.fileno(), alone=True):
                return False
            if os.fstat(file.fileno()).st_nlink:
                unfinished = os.path.join(
                    folder, rotation.unfinished_name(name)
                )
                _pack(file, unfinished)
                os.replace(unfinished, original + rotation.PACKED)
    except FileNotFoundError:
        # Another process deleted it, or was faster.
        return True
    with suppress(FileNotFoundError):
        os.unlink(original)
    return True


def _pack(file: BinaryIO, target: str) -> None:
    """Write *file* compressed to *target* with the same mode and times."""
    state = os.fstat(file.fileno())
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0)
    descriptor = os.open(target, flags, stat.S_IMODE(state.st_mode))
    try:
        with open(descriptor, "wb") as raw:
            packer = zlib.compressobj(wbits=_GZIP)
            while chunk := file.read(_CHUNK):
                raw.write(packer.compress(chunk))
            raw.write(packer.flush())
            raw.flush()
            # The original goes next: a power cut must not take both.
            os.fsync(raw.fileno())
        os.chmod(target, stat.S_IMODE(state.st_mode))
        os.utime(target, ns=(state.st_atime_ns, state.st_mtime_ns))
    except OSError:
        with suppress(FileNotFoundError):
            os.unlink(target)
        raise
