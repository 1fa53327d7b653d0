"""
A share of the requests, each whole; what was left out is counted.

It belongs into ``configure(processors=[...])``, where an event is not masked
or rendered yet. What a processor leaves out no sink has accepted, and so no
ledger counts it.
"""

from __future__ import annotations

import threading
import zlib

from typing import Any

from structlog import DropEvent

from mohflow._levels import ERROR
from mohflow.exceptions import ConfigurationError
from mohflow.processors._tapes import (
    ENDS,
    Tapes,
    Write,
    count_option,
    level_option,
    number_of,
)
from mohflow.typing import EventDict


class Sample:
    """
    Keep a share of the requests, each with all of its events or none.

    Which ones depends on ``correlation_id`` alone, so that all services agree
    where they sample at the same rate. Events that have none are kept. What
    is kept for the rate carries ``sample_rate``.

    A request that fails or is slow is kept whatever the rate: when its first
    event as loud as *always* comes, or its slow end, its events so far are
    written before that one, in their order, with their own times; those that
    follow are written at once, up to the one that ends it. They carry no
    ``sample_rate``. Until then copies of them wait in memory. In a chain of
    one's own nothing waits: only the error itself, or the slow end, is kept.

    Args:
        rate: The share to keep, from 0 to 1.
        always: From this level on an event makes its request be kept.
        slow_ms: The event that ends a request does so if its ``duration_ms``
            is as much.
        max_events: That wait for each request; beyond it the oldest goes, and
            the event that fails says ``sample_lost``. With 0 none waits: of a
            request that fails, what came before is gone.
        max_requests: Whose events wait at once; beyond it those of the oldest
            go.
    """

    def __init__(
        self,
        rate: float,
        *,
        always: int | str = ERROR,
        slow_ms: float = 1000,
        max_events: int = 200,
        max_requests: int = 1000,
    ) -> None:
        is_number = isinstance(rate, (int, float)) and rate is not True
        if not is_number or not 0 <= rate <= 1:
            msg = f"rate cannot be {rate!r}. Give a number from 0 to 1."
            raise ConfigurationError(msg)
        self._rate = rate
        self._limit = rate * 2**32
        self._always = level_option("always", always)
        self._slow_ms = slow_ms
        self._waits = count_option("max_events", max_events, 0) > 0
        self._max_requests = count_option("max_requests", max_requests)
        self._tapes = Tapes(max_events, max_requests)
        self._write: Write | None = None
        self._lock = threading.Lock()
        self._kept: dict[Any, None] = {}
        """Requests that have failed and have not ended."""
        self._dropped = 0

    def attach(self, write: Write) -> None:
        """Have a way to write what has waited; without it nothing waits."""
        self._write = write

    def after_fork(self) -> None:
        """Start empty, with locks that no thread of the parent holds."""
        self._lock = threading.Lock()
        self._tapes.after_fork()
        self._kept, self._dropped = {}, 0

    def __call__(
        self, logger: Any, method_name: str, event_dict: EventDict
    ) -> EventDict:
        correlation_id = event_dict.get("correlation_id")
        if correlation_id is None:
            return event_dict
        name = str(correlation_id)
        if zlib.crc32(name.encode("utf-8", "replace")) < self._limit:
            event_dict["sample_rate"] = self._rate
            return event_dict
        is_last = event_dict.get("event") in ENDS
        if self._has_failed(name, event_dict, method_name, is_last=is_last):
            self._release(name, event_dict)
            return event_dict
        with self._lock:
            self._dropped += 1
        if is_last:
            self._tapes.take(name)
        elif self._waits and self._write is not None:
            self._tapes.keep(name, logger, event_dict)
        raise DropEvent

    def _has_failed(
        self,
        name: str,
        event_dict: EventDict,
        method_name: str,
        *,
        is_last: bool,
    ) -> bool:
        """Return whether an event is kept, and note it for the next ones."""
        duration = event_dict.get("duration_ms")
        fails = number_of(event_dict, method_name) >= self._always or (
            isinstance(duration, (int, float)) and duration >= self._slow_ms
        )
        if not (fails or self._kept):
            return False
        with self._lock:
            fails = fails or name in self._kept
            if is_last:
                self._kept.pop(name, None)
            elif fails and self._waits and self._write is not None:
                self._kept[name] = None
                if len(self._kept) > self._max_requests:
                    del self._kept[next(iter(self._kept))]
        return fails

    def _release(self, name: str, event_dict: EventDict) -> None:
        """Write what has waited for the first event that fails."""
        tape = self._tapes.take(name)
        if tape is None or self._write is None:
            return
        with self._lock:
            self._dropped -= len(tape.events)
        if tape.lost:
            event_dict["sample_lost"] = tape.lost
        for logger, kept in tape.events:
            self._write(logger, kept)

    def finish(self) -> None:
        """Say how many events were left out."""
        with self._lock:
            dropped, self._dropped = self._dropped, 0
        if dropped and self._write is not None:
            fields: EventDict = {
                "event": "events_sampled_out",
                "level": "info",
                "dropped": dropped,
                "rate": self._rate,
            }
            self._write(None, fields)
