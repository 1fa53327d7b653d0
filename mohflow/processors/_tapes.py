"""Events of requests that are kept for later, within bounds."""

from __future__ import annotations

import sys
import threading

from collections import deque
from typing import Any, Protocol

from mohflow._levels import NUMBERS, level_number
from mohflow.exceptions import ConfigurationError
from mohflow.processors.plain import plain_tree
from mohflow.processors.timestamp import Timestamp
from mohflow.typing import EventDict


ENDS = frozenset({"request_finished", "task_finished", "websocket_finished"})
"""Events behind which a request has nothing more to say."""

_FIXED = frozenset({str, int, float, bool, type(None), Timestamp})
"""Types of values that nobody can change later."""


class Write(Protocol):
    """What writes an event that a processor has kept, or has made."""

    def __call__(
        self, logger: Any, event_dict: EventDict, *, unwanted: bool = False
    ) -> None:
        """
        Let *event_dict* go on behind the processor, to the sinks.

        Args:
            logger: Whose event it is; ``None`` for one of ours.
            event_dict: The fields. One without a timestamp is a new event.
            unwanted: No sink wanted it when it was logged: it goes to those
                without a level of their own, whatever its level.
        """


def number_of(event_dict: EventDict, method_name: str) -> int:
    """Return the level of an event, as it is here in the chain."""
    number = event_dict.get("level_number")
    if type(number) is int:
        return number
    return NUMBERS.get(str(event_dict.get("level", method_name)), 0)


def level_option(option: str, level: int | str) -> int:
    """Return the number of *level*, or tell that it is none."""
    try:
        return level_number(level)
    except ValueError as error:
        msg = f"{option}: {error}"
        raise ConfigurationError(msg) from None


def count_option(option: str, value: int, least: int = 1) -> int:
    """Return *value*, or tell that it is no number from *least* on."""
    if type(value) is not int or value < least:
        msg = f"{option} cannot be {value!r}. Give {least} or more."
        raise ConfigurationError(msg)
    return value


class Tapes:
    """
    What was kept of each request; safe for threads.

    Args:
        max_events: Kept for each request; beyond it the oldest goes.
        max_requests: Kept at once; beyond it those of the oldest go.
    """

    def __init__(self, max_events: int, max_requests: int) -> None:
        self._max_events = max_events
        self._max_requests = max_requests
        self.after_fork()

    def after_fork(self) -> None:
        """Start empty, with a lock that no thread of the parent holds."""
        self._lock = threading.Lock()
        self._tapes: dict[Any, Tape] = {}

    def __iter__(self) -> Any:
        return iter(self._tapes)

    def keep(
        self, correlation_id: Any, logger: Any, event_dict: EventDict
    ) -> None:
        """Keep a copy that later changes of its values do not reach."""
        kept = _fixed(event_dict)
        with self._lock:
            tape = self._tapes.get(correlation_id)
            if tape is None:
                tape = self._tapes[correlation_id] = Tape(self._max_events)
                if len(self._tapes) > self._max_requests:
                    del self._tapes[next(iter(self._tapes))]
            tape.add(logger, kept)

    def take(self, correlation_id: Any) -> Tape | None:
        """Return what was kept of a request, and keep it no longer."""
        with self._lock:
            return self._tapes.pop(correlation_id, None)


class Tape:
    """What was kept of one request, the oldest first."""

    def __init__(self, max_events: int) -> None:
        self.events: deque[tuple[Any, EventDict]] = deque(maxlen=max_events)
        self.lost = 0
        """Events that had to go."""

    def add(self, logger: Any, event_dict: EventDict) -> None:
        """Keep one more."""
        self.lost += len(self.events) == self.events.maxlen
        self.events.append((logger, event_dict))


def _fixed(event_dict: EventDict) -> EventDict:
    kept = {
        key: value if type(value) in _FIXED else plain_tree(value)
        for key, value in event_dict.items()
        if key != "exc_info"
    }
    error = event_dict.get("exc_info")
    if error:
        kept["exc_info"] = sys.exc_info() if error is True else error
    return kept
