"""Write each event as the program that logged it would have done."""

from __future__ import annotations

import threading

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

from mohflow._event import Event
from mohflow.exceptions import Rejected, SinkError, Unavailable
from mohflow.typing import Partial, Sink


LABELS = {"service_name": "service", "environment": "environment"}
"""What a pipeline tells its sinks, and the fields that say the same."""


class Origins(Sink):
    """
    One sink for each service and environment, made when it is needed.

    It can be parked: then the write that is under way ends, and no other is
    begun. What raises anything but a :class:`~mohflow.SinkError` is refused,
    event by event, so that it can be kept.

    Args:
        make_sink: Returns the sink for events with some labels.
    """

    def __init__(self, make_sink: Callable[[Mapping[str, str]], Any]) -> None:
        self._make_sink = make_sink
        self._sinks: dict[Hashable, Sink] = {}
        self._changed = threading.Condition()
        self._is_parked = False
        self._is_waiting = False
        self._has_failed = False
        self._is_writing = False
        self.limits = self._sink_of({}).limits  # type: ignore[misc]

    def partition(self, event: Event) -> Hashable:
        """Return the origin of *event*, and what its sink says."""
        labels = labels_of(event)
        key = self._sink_of(labels).partition(event)
        return tuple(labels.items()), key

    def write(self, batch: Sequence[Event]) -> Partial | None:
        """Write *batch*, unless it is parked."""
        self._begin()
        has_failed = False
        try:
            return self._sink_of(labels_of(batch[0])).write(batch)
        except Unavailable:
            has_failed = True
            raise
        except SinkError:
            raise
        except Exception as error:  # refused, so kept
            reason = "sink_error"
            raise Rejected(reason, split=True) from error
        finally:
            with self._changed:
                self._is_writing, self._has_failed = False, has_failed
                self._changed.notify_all()

    def _begin(self) -> None:
        """
        Begin a write, unless it is parked; then it never begins.

        The thread of the engine is a daemon: it waits for the process to end.
        """
        with self._changed:
            if not self._is_parked:
                self._is_writing = True
                return
            self._is_waiting = True
            self._changed.notify_all()
            while True:
                self._changed.wait()

    def park(self) -> None:
        """Begin no further write."""
        with self._changed:
            self._is_parked = True

    @property
    def is_at_rest(self) -> bool:
        """Return whether every batch that was stored is known to be."""
        has_failed = self._has_failed and not self._is_writing
        return self._is_waiting or has_failed

    def wait(self, seconds: float) -> None:
        """Wait until something changes, for *seconds* at most."""
        with self._changed:
            if not self.is_at_rest:
                self._changed.wait(seconds)

    def close(self) -> None:
        """Close the sinks of all origins."""
        for sink in self._sinks.values():
            sink.close()

    def _sink_of(self, labels: Mapping[str, str]) -> Sink:
        key = tuple(labels.items())
        if key not in self._sinks:
            self._sinks[key] = self._make_sink(labels)
        return self._sinks[key]


def labels_of(event: Event) -> dict[str, str]:
    """Return the labels that the program of *event* had."""
    fields = event.fields
    return {
        label: fields[field]
        for label, field in LABELS.items()
        if isinstance(fields.get(field), str) and fields[field]
    }
