"""When an event happened: taken once, strictly increasing, fixed in width."""

from __future__ import annotations

import functools
import threading
import time

from collections.abc import Callable
from typing import Any

from mohflow.processors.level import set_aside
from mohflow.typing import EventDict


SECOND = 1_000_000_000
"""Nanoseconds in a second."""


@functools.lru_cache(maxsize=8)
def _text_of(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))


class Timestamp(str):
    """
    ``2026-11-24T03:19:01.123456Z``, with the nanoseconds it was made from.

    The text is always UTC and always 27 characters long.
    """

    __slots__ = ("ns",)
    ns: int

    @classmethod
    def at(cls, ns: int) -> Timestamp:
        """Return the timestamp of *ns* nanoseconds since the epoch."""
        seconds, rest = divmod(ns, SECOND)
        stamp = cls(f"{_text_of(seconds)}.{rest // 1000:06d}Z")
        stamp.ns = ns
        return stamp


class AddTimestamp:
    """
    Add ``timestamp``, as UTC text in microseconds.

    Two events of a process never share a nanosecond: a clock that stands
    still or goes back is moved on by one. A field of the caller that is named
    ``timestamp`` becomes ``timestamp_``.

    Args:
        clock: Returns nanoseconds since the epoch.
    """

    def __init__(self, clock: Callable[[], int] = time.time_ns) -> None:
        self._clock = clock
        self._last = 0
        self._lock = threading.Lock()

    def after_fork(self) -> None:
        """Replace a lock that another thread of the parent may have held."""
        self._lock = threading.Lock()

    def now(self) -> int:
        """Return the clock's nanoseconds, moved on past the last ones."""
        with self._lock:
            self._last = max(self._clock(), self._last + 1)
            return self._last

    def __call__(
        self, logger: Any, method_name: str, event_dict: EventDict
    ) -> EventDict:
        set_aside(event_dict, "timestamp")
        event_dict["timestamp"] = Timestamp.at(self.now())
        return event_dict
