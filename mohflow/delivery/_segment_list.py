"""The segments of one process in order, and how much is in them."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator
from pathlib import Path

from mohflow.delivery._segment import Mark, Piece
from mohflow.delivery._segment_file import SegmentFile
from mohflow.diagnostics import complain


class SegmentList:
    """Every change of a segment goes through here, so the totals are true."""

    def __init__(self) -> None:
        self._segments: deque[SegmentFile] = deque()
        self.events = 0
        self.bytes = 0
        self.disk_bytes = 0
        self.lost: Counter[str] = Counter()

    def __iter__(self) -> Iterator[SegmentFile]:
        return iter(self._segments)

    def add_last(self, segment: SegmentFile) -> None:
        """Put *segment* behind all others."""
        self._segments.append(segment)
        self._count(segment, 1)

    def add_first(self, segments: list[SegmentFile]) -> None:
        """Put *segments* before all others, in their order."""
        self._segments.extendleft(reversed(segments))
        for segment in segments:
            self._count(segment, 1)

    def write(self, segment: SegmentFile, piece: Piece) -> None:
        """
        Add records to *segment*.

        Raises:
            OSError: Call :meth:`cut` then.
        """
        self._count(segment, -1)
        try:
            segment.append(piece)
        finally:
            self._count(segment, 1)

    def cut(self, segment: SegmentFile, end: Mark) -> None:
        """Take back what was added to *segment* behind *end*."""
        self._count(segment, -1)
        segment.cut(end)
        self._count(segment, 1)
        if not end.records:
            self.remove(segment)

    def acknowledge(self, segment: SegmentFile, done: Mark) -> None:
        """Forget the records of *segment* before *done*."""
        self._count(segment, -1)
        segment.done = done
        self._count(segment, 1)
        if segment.left:
            _save_progress(segment)
        else:
            self.remove(segment)

    def lose(self, segment: SegmentFile, count: int, reason: str) -> None:
        """Count records of *segment* that nobody will ever read."""
        self._count(segment, -1)
        segment.lose(count)
        self._count(segment, 1)
        self.lost[reason] += count

    def drop(self, segment: SegmentFile, reason: str) -> None:
        """Delete *segment* though not all of it is acknowledged."""
        self.lost[reason] += segment.left
        self.remove(segment)

    def remove(self, segment: SegmentFile) -> None:
        """Forget *segment*, and delete its file."""
        self._count(segment, -1)
        self._segments.remove(segment)
        try:
            segment.remove()
        except OSError:
            segment.done = segment.end
            _save_progress(segment)
            segment.close()

    def recount(self) -> None:
        """Count again what is there: a call may have been cut short."""
        self.events = self.bytes = self.disk_bytes = 0
        for segment in self._segments:
            self._count(segment, 1)

    def close(self) -> None:
        """Let go of all files."""
        for segment in self._segments:
            segment.close()

    def _count(self, segment: SegmentFile, sign: int) -> None:
        self.events += sign * segment.left
        self.bytes += sign * (segment.end.offset - segment.done.offset)
        self.disk_bytes += sign * segment.end.offset


def _save_progress(segment: SegmentFile) -> None:
    try:
        segment.acknowledge()
    except FileNotFoundError:
        # What is gone cannot be sent again.
        return
    except OSError as error:
        complain(
            f"spool {segment.path.parent}",
            f"cannot note progress in {str(segment.path)!r}: "
            f"{error.strerror}. If this process dies, its successor sends "
            "events again.",
        )


def load(paths: list[Path]) -> list[SegmentFile]:
    """Open segments of dead processes; say what is wrong with them."""
    segments = []
    for path in paths:
        try:
            segment = SegmentFile.load(path)
        except OSError as error:
            complain(
                f"spool segment {path.parent}",
                f"cannot read {str(path)!r}: {error.strerror}. It stays for "
                "the process that comes after this one.",
            )
            continue
        if segment is not None:
            segments.append(segment)
    skipped = sum(segment.skipped for segment in segments)
    if skipped:
        complain(
            f"spool damage {paths[0].parent}",
            f"{skipped} bytes in {str(paths[0].parent)!r} belong to no whole "
            "event: a process was killed as it wrote, or a file is damaged. "
            "They are passed over.",
        )
    return segments
