"""Put the lines of several files into the order of their times."""

from __future__ import annotations

import heapq
import math

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from operator import itemgetter

from mohflow.cli.view.events import Reader
from mohflow.cli.view.lines import Lines


_BLOCK = 1000
"""Lines that are shown at once."""


def merged(files: Sequence[Iterable[Lines]]) -> Iterator[Lines]:
    """
    Yield the lines of *files*, each of them in the order that it has.

    A line without a time stays behind the line before it. Of lines with the
    same time, that of the file that was named first comes first.
    """
    ordered = heapq.merge(*map(_timed, files), key=itemgetter(0))
    while block := list(islice(ordered, _BLOCK)):
        yield [line for _, line in block]


def _timed(blocks: Iterable[Lines]) -> Iterator[tuple[float, bytes]]:
    read = Reader().read
    time = -math.inf
    for block in blocks:
        for line in block:
            event = read(line)
            if event is not None and "timestamp" in event:
                time = _seconds(event["timestamp"], time)
            yield time, line


def _seconds(timestamp: object, default: float) -> float:
    if not isinstance(timestamp, str):
        return default
    try:
        return datetime.fromisoformat(timestamp).timestamp()
    except (ValueError, OverflowError, OSError):
        return default
