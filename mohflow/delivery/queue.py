"""Events that wait in memory: in order, and bounded. No lock, no clock."""

from __future__ import annotations

import heapq

from collections import deque
from collections.abc import Collection, Iterable, Iterator
from itertools import chain
from operator import itemgetter
from typing import Literal

import orjson

from mohflow._event import Event


Overflow = Literal["drop_lowest", "drop_oldest", "drop_newest", "block"]

Entry = tuple[int, float, int, int, bytes, Event | None]
"""The number of an event, when it came, its level, time and line; and the
event itself, unless its line says the same as its fields. Without it an entry
takes a fraction of the memory, and of the time of the garbage collector."""

Left = tuple[int, int, bytes]
"""The level of a line of JSON, its time, and itself without its newline."""

ENTRY_BYTES = 300
"""Memory that an event takes beside its line, measured on CPython 3.11."""

LINE_BYTES = 2048
"""A line that is longer is looked at by itself."""

KEPT_BYTES = 4096
"""Memory that orjson 3.13 leaves reserved behind a line, however short."""

KEPT_FACTOR = 5
"""Memory of fields as Python objects, as a multiple of their JSON."""


def event_of(entry: Entry) -> Event:
    """Return the event that *entry* was made of."""
    _, _, level, time_ns, line, event = entry
    return event or Event(time_ns, level, orjson.loads(line), line + b"\n")


def weight(entry: Entry) -> int:
    """Return about how many bytes of memory *entry* takes."""
    return _weight(len(entry[4]), is_kept=entry[5] is not None)


def _weight(size: int, *, is_kept: bool) -> int:
    if is_kept:
        return ENTRY_BYTES + KEPT_BYTES + size * (1 + KEPT_FACTOR)
    return ENTRY_BYTES + size


