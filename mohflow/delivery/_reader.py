"""Read the segments of a spool in order, a little ahead of the deliveries."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import NamedTuple

from mohflow._event import Event
from mohflow.delivery import _segment
from mohflow.delivery._segment_file import SegmentFile


class Read(NamedTuple):
    """An event, and where it was read."""

    event: Event
    segment: SegmentFile
    offset: int
    """Where its record ends."""
    records: int
    """Records of the segment up to there."""


class Reader:
    """
    Decode records once, though they are peeked at several times.

    In memory are what was peeked at and the bytes of one segment.

    Args:
        segments: All there are, the oldest first; may change if
            :meth:`rewind` is called after anything but an addition at the
            end.
        lost: Is told of records that are not there any more: their segment,
            their number and the reason.
    """

    def __init__(
        self,
        segments: Iterable[SegmentFile],
        lost: Callable[[SegmentFile, int, str], None],
    ) -> None:
        self._segments = segments
        self._lost = lost
        self._peeked: list[Read] = []
        self._ahead: deque[Read] = deque()
        self._places: dict[SegmentFile, tuple[int, int]] = {}
        self._loaded: tuple[SegmentFile | None, int, bytes] = (None, 0, b"")
        self.pinned: frozenset[SegmentFile] = frozenset()
        """Segments of which something is peeked at and not acknowledged."""
        self.skipped_bytes = 0

    def peek(self, max_events: int, max_bytes: int) -> list[Event]:
        """
        Return the oldest events, at least one if there is any.

        Raises:
            OSError: A segment cannot be read now.
        """
        self._peeked = []
        self.pinned = frozenset()
        size = 0
        try:
            for read in islice(self._reads(), max_events):
                size += len(read.event.line)
                if self._peeked and size > max_bytes:
                    break
                self._peeked.append(read)
        except OSError:
            if not self._peeked:
                raise
        self.pinned = frozenset(read.segment for read in self._peeked)
        return [read.event for read in self._peeked]

    def read_ahead(self, count: int, max_events: int, max_bytes: int) -> bool:
        """
        Decode *count* more records for the next :meth:`peek` of such bounds.

        Returns:
            Whether that peek still has records to decode.

        Raises:
            OSError: A segment cannot be read now.
        """
        size = sum(len(read.event.line) for read in self._ahead)
        for _ in range(count):
            if len(self._ahead) >= max_events or size > max_bytes:
                return False
            read = self._next()
            if read is None:
                return False
            self._ahead.append(read)
            size += len(read.event.line)
        return True

    def take(self, count: int) -> list[Read]:
        """Return the first *count* of what was peeked at; end the peek."""
        taken, self._peeked = self._peeked[:count], []
        self.pinned = frozenset()
        for read in taken:
            if self._ahead and self._ahead[0][1:] == read[1:]:
                self._ahead.popleft()
        return taken

    def first(self) -> Event | None:
        """
        Return the oldest event, and leave what was peeked at as it is.

        Raises:
            OSError: A segment cannot be read now.
        """
        return next((read.event for read in self._reads()), None)

    def rewind(self) -> None:
        """Read again from where the segments are acknowledged."""
        self._ahead.clear()
        self._places.clear()
        self._loaded = (None, 0, b"")

    def _reads(self) -> Iterator[Read]:
        yield from tuple(self._ahead)
        while (read := self._next()) is not None:
            self._ahead.append(read)
            yield read

    def _next(self) -> Read | None:
        for segment in self._segments:
            try:
                read = self._decode(segment)
            except FileNotFoundError:
                self._lost(segment, segment.left, "spool_missing")
                continue
            if read is not None:
                return read
        return None

    def _decode(self, segment: SegmentFile) -> Read | None:
        """Return the next intact record of *segment*, if there is one."""
        done = segment.done[:2]
        at, count = max(self._places.get(segment, done), done)
        while at < segment.end.offset:
            base, data = self._load(segment, at)
            found = _segment.decode(data, at - base)
            if found is not None:
                read = Read(found[0], segment, base + found[1], count + 1)
                self._places[segment] = (read.offset, read.records)
                return read
            skipped, at = at, base + _segment.next_record(data, at - base + 1)
            if at >= base + len(data):
                # A file that was cut short ends before it should.
                at = segment.end.offset
            self.skipped_bytes += segment.skip(skipped, at)
        if count < segment.end.records:
            self._places[segment] = (at, count)
            self._lost(segment, segment.end.records - count, "spool_damaged")
        return None

    def _load(self, segment: SegmentFile, at: int) -> tuple[int, bytes]:
        """Return bytes from *at* or before it up to the end of a record."""
        loaded, base, data = self._loaded
        if loaded is not segment or not base <= at < base + len(data):
            base, data = at, segment.read(at)
            self._loaded = (segment, base, data)
        return base, data
