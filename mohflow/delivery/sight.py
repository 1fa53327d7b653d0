"""What one look at a delivery shows; nothing is asked of the sink."""

from __future__ import annotations

from typing import NamedTuple


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
