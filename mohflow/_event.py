"""What a sink receives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Event:
    """
    One finished event: masked, made JSON-safe, and rendered.

    Nothing that the program does to the objects it logged can change an
    event any more, so it may wait in a queue or on disk.
    """

    time_ns: int
    """Nanoseconds since the epoch; strictly increasing in a process."""

    level: int
    """The number of the level, on the scale of :mod:`logging`."""

    fields: Mapping[str, Any]
    """The fields in their final order, of plain JSON types only; a long
    event is cut in its line, not here."""

    line: bytes = b""
    """The line in the format of the sink, newline included; JSON for sinks
    that are given as objects."""
