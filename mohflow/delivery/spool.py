"""
Keep the events of one sink on disk until they are delivered.

What :meth:`Spool.append` returned for survives the death of the process,
SIGKILL included, and is sent by whichever process adopts it. It is not
synced: a power cut, or a crash of the kernel, costs what the kernel had not
written yet, commonly the last half minute, and the checksums tell.
"""

from __future__ import annotations

import time

from collections.abc import Callable, Iterable
from itertools import groupby
from operator import attrgetter
from pathlib import Path

from mohflow._event import Event
from mohflow.delivery._reader import Reader
from mohflow.delivery._segment import Mark
from mohflow.delivery._segment_file import (
    SegmentFile,
    segment_number,
)
from mohflow.delivery._segment_list import SegmentList, load
from mohflow.delivery._segment_writer import Writer
from mohflow.delivery.adoption import adopt, has_siblings
from mohflow.diagnostics import complain


SECOND = 10**9
DAY = 86_400.0


class Spool:
    """
    A queue on disk: the oldest first, what is new at the end.

    Not safe for threads; its user holds a lock. Only one process writes to a
    folder, and nothing is made before there is something to write.

    Only :meth:`append` and :meth:`prepend` raise. Other faults of the disk
    are said on stderr, and nothing is forgotten because of them.

    Args:
        folder: The folder of the sink, which processes share; see
            :func:`~mohflow.delivery.adoption.sink_folder`.
        max_bytes: What the files of this process may take together.
        max_age: Seconds after which an event is not worth sending. Loki
            refuses what is older than seven days (``limits_config.
            reject_old_samples_max_age``).
        clock: Returns nanoseconds since the epoch, as events have them.
    """

    def __init__(
        self,
        folder: Path,
        *,
        max_bytes: int,
        max_age: float = 6.5 * DAY,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self.folder = Path(folder)
        self._max_bytes = max_bytes
        self._max_age_ns = int(max_age * SECOND)
        self._clock = clock
        self._begin()

    def _begin(self) -> None:
        self._segments = SegmentList()
        self._writer = Writer(self.folder, self._segments, self._max_bytes)
        self._reader = Reader(self._segments, self._segments.lose)
        self._torn_bytes = 0

    def __len__(self) -> int:
        return self._segments.events

    @property
    def bytes(self) -> int:
        """Return the size on disk of the events that wait."""
        return self._segments.bytes

    @property
    def skipped_bytes(self) -> int:
        """Return how many bytes belonged to no intact record."""
        return self._torn_bytes + self._reader.skipped_bytes

    @property
    def oldest_time_ns(self) -> int | None:
        """Return the time of the oldest event, if there is one to read."""
        try:
            event = self._reader.first()
        except OSError as error:
            self._complain("read", error)
            return None
        return event.time_ns if event else None

    def append(self, events: Iterable[Event]) -> None:
        """
        Write *events* behind all others: all of them, or none.

        Raises:
            SpoolError: None of them is on disk.
        """
        self._writer.append(events)

    def prepend(self, events: Iterable[Event]) -> None:
        """
        Write *events* before all others: all of them, or none.

        Raises:
            SpoolError: None of them is on disk.
        """
        self._insert(*self._writer.prepend(events))

    def peek(self, max_events: int, max_bytes: int) -> list[Event]:
        """
        Return the oldest events, which stay; at least one if there is any.

        Args:
            max_events: Return no more of them.
            max_bytes: Nor more bytes of lines, unless the first has more.
        """
        try:
            return self._reader.peek(max_events, max_bytes)
        except OSError as error:
            self._complain("read", error)
            return []

    def read_ahead(self, count: int, max_events: int, max_bytes: int) -> bool:
        """
        Read *count* events that the next :meth:`peek` need not read.

        Returns:
            Whether there is more to read for a peek of such bounds.
        """
        try:
            return self._reader.read_ahead(count, max_events, max_bytes)
        except OSError:
            return False  # The peek says so.

    def ack(self, count: int) -> None:
        """Forget the first *count* events of the last :meth:`peek`."""
        taken = self._reader.take(count)
        for segment, reads in groupby(taken, attrgetter("segment")):
            *_, last = reads
            done = Mark(last.offset, last.records, last.event.time_ns)
            self._segments.acknowledge(segment, done)
        self._writer.forget_active()

    def evict(self) -> dict[str, int]:
        """
        Delete the oldest segments while there is too much, or they expired.

        What is peeked at and not acknowledged stays.

        Returns:
            How many events are lost since the last call, by reason:
            ``spool_full``, ``spool_expired``, ``spool_damaged`` (a checksum
            is wrong) and ``spool_missing`` (somebody deleted the file).
        """
        segments = self._segments
        oldest_ns = self._clock() - self._max_age_ns
        pinned = self._reader.pinned
        while victim := next((s for s in segments if s not in pinned), None):
            if not victim.left:
                segments.remove(victim)
            elif segments.disk_bytes > self._max_bytes:
                segments.drop(victim, "spool_full")
            elif victim.end.time_ns < oldest_ns:
                segments.drop(victim, "spool_expired")
            else:
                break
            self._reader.rewind()
        self._writer.forget_active()
        lost = dict(segments.lost)
        segments.lost.clear()
        return lost

    def adopt(self) -> int:
        """
        Take over what dead processes left in the folder.

        Returns:
            How many events that is.
        """
        before = len(self)
        try:
            paths = self._adopt()
        except OSError as error:
            self._complain("take over", error)
            return 0
        if paths:
            segments = load(paths)
            self._torn_bytes += sum(segment.skipped for segment in segments)
            self._insert(segments, segment_number(paths[0]))
        return len(self) - before

    def recount(self) -> None:
        """Count again what is there: an append may have been cut short."""
        self._segments.recount()

    def close(self) -> None:
        """Leave what there is to whoever adopts it; append to go on."""
        self._writer.retire()
        self._segments.close()
        if self._writer.claim is not None:
            self._writer.claim.leave()
        self._begin()

    def after_fork(self) -> None:
        """Start empty in a child; what is on disk belongs to the parent."""
        self._segments.close()
        if self._writer.claim is not None:
            self._writer.claim.after_fork()
        self._begin()

    def _insert(self, segments: list[SegmentFile], first: int) -> None:
        self._segments.add_first(segments)
        self._writer.first = first
        self._reader.rewind()

    def _adopt(self) -> list[Path]:
        if not has_siblings(self.folder, self._writer.claim):
            return []
        return adopt(self._writer.own_folder(), self._writer.first)

    def _complain(self, what: str, error: OSError) -> None:
        complain(
            f"spool {self.folder}",
            f"cannot {what} spooled events in {str(self.folder)!r}: "
            f"{error.strerror}. They stay there.",
        )
