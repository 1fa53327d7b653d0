"""
When a batch goes, and what is in it: decided here, done elsewhere.

A batch is cut for one of the reasons of :class:`Cut`. It holds events with
equal partition keys only, never more than the sink's limits.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from enum import Enum

from mohflow._event import Event
from mohflow.delivery.queue import Entry
from mohflow.diagnostics import complain
from mohflow.typing import Limits, Sink


class Cut(Enum):
    """Why a batch was cut."""

    EVENTS = "it has as many events as the sink takes"
    BYTES = "it has as many bytes as the sink takes"
    AGE = "its first event has waited long enough"
    FLUSH = "somebody waits for it"


@dataclass(frozen=True, slots=True)
class Waiting:
    """What stands in the queue."""

    events: int
    bytes: int
    age: float
    """Seconds since the oldest came."""
    is_awaited: bool
    """Whether a flush, or the end of the program, waits for it."""


@dataclass(eq=False, slots=True)
class Batch:
    """Events on their way to the sink."""

    events: Sequence[Event]
    entries: Sequence[Entry] = ()
    """How they stood in memory, if they came from there."""
    is_spooled: bool = False
    """Whether they still are on disk, too."""
    has_overtaken: bool = False
    """Whether events that came before them still wait."""
    left: list[Event] = field(init=False)
    """Those that have no fate yet."""
    is_finished: bool = False
    """Whether what was left has been kept or counted."""

    def __post_init__(self) -> None:
        self.left = list(self.events)

    @property
    def number(self) -> int:
        """Return the number of the first, which came from memory."""
        return self.entries[0][0]


def due(waiting: Waiting, limits: Limits) -> Cut | None:
    """Return why a batch must be cut now, or ``None`` to wait for more."""
    if not waiting.events:
        return None
    if waiting.events >= limits.max_events:
        return Cut.EVENTS
    if waiting.bytes >= limits.max_bytes:
        return Cut.BYTES
    if waiting.is_awaited:
        return Cut.FLUSH
    return Cut.AGE if waiting.age >= limits.max_age else None


def patience(waiting: Waiting, limits: Limits) -> float | None:
    """Return the seconds until age alone makes it due; ``None``: never."""
    return limits.max_age - waiting.age if waiting.events else None


def fitting(
    events: Sequence[Event],
    limits: Limits,
    partition: Callable[[Event], Hashable],
) -> int:
    """Return how many of *events*, from the first on, make one batch."""
    key = partition(events[0])
    size = 0
    for number, event in enumerate(events[: limits.max_events]):
        size += len(event.line)
        if number and (size > limits.max_bytes or partition(event) != key):
            return number
    return min(len(events), limits.max_events)


def partitioner(name: str, sink: Sink) -> Callable[[Event], Hashable]:
    """Return the ``partition`` of *sink*, which then raises nothing."""

    def partition(event: Event) -> Hashable:
        try:
            return sink.partition(event)
        except Exception as error:  # said on stderr
            complain(
                f"partition {name}",
                f"sink {name!r} cannot part events: {type(error).__name__}. "
                "They share batches.",
            )
            return None

    return partition
