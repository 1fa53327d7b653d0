"""When an event happened: taken once, strictly increasing, fixed in width."""

from __future__ import annotations

import functools
import threading
import time

from collections.abc import Callable
from typing import Any

from mohflow._interpreter import HAS_GIL
from mohflow.processors.level import set_aside
from mohflow.typing import EventDict


SECOND = 1_000_000_000
"""Nanoseconds in a second."""

MAX_STEP_BACK = 10 * SECOND
"""A clock that goes back further was set, or frozen by a test: it is right,
and Loki would refuse events from the future."""


@functools.lru_cache(maxsize=8)
def _text_of(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))


def utc_text(ns: int) -> str:
    """Return *ns* nanoseconds since the epoch as 27 characters, in UTC."""
    seconds, micros = divmod(ns // 1000, 1_000_000)
    # "%" formats a number with a width in half the time of an f-string.
    return _text_of(seconds) + ".%06dZ" % micros  # noqa: UP031


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
        stamp = cls(utc_text(ns))
        stamp.ns = ns
        return stamp


class AddTimestamp:
    """
    Add ``timestamp``, as UTC text in microseconds.

    Two events of a process never share a nanosecond: a clock that stands
    still, or goes back by less than :data:`MAX_STEP_BACK`, is moved on by
    one. A field of the caller that is named ``timestamp`` becomes
    ``timestamp_``.

    Args:
        clock: Returns nanoseconds since the epoch; without one it is
            :func:`time.time_ns` as it is at each call, which tests replace.
    """

    def __init__(self, clock: Callable[[], int] | None = None) -> None:
        self._clock = clock
        self._last = 0
        self._lock = threading.Lock()

    def after_fork(self) -> None:
        """Replace a lock that another thread of the parent may have held."""
        self._lock = threading.Lock()

    def now(self) -> int:
        """Return the clock's nanoseconds, moved on past the last ones."""
        reading = time.time_ns() if self._clock is None else self._clock()
        if not HAS_GIL:
            with self._lock:
                return self._moved_on(reading)
        # As _moved_on(), which no call of its own makes safe without a lock.
        last = self._last
        if last - MAX_STEP_BACK < reading <= last:
            reading = last + 1
        self._last = reading
        return reading

    def _moved_on(self, reading: int) -> int:
        is_step = self._last - MAX_STEP_BACK < reading <= self._last
        self._last = self._last + 1 if is_step else reading
        return self._last

    def __call__(
        self, logger: Any, method_name: str, event_dict: EventDict
    ) -> EventDict:
        set_aside(event_dict, "timestamp")
        event_dict["timestamp"] = Timestamp.at(self.now())
        return event_dict