class BoundedQueue:
    """
    A queue that never holds more than *max_events* and *max_bytes*.

    Events of one level stand in one line, so that the oldest of the lowest
    level is found at once; they leave in the order in which they came.

    Args:
        max_events: Events that may wait.
        max_bytes: Bytes of memory that they take.
        overflow: Which event gives way; with ``block`` it is the new one.
        is_json: Whether the line of an event is its fields as JSON, so that
            the fields need not be kept.
    """

    def __init__(
        self,
        max_events: int,
        max_bytes: int,
        overflow: Overflow,
        *,
        is_json: bool = False,
    ) -> None:
        self._max_events = max_events
        self._max_bytes = max_bytes
        self._overflow = overflow
        self._is_json = is_json
        self._lines: dict[int, deque[Entry]] = {}
        self.entered = 0
        """How many events have ever been put in."""
        self.events = 0
        self.bytes = 0
        """Bytes of their lines."""
        self.weight = 0
        """Bytes of memory."""

    @property
    def is_half_full(self) -> bool:
        """Return whether there is little room left."""
        return (
            self.events * 2 > self._max_events
            or self.weight * 2 > self._max_bytes
        )

    @property
    def spare(self) -> int:
        """Return how many lines of up to :data:`LINE_BYTES` fit for sure."""
        events = self._max_events - self.events
        size = self._max_bytes - self.weight
        return min(events, size // (LINE_BYTES + ENTRY_BYTES))

    def has_room(self, line_bytes: int) -> bool:
        """Return whether a line fits without another giving way."""
        return self._fits(_weight(line_bytes, is_kept=not self._is_json))

    def _fits(self, size: int) -> bool:
        is_free = self.events < self._max_events
        return is_free and self.weight + size <= self._max_bytes

    def offer(self, event: Event, now: float) -> tuple[bool, int]:
        """
        Put *event* in, if others that give way to it make enough room.

        Returns:
            Whether it is in, and how many gave way.
        """
        line, level = event.line, event.level
        kept: Event | None = event
        if self._is_json and b'"truncated":true' not in line:
            # A copy takes the memory that it needs; see KEPT_BYTES.
            kept, line = None, line[:-1]
        return self.squeeze((level, event.time_ns, line), now, kept)

    def squeeze(
        self, left: Left, now: float, kept: Event | None = None
    ) -> tuple[bool, int]:
        """Do what :meth:`offer` does, for the parts of an event."""
        level, time_ns, line = left
        size = _weight(len(line), is_kept=kept is not None)
        gone = 0
        while not self._fits(size):
            victim = self._victim(level)
            if victim is None:
                return False, gone
            self._pop(victim)
            gone += 1
        entry = (self.entered, now, level, time_ns, line, kept)
        self.entered += 1
        self._lines.setdefault(level, deque()).append(entry)
        self.events += 1
        self.bytes += len(line)
        self.weight += size
        return True, gone

    def admit(self, left: deque[Left], came: float) -> int:
        """Move lines from *left* as long as they fit; return how many."""
        first = number = self.entered
        lines, weight, size = self._lines, self.weight, self.bytes
        last = first + self._max_events - self.events
        try:
            while left and number < last:
                level, time_ns, line = left[0]
                needed = weight + ENTRY_BYTES + len(line)
                if needed > self._max_bytes:
                    break
                waiting = lines.get(level)
                if waiting is None:
                    waiting = lines[level] = deque()
                left.popleft()
                waiting.append((number, came, level, time_ns, line, None))
                number, weight, size = number + 1, needed, size + len(line)
        finally:
            self.entered, self.weight, self.bytes = number, weight, size
            self.events += number - first
        return number - first

    def _victim(self, level: int) -> int | None:
        """Return the level whose oldest gives way to an event of *level*."""
        if not self._lines or self._overflow in {"drop_newest", "block"}:
            return None
        if self._overflow == "drop_oldest":
            return self._oldest_level()
        lowest = min(self._lines)
        return lowest if lowest <= level else None

    def _oldest_level(self) -> int:
        return min(self._lines, key=lambda level: self._lines[level][0][0])

    def _pop(self, level: int) -> Entry:
        line = self._lines[level]
        entry = line.popleft()
        if not line:
            del self._lines[level]
        self._forget(entry)
        return entry

    def _forget(self, entry: Entry) -> None:
        self.events -= 1
        self.bytes -= len(entry[4])
        self.weight -= weight(entry)

    def first(self, level: int = 0) -> Entry | None:
        """Return the oldest of those of *level* and above, which stays."""
        lines = (e[0] for lvl, e in self._lines.items() if lvl >= level)
        return min(lines, key=itemgetter(0), default=None)

    def take(self, max_events: int, max_bytes: int) -> list[Entry]:
        """Take the oldest out: at least one, unless there is none."""
        taken: list[Entry] = []
        size = 0
        while self.events and len(taken) < max_events:
            level = self._oldest_level()
            size += len(self._lines[level][0][4])
            if taken and size > max_bytes:
                break
            taken.append(self._pop(level))
        return taken

    def after(self, number: int) -> Iterator[Entry]:
        """Return those that came after number *number*, which stay."""
        lines = (
            [entry for entry in line if entry[0] > number]
            for line in self._lines.values()
        )
        return heapq.merge(*lines, key=itemgetter(0))

    def pull(self, numbers: Collection[int]) -> list[Entry]:
        """Take those out whose number is one of *numbers*, in order."""
        pulled: list[Entry] = []
        for level, line in list(self._lines.items()):
            pulled += [entry for entry in line if entry[0] in numbers]
            left = deque(entry for entry in line if entry[0] not in numbers)
            self._lines[level] = left
            if not left:
                del self._lines[level]
        for entry in pulled:
            self._forget(entry)
        return sorted(pulled, key=itemgetter(0))

    def drain(self) -> list[Entry]:
        """Take all out, the oldest first."""
        lines = self._lines.values()
        entries = sorted(chain.from_iterable(lines), key=itemgetter(0))
        self._lines.clear()
        self.events = self.bytes = self.weight = 0
        return entries

    def restore(self, entries: Iterable[Entry]) -> None:
        """Put back in its place what was taken out."""
        for entry in sorted(entries, key=itemgetter(0), reverse=True):
            line = self._lines.setdefault(entry[2], deque())
            behind = []
            # Only what was pulled from the middle has older ones before it.
            while line and line[0][0] < entry[0]:
                behind.append(line.popleft())
            line.appendleft(entry)
            line.extendleft(reversed(behind))
            self.events += 1
            self.bytes += len(entry[4])
            self.weight += weight(entry)
