"""
A flight recorder: the debug events of a request, if the request fails.

:data:`FlightRecorder.needs_level` makes the program create the events that no
sink wants; the pipeline drops each behind the processors of the user, before
it is masked and rendered. The recorder has kept a copy by then.
"""

from __future__ import annotations

from typing import Any

from mohflow._levels import DEBUG, ERROR, INFO
from mohflow.processors._tapes import (
    ENDS,
    Tapes,
    Write,
    count_option,
    level_option,
    number_of,
)
from mohflow.typing import EventDict


class FlightRecorder:
    """
    Keep the events of a request that no sink wants; write them if it fails.

    A request fails when an event with its ``correlation_id`` is as loud as
    *trigger*. What was kept is then written before that event, in its order,
    with its own times, to the sinks that have no level of their own.

    A kept event is a shallow copy; lists, dictionaries and objects in it are
    turned into plain values when it is kept. It is masked when it is written.
    An event that is kept and never written was accepted by no sink, so no
    ledger counts it.

    It belongs last into ``configure(processors=[...])``.

    Args:
        level: The lowest level to keep. Calls from it on are no longer free.
        trigger: The level at which a request counts as failed.
        max_events: Kept for each request; beyond it the oldest goes, and the
            event that fails says ``recorder_lost``.
        max_requests: Kept at once; beyond it those of the oldest go.
    """

    def __init__(
        self,
        level: int | str = DEBUG,
        *,
        trigger: int | str = ERROR,
        max_events: int = 200,
        max_requests: int = 1000,
    ) -> None:
        self.needs_level = level_option("level", level)
        self._trigger = level_option("trigger", trigger)
        self._tapes = Tapes(
            count_option("max_events", max_events),
            count_option("max_requests", max_requests),
        )
        self._write: Write | None = None

    def attach(self, write: Write) -> None:
        """Have a way to write what was kept; without it nothing is kept."""
        self._write = write

    def after_fork(self) -> None:
        """Start empty, with a lock that no thread of the parent holds."""
        self._tapes.after_fork()

    def __call__(
        self, logger: Any, method_name: str, event_dict: EventDict
    ) -> EventDict:
        correlation_id = event_dict.get("correlation_id")
        if correlation_id is None or self._write is None:
            return event_dict
        number = number_of(event_dict, method_name)
        if number >= self._trigger:
            self._release(correlation_id, event_dict)
        elif event_dict.get("event") in ENDS:
            self._tapes.take(correlation_id)
        elif number < getattr(logger, "inherited", INFO):
            self._tapes.keep(correlation_id, logger, event_dict)
        return event_dict

    def _release(self, correlation_id: Any, event_dict: EventDict) -> None:
        tape = self._tapes.take(correlation_id)
        if tape is None or self._write is None:
            return
        if tape.lost:
            event_dict["recorder_lost"] = tape.lost
        for logger, kept in tape.events:
            self._write(logger, kept, unwanted=True)
