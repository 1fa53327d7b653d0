"""What waits on disk for one sink; nothing is changed by looking."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from mohflow.delivery import _segment
from mohflow.delivery._files import is_locked
from mohflow.delivery._segment_file import SUFFIX
from mohflow.delivery.adoption import LOCK
from mohflow.delivery.dead_letters import decode_letter


@dataclass(slots=True)
class Orphans:
    """What processes that have ended left in the folder of a sink."""

    events: int = 0
    folders: int = 0
    running: int = 0
    """Folders that a process is using now; they are not looked into."""
    foreign: list[Path] = field(default_factory=list)
    """Segments that are damaged at their beginning, or of another version."""


def orphans_in(folder: Path) -> Orphans:
    """
    Return what is below *folder*, that of a sink.

    Raises:
        OSError: It cannot be read.
    """
    found = Orphans()
    if not folder.is_dir():
        return found
    for process in sorted(folder.iterdir()):
        if not process.is_dir():
            continue
        if is_locked(process / LOCK):
            found.running += 1
            continue
        segments = sorted(process.glob(f"*{SUFFIX}"))
        found.folders += bool(segments)
        for path in segments:
            count = events_in(path)
            if count is None:
                found.foreign.append(path)
            else:
                found.events += count
    return found


def events_in(path: Path) -> int | None:
    """
    Return how many events of a segment are not delivered yet.

    ``None`` if it is no segment of this version.

    Raises:
        OSError: It cannot be read.
    """
    data = path.read_bytes()
    if not data:
        return 0
    header = _segment.decode_header(data)
    if header is None:
        return None
    if header.seal is not None:
        return header.seal.records - header.progress.records
    return _segment.survey(data, header.progress.offset)[0].records


def letters_in(paths: list[Path]) -> Counter[str]:
    """
    Count the dead letters in files, by the reason of the refusal.

    Lines that are no letters count under an empty reason.

    Raises:
        OSError: A file cannot be read.
    """
    reasons: Counter[str] = Counter()
    for path in paths:
        if not path.exists():
            continue
        with path.open("rb") as file:
            for line in filter(bytes.strip, file):
                letter = decode_letter(line)
                reasons[letter.reason if letter else ""] += 1
    return reasons
