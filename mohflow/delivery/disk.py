"""The place on disk of one sink: its spool, and what it will never take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mohflow._event import Event
from mohflow.delivery.adoption import sink_folder
from mohflow.delivery.dead_letters import DeadLetters
from mohflow.delivery.spool import Spool
from mohflow.diagnostics import complain
from mohflow.exceptions import SpoolError


SPOOL_BYTES = 1024**3
"""Bytes that the spool of one process and sink may take; then the oldest
events go, and are counted."""

DEAD_LETTER_BYTES = 64 * 1024**2
"""Bytes of refused events that are kept; then the older half goes."""


@dataclass(frozen=True, slots=True)
class Disk:
    """Where events go that cannot be sent now, or never."""

    spool: Spool
    dead_letters: DeadLetters

    @classmethod
    def below(cls, spool_dir: Path, sink: str) -> Disk:
        """Return the place of the sink called *sink* below *spool_dir*."""
        folder = sink_folder(spool_dir, sink)
        letters = folder.with_name(f"{folder.name}.dead.jsonl")
        return cls(
            Spool(folder, max_bytes=SPOOL_BYTES),
            DeadLetters(letters, DEAD_LETTER_BYTES // 2),
        )

    def bury(self, sink: str, rejected: Sequence[tuple[Event, str]]) -> None:
        """Keep refused events, if the disk takes them."""
        try:
            self.dead_letters.append(sink, rejected)
        except SpoolError as error:
            complain(
                f"dead letters {sink}",
                f"events that sink {sink!r} refused cannot be kept: "
                f"{error.reason}. They are counted as rejected.",
            )
