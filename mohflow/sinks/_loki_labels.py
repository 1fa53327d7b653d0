"""
The labels of a stream: few, valid, and bounded.

Each distinct set of labels is a stream, and Loki keeps an index and memory
for each. What differs from event to event belongs into structured metadata.
"""

from __future__ import annotations

import re

from collections.abc import Iterable, Mapping

from mohflow._event import Event
from mohflow._expression import expression
from mohflow.diagnostics import complain


MAX_LABELS = 15
"""``max_label_names_per_series``; ``service_name`` is not counted."""

MAX_NAME = 1024
"""Bytes; ``max_label_name_length``."""

MAX_VALUE = 2048
"""Bytes; ``max_label_value_length``."""

MAX_VALUES = 20
"""Values that a label from a field may have; Loki's advice is "tens"."""

REPLAY = "replay"
"""The label of streams for events that are sent late."""

SERVICE = "service_name"
"""The label that Loki makes itself when it is missing."""

ORIGIN = {SERVICE: "service", "environment": "environment"}
"""The fields of an event that say the same as what the pipeline knows: a
spool may hold events of another program, which keep their labels."""

PER_EVENT = frozenset(
    [
        "correlation_id",
        "duration",
        "duration_ms",
        "email",
        "event",
        "event_id",
        "ip",
        "message",
        "message_id",
        "msg",
        "order_id",
        "path",
        "request_id",
        "requestid",
        "session_id",
        "span_id",
        "spanid",
        "time",
        "timestamp",
        "trace_id",
        "traceid",
        "transaction_id",
        "url",
        "user_id",
        "userid",
        "uuid",
    ]
)
"""Names of what differs from event to event."""

_UUID = expression(
    r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}", re.IGNORECASE
)

_USE_METADATA = (
    "Each value of a label makes a stream. Log it as a field and name it in "
    "structured_metadata."
)


def in_letters(name: str) -> str:
    """Return *name* in the letters that labels may have."""
    valid = re.sub(r"[^a-zA-Z0-9_]", "_", name)
    return f"_{valid}" if valid[:1].isdigit() else valid


def label_name(name: str) -> str:
    """
    Return *name* in the letters that labels may have.

    Raises:
        ValueError: It is empty, reserved, or differs from event to event.
    """
    valid = in_letters(name)
    if not name or name.startswith("__") or len(valid) > MAX_NAME:
        msg = (
            f"{name!r} cannot be a label: a name has 1 to {MAX_NAME} "
            "characters, and those that begin with __ are Loki's own."
        )
        raise ValueError(msg)
    if valid == REPLAY:
        msg = f"{name!r} is the label of events that are sent late."
        raise ValueError(msg)
    if valid.lower() in PER_EVENT:
        msg = f"{name!r} cannot be a label. {_USE_METADATA}"
        raise ValueError(msg)
    return valid


def valid_labels(labels: Mapping[str, str]) -> dict[str, str]:
    """
    Return *labels* with valid names and without empty values.

    Raises:
        ValueError: One cannot be a label, or there are too many.
    """
    valid: dict[str, str] = {}
    for name, value in labels.items():
        if not value:
            continue
        new = label_name(name)
        if new in valid:
            msg = f"Two labels are named {new!r} once their names are valid."
            raise ValueError(msg)
        if _UUID.fullmatch(value):
            msg = f"The value of label {name!r} is unique. {_USE_METADATA}"
            raise ValueError(msg)
        if len(value.encode("utf-8", "replace")) > MAX_VALUE:
            msg = f"The value of label {name!r} has over {MAX_VALUE} bytes."
            raise ValueError(msg)
        valid[new] = value
    if counted(valid) > MAX_LABELS:
        msg = f"{counted(valid)} labels are too many for Loki's {MAX_LABELS}."
        raise ValueError(msg)
    return valid


def counted(names: Iterable[str]) -> int:
    """Return how many of *names* Loki counts as labels."""
    return len(set(names) - {SERVICE})


class FieldLabels:
    """
    Labels whose values come from the events, up to a number of values.

    A value that has been a label stays one, so that an event has the same
    labels whenever it is sent again.

    Args:
        names: The label of each field.
        max_values: Values of each that become labels.
    """

    def __init__(
        self, names: Mapping[str, str], max_values: int = MAX_VALUES
    ) -> None:
        self._names = dict(names)
        self._values: dict[str, set[str]] = {field: set() for field in names}
        self._max_values = max_values

    def of(self, event: Event) -> dict[str, str]:
        """Return the labels that *event* adds to the static ones."""
        labels = {}
        for field, name in self._names.items():
            value = event.fields.get(field)
            if isinstance(value, str) and value and self._admits(field, value):
                labels[name] = value
        return labels

    def _admits(self, field: str, value: str) -> bool:
        values = self._values[field]
        if value in values:
            return True
        if len(value) > MAX_VALUE // 4:  # a character has 4 bytes at most
            return False
        if len(values) < self._max_values:
            values.add(value)
            return True
        complain(
            f"loki label {field}",
            f"the Loki label {field!r} has more than {self._max_values} "
            "values. Further values go to structured metadata.",
        )
        return False
