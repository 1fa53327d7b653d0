"""How long writes take, how large they are, and how late events arrive."""

from __future__ import annotations

import math
import threading
import time

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from mohflow._event import Event


WRITE_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""The default bounds of Prometheus' clients for the time of a request
(``DefBuckets`` in ``prometheus/client_golang``)."""

DELAY_SECONDS = (0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0, 600.0, 3600.0, 21600.0)
"""From one linger to the outage of a night."""

BATCH_BYTES = (1e3, 1e4, 1e5, 1e6, 1e7)


@dataclass(frozen=True, slots=True)
class Histogram:
    """How many values there were, below which bounds."""

    buckets: tuple[tuple[float, int], ...] = ((math.inf, 0),)
    """Bounds, and how many values were at most that much. The last bound is
    infinity, so that it counts them all."""

    total: float = 0.0
    """The sum of the values."""

    @property
    def count(self) -> int:
        """Return how many values there were."""
        return self.buckets[-1][1]


@dataclass(frozen=True, slots=True)
class Metrics:
    """What the writes of one remote sink were like, since it began."""

    write_seconds: Histogram = Histogram()
    """Seconds that each write took, whatever came of it."""

    batch_bytes: Histogram = Histogram()
    """Bytes of the lines of each write, before they are encoded."""

    delay_seconds: Histogram = Histogram()
    """Seconds from each log call until its event was stored."""

    retried: Mapping[str, int] = field(default_factory=dict)
    """Writes that did not store all, and were or will be repeated, by reason:
    ``connect``, ``timeout``, ``http_503``, ``blocked`` and so on."""


class Meter:
    """
    Measure the writes of one sink; safe for threads.

    Args:
        time_ns: Returns nanoseconds since the epoch, as events have them.
    """

    def __init__(self, time_ns: Callable[[], int] = time.time_ns) -> None:
        self._time_ns = time_ns
        # Reentrant: while it is held a collected object may log.
        self._lock = threading.RLock()
        self._writes = _Values(WRITE_SECONDS)
        self._sizes = _Values(BATCH_BYTES)
        self._delays = _Values(DELAY_SECONDS)
        self._retried: Counter[str] = Counter()

    def wrote(self, events: Sequence[Event], seconds: float) -> None:
        """Note that a write of *events* has ended after *seconds*."""
        size = sum(len(event.line) for event in events)
        with self._lock:
            self._writes.add([seconds])
            self._sizes.add([size])

    def must_repeat(self, reason: str) -> None:
        """Note that a write must be repeated."""
        with self._lock:
            self._retried[reason] += 1

    def stored(self, events: Sequence[Event]) -> None:
        """Note that *events* are stored now."""
        now = self._time_ns()
        # A clock that was set back makes none arrive before it was logged.
        late = [max(0.0, (now - event.time_ns) / 1e9) for event in events]
        with self._lock:
            self._delays.add(late)

    def snapshot(self) -> Metrics:
        """Return what was measured so far."""
        with self._lock:
            return Metrics(
                self._writes.histogram(),
                self._sizes.histogram(),
                self._delays.histogram(),
                dict(self._retried),
            )


class _Values:
    """Count values below bounds."""

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self._bounds = (*bounds, math.inf)
        self._counts = [0] * len(self._bounds)
        self._total = 0.0

    def add(self, values: Sequence[float]) -> None:
        # One search a bound, not one a value: batches have hundreds.
        ordered = sorted(values)
        ends = [bisect_right(ordered, bound) for bound in self._bounds]
        for number, end in enumerate(ends):
            self._counts[number] += end
        self._total += sum(ordered)

    def histogram(self) -> Histogram:
        pairs = zip(self._bounds, self._counts, strict=True)
        return Histogram(tuple(pairs), self._total)
