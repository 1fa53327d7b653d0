"""
Push batches to Grafana Loki.

Each push has one stream: Loki answers for the last stream of a push only, so
with two the loss of the first is hidden behind the success of the second.
"""

from __future__ import annotations

import os
import time

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import TYPE_CHECKING

from mohflow._event import Event
from mohflow.diagnostics import complain
from mohflow.exceptions import ConfigurationError
from mohflow.sinks._http_answers import rejected
from mohflow.sinks._loki_answers import fault, refused
from mohflow.sinks._loki_check import canary, require_same_time, require_shown
from mohflow.sinks._loki_encode import Encoder, compress
from mohflow.sinks._loki_labels import (
    MAX_LABELS,
    ORIGIN,
    REPLAY,
    SERVICE,
    FieldLabels,
    counted,
    label_name,
    valid_labels,
)
from mohflow.sinks._loki_options import (
    MAX_BATCH_BYTES,
    LokiOptions,
    is_tenant,
)
from mohflow.sinks.http import HttpSink, first_line
from mohflow.typing import Limits, Partial


if TYPE_CHECKING:
    import httpx


__all__ = ["LokiOptions", "LokiSink"]

LATE = 45 * 60 * 1_000_000_000
"""
Nanoseconds. Loki refuses what is an hour older than the newest entry of its
stream, which fresh events of other processes move on. What is sent later than
this goes to a stream that only this process writes.
"""


class LokiSink(HttpSink[LokiOptions]):
    """
    Store events in Loki; only 204 says that they are.

    Args:
        options: Where, with which labels and which metadata.
        labels: What the pipeline knows, ``service_name`` and ``environment``;
            those of the options win.
        transport: Carries the requests instead of a network.
        clock: Returns nanoseconds since the epoch.

    Raises:
        ConfigurationError: The labels are too many, or a file of the options
            cannot be read.
    """

    limits = Limits(max_events=100_000, max_bytes=MAX_BATCH_BYTES)
    options_type = LokiOptions

    def __init__(
        self,
        options: LokiOptions,
        *,
        labels: Mapping[str, str] | None = None,
        transport: httpx.BaseTransport | None = None,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        super().__init__(options, transport=transport)
        self._clock = clock
        origin = {
            field: name
            for name, field in ORIGIN.items()
            if name in (labels or {}) and name not in options.labels
        }
        own = {field: label_name(field) for field in options.label_fields}
        self._fields = FieldLabels(origin | own)
        self._labels = _all_labels(labels or {}, options)
        names = {*self._labels, *map(label_name, options.label_fields)}
        self._has_room = counted(names) < MAX_LABELS
        self._encoder = Encoder(
            (*options.structured_metadata, *options.label_fields),
            options.max_line_bytes,
        )
        self._refused: tuple[object, int] = (None, 0)
        self._process = os.urandom(3).hex()

    def partition(self, event: Event) -> Hashable:
        """Return tenant, lateness and labels of *event*: its stream."""
        fields = tuple(self._fields.of(event).items())
        return self._tenant(event), self._is_late(event), fields

    def encode(self, batch: Sequence[Event]) -> tuple[bytes, dict[str, str]]:
        """
        Return one stream, with the labels and the tenant of the first event.

        Raises:
            mohflow.Rejected: ``tenant``: Loki takes no such name.
        """
        headers = {
            "Content-Type": "application/json",
            "Content-Encoding": "gzip",
            **self._tenant_header(batch[0]),
        }
        labels = self.labels_of(batch[0])
        entries = self._encoder.entries(labels, batch)
        return compress(labels, entries), headers

    def labels_of(self, event: Event) -> dict[str, str]:
        """Return the labels of the stream that *event* goes to now."""
        labels = {**self._labels, **self._fields.of(event)}
        if self._is_late(event):
            labels[REPLAY] = self._process
        return labels

    def verdict(
        self, response: httpx.Response, batch: Sequence[Event]
    ) -> Partial | None:
        if response.status_code == 204:
            self._refused = None, 0
            return None
        text = response.text
        if response.status_code == 400:
            labels = self.labels_of(batch[0])
            entries = self._encoder.entries(labels, batch)
            lost = refused(text, batch, entries)
            if lost:
                complain(
                    f"loki {lost[0][1]}",
                    f"Loki refused {len(lost)} of {len(batch)} events for "
                    f"good ({lost[0][1]}): {first_line(response)}",
                )
                return Partial(rejected=lost)
        if "maximum active stream limit" in text:
            complain(
                "loki streams",
                "Loki has too many streams, each a set of label values. Use "
                "fewer labels, or labels with fewer values.",
            )
        raise fault(
            response.status_code,
            response.headers,
            text,
            count=len(batch),
            refusals=self._count_refusal(response.status_code, batch),
        )

    def check(self) -> str | None:
        """
        Push an event, and read it back where we are allowed to.

        Returns:
            What was found to work.

        Raises:
            mohflow.SinkError: The reason is in it, advice in its notes.
        """
        event = canary(self._clock())
        content, headers = self.encode([event])
        response = self.send("POST", str(self.options.url), content, headers)
        partial = self.verdict(response, [event])
        require_same_time(response.headers, self._clock())
        if partial is not None:
            raise rejected(partial.rejected[0][1], said=first_line(response))
        return require_shown(
            lambda query: self.send(
                "GET", query, headers=self._tenant_header(event)
            ),
            str(self.options.url),
            self.labels_of(event),
            event,
        )

    def after_fork(self) -> None:
        super().after_fork()
        self._process = os.urandom(3).hex()

    def _tenant(self, event: Event) -> str | None:
        field = self.options.tenant_field
        value = None if field is None else event.fields.get(field)
        return self.options.tenant if value in (None, "") else str(value)

    def _tenant_header(self, event: Event) -> dict[str, str]:
        tenant = self._tenant(event)
        if tenant is None:
            return {}
        if not is_tenant(tenant):
            reason, said = "tenant", f"{tenant[:200]!r} is no tenant for Loki."
            raise rejected(reason, said=said)
        return {"X-Scope-OrgID": tenant}

    def _is_late(self, event: Event) -> bool:
        age = self._clock() - event.time_ns
        return self._has_room and age > LATE

    def _count_refusal(self, status: int, batch: Sequence[Event]) -> int:
        """Return how often in a row size may have been why it is refused."""
        if status not in (429, 500):
            return 0
        identity = batch[0].time_ns, batch[-1].time_ns, len(batch)
        known, count = self._refused
        self._refused = identity, count + 1 if known == identity else 1
        return self._refused[1]


def _all_labels(
    known: Mapping[str, str], options: LokiOptions
) -> dict[str, str]:
    names = map(label_name, options.label_fields)
    try:
        labels = valid_labels({**known, **options.labels})
        valid_labels({**labels, **dict.fromkeys(names, "x")})
    except ValueError as error:
        msg = f"The labels of Loki cannot be used (labels): {error}"
        raise ConfigurationError(msg) from error
    return labels or {SERVICE: "unknown_service"}
