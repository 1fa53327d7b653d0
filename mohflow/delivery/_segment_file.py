"""One segment of a spool on disk, and how far it has been acknowledged."""

from __future__ import annotations

import contextlib
import os

from pathlib import Path

from mohflow.delivery import _segment
from mohflow.delivery._files import identify, write_all
from mohflow.delivery._segment import HEADER_BYTES, Mark, Piece


SUFFIX = ".spool"


def segment_name(number: int) -> str:
    """Return a file name; names sort as their numbers do."""
    return f"{number:020d}{SUFFIX}"


def segment_number(path: Path) -> int:
    """Return the number that :func:`segment_name` was given."""
    return int(path.stem)


class SegmentFile:
    """
    A segment that one process reads, and writes until it is sealed.

    Every write goes to a known offset, so half a write is overwritten by the
    next one.

    Args:
        path: Where it is.
        first_ns: The time of its first record.
    """

    __slots__ = (
        "_descriptor",
        "_identity",
        "_seen",
        "done",
        "end",
        "first_ns",
        "path",
        "skipped",
    )

    def __init__(self, path: Path, first_ns: int) -> None:
        self.path = path
        self.first_ns = first_ns
        self.done = self.end = Mark(HEADER_BYTES, 0, first_ns)
        """Up to where it is acknowledged, and up to where it is written."""
        self.skipped = 0
        """Bytes that belong to no intact record."""
        self._seen = 0
        self._descriptor = -1

    @classmethod
    def create(cls, path: Path, first_ns: int) -> SegmentFile:
        """
        Make a new file for a record of the time *first_ns* and later ones.

        Raises:
            OSError: It cannot be made.
        """
        segment = cls(path, first_ns)
        segment._open(os.O_RDWR | os.O_CREAT | os.O_EXCL)
        return segment

    @classmethod
    def load(cls, path: Path) -> SegmentFile | None:
        """
        Return what a dead process left at *path*, sealed.

        ``None`` if another version wrote it.

        Raises:
            OSError: It cannot be read.
        """
        segment = cls(path, 0)
        try:
            size = os.fstat(segment._file()).st_size
            data = os.pread(segment._file(), HEADER_BYTES, 0)
            header = _segment.decode_header(data)
            if header is None:
                return None
            segment.first_ns, segment.done, seal = header
            if seal is None:
                segment._survey()
            else:
                segment.end = seal._replace(offset=min(seal.offset, size))
        finally:
            segment.close()
        return segment

    @property
    def left(self) -> int:
        """Return how many records are not acknowledged."""
        return self.end.records - self.done.records

    def is_intact(self) -> bool:
        """Tell whether the file is open, ours, and was not deleted."""
        try:
            state = os.fstat(self._descriptor)
        except OSError:
            return False
        return state.st_nlink > 0 and identify(state) == self._identity

    def append(self, piece: Piece) -> None:
        """
        Write records with one system call.

        Raises:
            OSError: Call :meth:`cut` then.
        """
        end = self.end
        if end.records:
            write_all(self._descriptor, piece.data, end.offset)
        else:
            header = _segment.encode_header(self.first_ns)
            write_all(self._descriptor, header + piece.data, 0)
        self.end = Mark(
            end.offset + len(piece.data),
            end.records + piece.records,
            max(end.time_ns, piece.latest_ns),
        )

    def cut(self, end: Mark) -> None:
        """Take back what was written behind *end*."""
        self.end = end
        # Where this fails, the next write overwrites what is left there.
        with contextlib.suppress(OSError):
            os.ftruncate(self._file(), end.offset)

    def seal(self) -> None:
        """Note that nothing is added, so that nobody need count again."""
        # Without the note the records are counted one by one.
        with contextlib.suppress(OSError):
            mark = _segment.encode_mark(self.end)
            write_all(self._file(), mark, _segment.SEAL_AT)
            if os.fstat(self._descriptor).st_nlink:
                # What was deleted can only be read while it is open.
                self.close()

    def acknowledge(self) -> None:
        """
        Note that nothing before :attr:`done` need be sent again.

        Raises:
            OSError: The next process will send it again.
        """
        mark = _segment.encode_mark(self.done)
        write_all(self._file(), mark, _segment.PROGRESS_AT)

    def read(self, offset: int) -> bytes:
        """
        Return all that is written from *offset* on.

        Raises:
            OSError: The file is gone or cannot be read.
        """
        return os.pread(self._file(), self.end.offset - offset, offset)

    def skip(self, start: int, stop: int) -> int:
        """Return how many bytes from *start* to *stop* were not known bad."""
        fresh = max(0, stop - max(start, self._seen))
        self._seen = max(self._seen, stop)
        self.skipped += fresh
        return fresh

    def lose(self, count: int) -> None:
        """Note that *count* records turned out not to be there."""
        self.end = self.end._replace(records=self.end.records - count)

    def remove(self) -> None:
        """
        Delete the file.

        Raises:
            OSError: It is still there.
        """
        self.close()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path)

    def discard(self) -> None:
        """Delete a file that nobody relies on, if that can be done."""
        with contextlib.suppress(OSError):
            self.cut(self.end._replace(offset=0))
            self.remove()

    def close(self) -> None:
        """Let go of the file; it is opened again when it is needed."""
        if self._is_ours():
            os.close(self._descriptor)
        self._descriptor = -1

    def _is_ours(self) -> bool:
        """
        Tell whether the descriptor still is the file that was opened.

        A program that closes all descriptors, as daemons do, closes this one
        too, and may reuse its number.
        """
        try:
            return identify(os.fstat(self._descriptor)) == self._identity
        except OSError:
            return False

    def _file(self) -> int:
        if not self._is_ours():
            try:
                self._open(os.O_RDWR)
            except FileNotFoundError:
                raise
            except OSError:
                self._open(os.O_RDONLY)
        return self._descriptor

    def _open(self, flags: int) -> None:
        self._descriptor = os.open(self.path, flags, 0o600)
        self._identity = identify(os.fstat(self._descriptor))

    def _survey(self) -> None:
        size = os.fstat(self._file()).st_size
        data = os.pread(self._file(), size, 0)
        found, self.skipped = _segment.survey(data, self.done.offset)
        records = self.done.records + found.records
        latest = max(found.time_ns, self.done.time_ns)
        self.end = Mark(found.offset, records, latest)
        self._seen = size
        self.seal()
