"""
Read lines in blocks, forwards and backwards, in bounded memory.

A line that is longer than ``MAX_LINE`` is cut there: it is no event.
"""

from __future__ import annotations

import os
import zlib

from collections.abc import Callable, Iterator


BLOCK = 1 << 20
"""Bytes that are read at once."""

MAX_LINE = 16 << 20

Lines = list[bytes]


class Splitter:
    """Make lines of the pieces of a stream."""

    def __init__(self) -> None:
        self.rest = b""
        """What came after the last newline."""
        self._is_cut = False

    def lines(self, data: bytes) -> Lines:
        """Return the lines that *data* ends, without their newlines."""
        if self._is_cut:
            _, newline, data = data.partition(b"\n")
            if not newline:
                return []
            self._is_cut = False
        lines = (self.rest + data).split(b"\n")
        self.rest = lines.pop()
        if len(self.rest) > MAX_LINE:
            lines.append(self.rest[:MAX_LINE])
            self.rest = b""
            self._is_cut = True
        return lines


def forwards(read: Callable[[], bytes]) -> Iterator[Lines]:
    """
    Yield the lines of what *read* returns until it returns nothing.

    What was read before *read* fails is yielded before that is raised.
    """
    splitter = Splitter()
    failure = None
    try:
        while data := read():
            if lines := splitter.lines(data):
                yield lines
    except (EOFError, OSError, zlib.error) as error:
        failure = error
    if splitter.rest:
        yield [splitter.rest]
    if failure is not None:
        raise failure


def between(descriptor: int, start: int, end: int) -> Iterator[Lines]:
    """
    Yield the lines of a file that begin at *start* or later, before *end*.

    So every line of a file belongs to exactly one of its parts.
    """
    splitter = Splitter()
    is_first = start > 0
    if is_first:
        # A newline before the start makes it the beginning of a line.
        start -= 1
    while start < end and (data := os.pread(descriptor, BLOCK, start)):
        if is_first:
            skipped = data.find(b"\n") + 1
            start += skipped or len(data)
            is_first = not skipped
            continue
        data = data[: end - start]
        start += len(data)
        if lines := splitter.lines(data):
            yield lines
    if splitter.rest:
        yield [splitter.rest + _to_newline(descriptor, end)]


def _to_newline(descriptor: int, start: int) -> bytes:
    """Return what stands between *start* and the next newline."""
    found = b""
    while len(found) < MAX_LINE:
        data = os.pread(descriptor, BLOCK, start + len(found))
        piece, newline, _ = data.partition(b"\n")
        found += piece
        if newline or not data:
            break
    return found


def backwards(descriptor: int, end: int) -> Iterator[Lines]:
    """Yield blocks of lines before *end*, the last block first."""
    rest = b""
    is_last = True
    while end > 0:
        start = max(end - BLOCK, 0)
        lines = (os.pread(descriptor, end - start, start) + rest).split(b"\n")
        end = start
        rest = lines.pop(0)[:MAX_LINE]
        if is_last and lines:
            # A newline ends a line; it does not begin one.
            lines = lines if lines[-1] else lines[:-1]
            is_last = False
        if lines:
            yield lines
    if rest or not is_last:
        yield [rest]


def end_of_lines(descriptor: int) -> int:
    """Return where a file's last whole line ends."""
    end = os.fstat(descriptor).st_size
    while end > 0:
        start = max(end - BLOCK, 0)
        place = os.pread(descriptor, end - start, start).rfind(b"\n")
        if place >= 0:
            return start + place + 1
        end = start
    return 0
