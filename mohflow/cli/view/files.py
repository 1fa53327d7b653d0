"""Find and open the files that a person names."""

from __future__ import annotations

import errno
import os
import re
import stat
import sys
import zlib

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple

from mohflow.cli.view.conditions import Mistake
from mohflow.cli.view.lines import BLOCK


try:
    import fcntl
except ImportError:  # pragma: no cover
    fcntl = None  # type: ignore[assignment]


STDIN = "-"

_SIBLING = re.compile(r"[.-]([0-9][0-9TZ.:_-]*?)(\.gz)?")
_GZIP = b"\x1f\x8b"


class Source(NamedTuple):
    """A file that is open for reading."""

    name: str
    descriptor: int
    size: int | None
    """Bytes of a plain file, else ``None``: it can only be read forwards."""
    is_packed: bool


def check(names: list[str]) -> None:
    """
    Make sure that every one of *names* can be read.

    Raises:
        Mistake: One cannot.
    """
    for name in names:
        if name == STDIN:
            continue
        try:
            mode = os.stat(name).st_mode
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise _mistake(name, reason) from None
        if stat.S_ISDIR(mode):
            raise _mistake(name, os.strerror(errno.EISDIR))
        if not os.access(name, os.R_OK):
            raise _mistake(name, os.strerror(errno.EACCES))


def _mistake(name: str, reason: str) -> Mistake:
    return Mistake(f"cannot read {name!r}: {reason}.")


def with_rotated(name: str) -> list[str]:
    """
    Return the rotated files of *name*, the oldest first, and *name*.

    Understood are ours, and those of logrotate and :mod:`logging`: a number
    that grows with age, or a date. Of a file and its compressed form, the
    file counts.
    """
    folder, base = os.path.split(name)
    found: dict[str, str] = {}
    for sibling in sorted(os.listdir(folder or "."), reverse=True):
        parts = sibling.startswith(base) and _SIBLING.fullmatch(
            sibling, len(base)
        )
        if parts:
            found[parts[1]] = os.path.join(folder, sibling)
    return [found[mark] for mark in sorted(found, key=_age)] + [name]


def _age(mark: str) -> tuple[bool, int, str]:
    """Sort dates, then falling numbers: the smallest is the youngest."""
    is_number = mark.isdecimal() and len(mark) < 6
    return is_number, -int(mark) if is_number else 0, mark


@contextmanager
def opened(name: str) -> Iterator[Source]:
    """Open *name*; stdin is taken as it is and stays open."""
    if name == STDIN:
        yield _source("stdin", sys.stdin.fileno())
        return
    descriptor = os.open(name, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    try:
        yield _source(name, descriptor)
    finally:
        os.close(descriptor)


def _source(name: str, descriptor: int) -> Source:
    state = os.fstat(descriptor)
    if stat.S_ISFIFO(state.st_mode):
        _widen(descriptor)
    if not stat.S_ISREG(state.st_mode):
        return Source(name, descriptor, None, is_packed=False)
    if os.lseek(descriptor, 0, os.SEEK_CUR):
        return Source(name, descriptor, None, is_packed=False)
    if os.pread(descriptor, 2, 0) == _GZIP:
        return Source(name, descriptor, None, is_packed=True)
    return Source(name, descriptor, state.st_size, is_packed=False)


def _widen(pipe: int) -> None:
    """Let a pipe hold a block: writer and reader wait for each other less."""
    if fcntl is not None and hasattr(fcntl, "F_SETPIPE_SZ"):
        # Without the right to as much, it keeps its size.
        with suppress(OSError):
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, BLOCK)


def reader(source: Source) -> Callable[[], bytes]:
    """Return what reads the next bytes of *source*; none are its end."""
    if source.is_packed:
        return _unpacked(source.descriptor).__next__
    return lambda: os.read(source.descriptor, BLOCK)


def _unpacked(descriptor: int) -> Iterator[bytes]:
    """
    Yield what a gzip file holds, and nothing at its end.

    Raises:
        zlib.error: It is damaged.
        EOFError: Its end is missing; all before it was yielded.
    """
    packed = os.read(descriptor, BLOCK)
    while packed:
        unpacker = zlib.decompressobj(16 + zlib.MAX_WBITS)
        while not unpacker.eof:
            if not packed and not (packed := os.read(descriptor, BLOCK)):
                msg = "its end is missing"
                raise EOFError(msg)
            data = unpacker.decompress(packed, BLOCK)
            packed = unpacker.unconsumed_tail
            if data:
                yield data
        # Members follow each other, perhaps with zeros between or behind.
        packed = unpacker.unused_data.lstrip(b"\0")
        packed = packed or os.read(descriptor, BLOCK)
    while True:
        yield b""
