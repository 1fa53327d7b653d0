"""The first events of each name, then one in so many; the rest is counted."""

from __future__ import annotations

import threading
import time

from collections.abc import Callable, Collection
from typing import Any

from structlog import DropEvent

from mohflow._levels import ERROR
from mohflow.exceptions import ConfigurationError
from mohflow.processors._tapes import (
    Write,
    count_option,
    level_option,
    number_of,
)
from mohflow.typing import EventDict


MAX_NAMES = 1000
"""Names of events that a rate limit tells apart; beyond it the oldest goes."""


class RateLimit:
    """
    Of each name of an event keep the first ones, then one in so many.

    Names count apart for each logger and level, as in zap's sampler
    <https://pkg.go.dev/go.uber.org/zap/zapcore#NewSamplerWithOptions>. Once
    the interval is over, the event ``events_suppressed`` tells how many were
    left out.

    Args:
        first: Events of one name that are kept in each interval.
        then_each: Beyond these one in so many is kept.
        interval: Seconds.
        always: From this level on every event is kept.
        clock: Returns seconds; only differences count.
    """

    def __init__(
        self,
        first: int = 100,
        then_each: int = 100,
        *,
        interval: float = 1.0,
        always: int | str = ERROR,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if not interval > 0:
            msg = f"interval cannot be {interval!r}. Give seconds above 0."
            raise ConfigurationError(msg)
        self._first = count_option("first", first)
        self._then_each = count_option("then_each", then_each)
        self._interval = interval
        self._always = level_option("always", always)
        self._clock = clock
        self._write: Write | None = None
        self._lock = threading.Lock()
        self._windows: dict[tuple[Any, ...], _Window] = {}
        self._swept = clock()

    def attach(self, write: Write) -> None:
        """Have a way to write summaries as events of their own."""
        self._write = write

    def after_fork(self) -> None:
        """Start empty, with a lock that no thread of the parent holds."""
        self._lock = threading.Lock()
        self._windows = {}

    def __call__(
        self, logger: Any, method_name: str, event_dict: EventDict
    ) -> EventDict:
        number = number_of(event_dict, method_name)
        if number >= self._always:
            return event_dict
        key = (event_dict.get("logger"), number, str(event_dict.get("event")))
        with self._lock:
            suppressed, is_kept = self._count(key)
            over = self._sweep()
        self._tell(over)
        if not is_kept:
            raise DropEvent
        if suppressed:
            event_dict["suppressed"] = suppressed
        return event_dict

    def _count(self, key: tuple[Any, ...]) -> tuple[int, bool]:
        """Return what a chain of one's own must say, and whether to keep."""
        window = self._windows.get(key)
        now = self._clock()
        suppressed = 0
        if window is None:
            window = self._windows[key] = _Window(now)
        elif now - window.start >= self._interval and self._write is None:
            suppressed = window.suppressed
            window = self._windows[key] = _Window(now)
        window.count += 1
        beyond = window.count - self._first
        if beyond <= 0 or beyond % self._then_each == 0:
            return suppressed, True
        window.suppressed += 1
        return 0, False

    def _sweep(self) -> list[tuple[tuple[Any, ...], _Window]]:
        """Take out the windows that are over, and the oldest of too many."""
        now, windows = self._clock(), self._windows
        if self._write is None or now - self._swept < self._interval:
            over = []
        else:
            self._swept = now
            over = [
                (key, window)
                for key, window in windows.items()
                if now - window.start >= self._interval
            ]
        if len(windows) > MAX_NAMES:
            over.append(next(iter(windows.items())))
        for key, _ in over:
            windows.pop(key, None)
        return over

    def _tell(self, over: Collection[tuple[tuple[Any, ...], _Window]]) -> None:
        for (logger, number, event), window in over:
            if window.suppressed and self._write is not None:
                fields: EventDict = {
                    "event": "events_suppressed",
                    "level": "warning",
                    "of_event": event,
                    "of_level": number,
                    "suppressed": window.suppressed,
                }
                if logger is not None:
                    fields["of_logger"] = logger
                self._write(None, fields)

    def finish(self) -> None:
        """Say what was left out in the intervals that are not over."""
        with self._lock:
            over = list(self._windows.items())
            self._windows = {}
        self._tell(over)


class _Window:
    """The events of one name since *start*."""

    __slots__ = ("count", "start", "suppressed")

    def __init__(self, start: float) -> None:
        self.start = start
        self.count = 0
        self.suppressed = 0
