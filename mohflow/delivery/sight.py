"""What one look at a delivery shows; nothing is asked of the sink."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from mohflow._event import Event
from mohflow.delivery.backlog import Backlog
from mohflow.delivery.breaker import Breaker


class Sight(NamedTuple):
    """How it goes between us and a sink, besides the counts."""

    failing: str = ""
    """Why the last attempt failed; empty if it went well."""

    is_open: bool = False
    """Whether the breaker is open: attempts failed in a row."""

    oldest_ns: int | None = None
    """The time of the oldest event that waits, in nanoseconds."""

    spool_bytes: int = 0
    """What waits on disk, in bytes."""

    queue_bytes: int = 0
    """The memory that what waits there takes, in bytes."""


def glance(
    breaker: Breaker, backlog: Backlog, in_flight: Iterable[Event]
) -> Sight:
    """Return how it goes; *in_flight* has the oldest event of each batch."""
    spool, first = backlog.spool, backlog.queue.first()
    times = [
        *(event.time_ns for event in in_flight),
        spool.oldest_time_ns if spool else None,
        first[3] if first else None,
    ]
    return Sight(
        failing=breaker.failing,
        is_open=breaker.is_open,
        oldest_ns=min((t for t in times if t is not None), default=None),
        spool_bytes=spool.bytes if spool else 0,
        queue_bytes=backlog.queue.weight,
    )
