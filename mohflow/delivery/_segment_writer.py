"""Where the events of a spool are written: new segments in our folder."""

from __future__ import annotations

import errno

from collections.abc import Iterable, Iterator
from pathlib import Path

from mohflow._event import Event
from mohflow.delivery._files import reason_of
from mohflow.delivery._segment import (
    HEADER_BYTES,
    Mark,
    Piece,
    encode,
    pieces,
)
from mohflow.delivery._segment_file import SegmentFile, segment_name
from mohflow.delivery._segment_list import SegmentList
from mohflow.delivery.adoption import Claim
from mohflow.exceptions import SpoolError


SEGMENT_BYTES = 4 * 1024 * 1024
SEGMENT_NS = 3600 * 10**9
"""The time that one segment may span: old records are dropped by segments."""
_MIDDLE = 10**18
"""The number of the first segment; there is room before and behind it."""


class Writer:
    """
    Write segments into the folder of this process, which it claims.

    Args:
        folder: The folder of the sink, which processes share.
        segments: The list that new segments belong to.
        max_bytes: What all segments may take together.
    """

    def __init__(
        self, folder: Path, segments: SegmentList, max_bytes: int
    ) -> None:
        self._folder = folder
        self._segments = segments
        self._segment_bytes = min(SEGMENT_BYTES, max_bytes // 4)
        self._active: SegmentFile | None = None
        self._next = _MIDDLE
        self.claim: Claim | None = None
        self.first = _MIDDLE
        """The lowest number in use."""

    def append(self, events: Iterable[Event]) -> None:
        """
        Write *events* behind all others: all of them, or none.

        Raises:
            SpoolError: None of them is on disk.
        """
        wanted = list(events)
        try:
            try:
                self._append(wanted)
            except OSError as error:
                if error.errno != errno.EFBIG:
                    raise
                # RLIMIT_FSIZE counts for each file: another may take them.
                self.retire()
                self._append(wanted)
        except OSError as error:
            raise SpoolError(reason_of(error)) from error

    def _append(self, events: Iterable[Event]) -> None:
        written: dict[SegmentFile, Mark] = {}
        try:
            for piece in self._pieces(events):
                segment = self._writable(piece)
                written.setdefault(segment, segment.end)
                self._segments.write(segment, piece)
        except OSError:
            self._undo(written)
            raise

    def prepend(
        self, events: Iterable[Event]
    ) -> tuple[list[SegmentFile], int]:
        """
        Write *events* into segments of their own: all of them, or none.

        Returns:
            The segments, and the number of the first.

        Raises:
            SpoolError: None of them is on disk.
        """
        parts = list(self._pieces(events))
        first = self.first - len(parts)
        made: list[SegmentFile] = []
        try:
            for number, piece in enumerate(parts, first):
                segment = self._create(number, piece.first_ns)
                made.append(segment)
                segment.append(piece)
                segment.seal()
        except OSError as error:
            for segment in made:
                segment.discard()
            raise SpoolError(reason_of(error)) from error
        return made, first

    def _pieces(self, events: Iterable[Event]) -> Iterator[Piece]:
        records = ((encode(event), event.time_ns) for event in events)
        return pieces(records, self._segment_bytes - HEADER_BYTES)

    def _writable(self, piece: Piece) -> SegmentFile:
        active = self._active
        if (
            active is not None
            and active.end.offset + len(piece.data) <= self._segment_bytes
            and piece.first_ns - active.first_ns < SEGMENT_NS
            and active.is_intact()
        ):
            return active
        self.retire()
        # Before it is made: no number is tried twice, whatever interrupts us.
        self._next += 1
        active = self._create(self._next - 1, piece.first_ns)
        self._segments.add_last(active)
        self._active = active
        return active

    def _create(self, number: int, first_ns: int) -> SegmentFile:
        path = self.own_folder() / segment_name(number)
        return SegmentFile.create(path, first_ns)

    def own_folder(self) -> Path:
        """Return our folder; it is made and locked when it is missing."""
        claim = self.claim
        if claim is None or not claim.is_intact():
            claim = self.claim = Claim(self._folder)
        return claim.path

    def _undo(self, written: dict[SegmentFile, Mark]) -> None:
        for segment, end in written.items():
            self._segments.cut(segment, end)
            if end.records and segment is not self._active:
                segment.seal()
        self.forget_active()

    def retire(self) -> None:
        """Add nothing more to the segment that was written last."""
        if self._active is not None:
            self._active.seal()
            self._active = None

    def forget_active(self) -> None:
        """Start a new segment if the last one has been delivered."""
        if self._active is not None and not self._active.left:
            self._active = None
