"""
Send again what was refused, and what processes that have ended left on disk.

At every instant an event is in exactly one place on disk: in the file of the
dead letters, in that file while it is being read, or in a spool. Each step
from one to the next is one ``rename``; so whatever ends this process, the
next one goes on from there. An event leaves the disk when it is stored.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mohflow._delivery_options import DeliveryOptions
from mohflow._event import Event
from mohflow.delivery import _segment
from mohflow.delivery._files import identify, lock, unlock
from mohflow.delivery._segment_file import SegmentFile, segment_name
from mohflow.delivery.adoption import LOCK, make_private
from mohflow.delivery.dead_letters import DeadLetters, decode_letter
from mohflow.delivery.disk import Disk
from mohflow.delivery.engine import Delivery
from mohflow.delivery.ledger import LedgerSnapshot
from mohflow.delivery.origins import Origins
from mohflow.delivery.spool import DAY, Spool
from mohflow.exceptions import SpoolError, Unavailable


NO_LIMIT = 2**62
"""Bytes: what is sent again was kept within bounds before."""

NO_AGE = 100_000 * DAY
"""Seconds: the back end says what is too old, and then it is kept."""

PIECE = 1024 * 1024

LOOK = 0.05
"""Seconds between two looks at how far it has come."""

NEEDS_A_PERSON = frozenset(
    {"dns", "tls", "proxy", "protocol", "credentials", "redirect"}
    | {"not_loki", "blocked"}
    | {f"http_{n}" for n in (401, 402, 403, 404, 405, 407, 410, 415, 422)}
)
"""Why waiting for a few more attempts would not help."""


@dataclass(frozen=True, slots=True)
class CarefulDisk(Disk):
    """A disk on which what cannot be buried stays where it was."""

    faults: list[str] = field(default_factory=list)

    @classmethod
    def at(cls, folder: Path, letters: DeadLetters) -> CarefulDisk:
        """Return the spool at *folder*, with no bounds of its own."""
        spool = Spool(folder, max_bytes=NO_LIMIT, max_age=NO_AGE)
        return cls(spool, DeadLetters(letters.path, NO_LIMIT))

    def bury(self, sink: str, rejected: Sequence[tuple[Event, str]]) -> None:
        """
        Keep refused events.

        Raises:
            Unavailable: The disk does not take them.
        """
        try:
            self.dead_letters.append(sink, rejected)
        except SpoolError as error:
            self.faults.append(error.reason)
            raise Unavailable(error.reason) from error


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[bool]:
    """
    Tell whether no other process sends the letters of *folder* again.

    Raises:
        OSError: The folder cannot be used.
    """
    make_private(folder)
    descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    if not (lock(descriptor) and _is_at(folder / LOCK, descriptor)):
        os.close(descriptor)
        yield False
        return
    try:
        yield True
    finally:
        with contextlib.suppress(OSError):
            os.unlink(folder / LOCK)
            os.rmdir(folder)
        unlock(descriptor)


def _is_at(path: Path, descriptor: int) -> bool:
    try:
        return identify(os.stat(path)) == identify(os.fstat(descriptor))
    except FileNotFoundError:
        return False


def spool_letters(letters: DeadLetters, folder: Path) -> int:
    """
    Turn dead letters into what a dead process left below *folder*.

    Returns:
        How many lines are no letters; they stay in the file.

    Raises:
        OSError: Not all of it can be read or written; call it again.
    """
    for rest in folder.glob("half-*"):
        rest.unlink()
    letters.take(folder)
    unreadable = 0
    for path in sorted(folder.glob("taken-*")):
        unreadable += _convert(path, letters)
        if path.exists():
            process = folder / path.name.replace("taken-", "letters-")
            process.mkdir(mode=0o700, exist_ok=True)
            path.rename(process / segment_name(0))
    return unreadable


def _convert(path: Path, letters: DeadLetters) -> int:
    """Replace the letters at *path* by a segment; return what is none."""
    with path.open("rb") as file:
        if file.read(len(_segment.MAGIC)) == _segment.MAGIC:
            return 0
        file.seek(0)
        lines = [line for line in file if line.strip()]
    found = [(line, decode_letter(line)) for line in lines]
    foreign = [line for line, letter in found if letter is None]
    events = [letter.event for _, letter in found if letter is not None]
    letters.restore(foreign)
    if not events:
        path.unlink()
        return len(foreign)
    half = path.with_name(f"half-{path.name}")
    segment = SegmentFile.create(half, events[0].time_ns)
    records = ((_segment.encode(event), event.time_ns) for event in events)
    for piece in _segment.pieces(records, PIECE):
        segment.append(piece)
    segment.seal()
    _sync(half)
    os.replace(half, path)
    return len(foreign)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class Redelivery:
    """
    Send what is spooled in one folder, and stop without a loose end.

    Args:
        name: The name of the sink.
        make_sink: Returns the sink for events with the labels that it gets:
            ``service_name`` and ``environment``, as far as they are known.
        options: Of the sink.
        patience: Seconds that a write may take once it has begun.
    """

    def __init__(
        self,
        name: str,
        make_sink: Callable[[Mapping[str, str]], object],
        options: DeliveryOptions,
        patience: float,
    ) -> None:
        self._name = name
        self._make_sink = make_sink
        changed = {"durability": "spool", "linger": 0.0}
        self._options = options.model_copy(update=changed)
        self._patience = patience
        self.fault = ""
        """Why it stopped before all was sent."""
        self.runs: list[LedgerSnapshot] = []
        """What became of the events of each run, interrupted or not."""

    def run(
        self, disk: CarefulDisk, watch: Callable[[LedgerSnapshot], None]
    ) -> LedgerSnapshot:
        """
        Send what dead processes left in the spool of *disk*.

        It ends when nothing is left, or when the sink is away. What
        interrupts it passes once the batch that is being written has its fate.

        Args:
            disk: Where it is, and where what is refused goes.
            watch: Is told now and then how far it has come.
        """
        sink = Origins(self._make_sink)
        delivery = Delivery(self._name, sink, self._options, disk)
        waiting = threading.Event()
        try:
            while True:
                counts = delivery.ledger.snapshot()
                watch(counts)
                self.fault = self._fault(delivery, disk)
                if not counts.spooled or self.fault:
                    break
                waiting.wait(LOOK)
        finally:
            self._stop(delivery, sink)
            counts = delivery.ledger.snapshot()
            self.runs.append(counts)
        watch(counts)
        return counts

    def _fault(self, delivery: Delivery, disk: CarefulDisk) -> str:
        if disk.faults:
            return disk.faults[-1]
        sight = delivery.look()
        is_hopeless = sight.is_open or sight.failing in NEEDS_A_PERSON
        return sight.failing if is_hopeless else ""

    def _stop(self, delivery: Delivery, sink: Origins) -> None:
        """Let the batch that is being written get its fate; begin no other."""
        sink.park()
        until = time.monotonic() + self._patience
        while not sink.is_at_rest and delivery.ledger.snapshot().spooled:
            if time.monotonic() > until:
                break
            sink.wait(LOOK)
        delivery.close(time.monotonic())
