"""What a Loki keeps of a push, and what it says about it."""

from __future__ import annotations

import threading

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import NamedTuple

from mohflow.testing._loki_limits import (
    MEGABYTE,
    SECOND,
    LokiLimits,
    TokenBucket,
    grouped,
    nanoseconds,
    normal_metadata,
)
from mohflow.testing._loki_model import (
    Answer,
    Entry,
    RefusedError,
    Stream,
    Value,
    go_time,
    label_text,
    rfc3339,
)


MAX_REPORTED = 10
"""Entries of a stream that are listed in one answer."""


class _Fault(NamedTuple):
    time_ns: int
    reason: str


class _StoredStream:
    """One stream of a tenant."""

    def __init__(self, name: str, tenant: str, limits: LokiLimits) -> None:
        self._name = name
        self._tenant = tenant
        self._limits = limits
        self._bucket = TokenBucket(limits.stream_rate, limits.stream_burst)
        self._newest: int | None = None
        self._known: set[tuple[object, ...]] = set()

    def take(
        self, values: Iterable[Value], now: int
    ) -> tuple[list[Value], Answer | None]:
        """Return what is new in *values*, and an answer if some is refused."""
        values = list(values)
        kept, behind = self._in_order(values)
        if not self._bucket.take(sum(v.size for v in kept), now):
            faults = [_Fault(v.time_ns, self._rate_text(v)) for v in kept]
            return [], self._answer(429, faults, len(values))
        fresh = []
        for value in kept:
            self._newest = max(self._newest or value.time_ns, value.time_ns)
            key = self._key(value)
            if key not in self._known:
                self._known.add(key)
                fresh.append(value)
        if behind:
            return fresh, self._answer(400, behind, len(values))
        return fresh, None

    def _in_order(
        self, values: Iterable[Value]
    ) -> tuple[list[Value], list[_Fault]]:
        """Part *values* into those inside the window, and the others."""
        kept, behind = [], []
        newest = self._newest
        window = nanoseconds(self._limits.order_window)
        for value in values:
            if newest is not None and value.time_ns < newest - window:
                reason = (
                    "entry too far behind, entry timestamp is: "
                    f"{rfc3339(value.time_ns)}, oldest acceptable timestamp "
                    f"is: {rfc3339(newest - window)}"
                )
                behind.append(_Fault(value.time_ns, reason))
            else:
                kept.append(value)
                newest = max(newest or value.time_ns, value.time_ns)
        return kept, behind

    def _key(self, value: Value) -> tuple[object, ...]:
        if self._limits.metadata_distinguishes:
            return value
        return value[:2]

    def _rate_text(self, value: Value) -> str:
        return (
            "Per stream rate limit exceeded (limit: "
            f"{self._limits.stream_rate / MEGABYTE:g}MB/sec) while "
            f"attempting to ingest for stream '{self._name}' totaling "
            f"{value.size}B, consider splitting a stream via additional "
            "labels or contact your Loki administrator to see if the limit "
            "can be increased"
        )

    def _answer(self, status: int, faults: list[_Fault], total: int) -> Answer:
        lines = [
            f"entry with timestamp {go_time(fault.time_ns)} ignored, "
            f"reason: '{fault.reason}',"
            for fault in faults[:MAX_REPORTED]
        ]
        lines.append(
            f"user '{self._tenant}', total ignored: {len(faults)} out of "
            f"{total} for stream: {self._name}"
        )
        return Answer.text(status, "\n".join(lines))


class _Tenant:
    """The streams and the allowance of one tenant."""

    def __init__(self, name: str, limits: LokiLimits) -> None:
        self.name = name
        self.entries: list[Entry] = []
        self.bucket = TokenBucket(limits.rate, limits.burst)
        self._limits = limits
        self._streams: dict[str, _StoredStream] = {}

    def take(self, stream: Stream, now: int) -> Answer | None:
        """Store what can be stored of *stream*."""
        name = label_text(stream.labels)
        stored = self._streams.get(name)
        if stored is None:
            if len(self._streams) >= self._limits.max_streams:
                return self._too_many(name)
            stored = _StoredStream(name, self.name, self._limits)
            self._streams[name] = stored
        fresh, answer = stored.take(stream.values, now)
        self.entries += [
            Entry(v.time_ns, v.line, stream.labels, dict(v.metadata))
            for v in fresh
        ]
        return answer

    def _too_many(self, name: str) -> Answer:
        return Answer.text(
            429,
            "maximum active stream limit exceeded when trying to create "
            f"stream {name}, reduce the number of active streams (reduce "
            "labels or reduce label values), or contact your Loki "
            "administrator to see if the limit can be increased, "
            f"user: '{self.name}'",
        )


class Store:
    """
    The tenants of a Loki.

    Args:
        limits: The same for every tenant.
    """

    def __init__(self, limits: LokiLimits) -> None:
        self.limits = limits
        self._lock = threading.Lock()
        self._tenants: dict[str, _Tenant] = {}

    def clear(self) -> None:
        """Forget all entries, streams and allowances."""
        with self._lock:
            self._tenants.clear()

    def entries(self, tenant: str | None = None) -> list[Entry]:
        """Return the entries of *tenant*, or of all, as they came."""
        with self._lock:
            return [
                entry
                for name, stored in self._tenants.items()
                if tenant in (None, name)
                for entry in stored.entries
            ]

    def push(self, name: str, streams: list[Stream], now: int) -> Answer:
        """
        Store what can be stored of *streams*.

        Several streams share one answer: that of the last one.

        Args:
            name: The tenant.
            streams: As they were sent.
            now: Nanoseconds since the epoch.

        Raises:
            RefusedError: Nothing is stored.
        """
        if not streams:
            msg = "error at least one valid stream is required for ingestion"
            raise RefusedError(422, msg)
        with self._lock:
            valid, verdict = self._validated(name, streams, now)
            if not valid:
                return verdict
            tenant = self._tenants.get(name)
            if tenant is None:
                tenant = self._tenants[name] = _Tenant(name, self.limits)
            self._allow(tenant, valid, now)
            answers = [tenant.take(stream, now) for stream in valid]
            return answers[-1] or verdict

    def _validated(
        self, tenant: str, streams: Iterable[Stream], now: int
    ) -> tuple[list[Stream], Answer]:
        """Return what may be stored, and what to answer if it is."""
        faults: list[str] = []
        valid = []
        blocked = self._blocked(tenant, now)
        for stream in streams:
            if not stream.values:
                continue
            fault = self.limits.label_fault(stream.labels)
            if fault is not None:
                faults.append(fault)
            elif blocked is None:
                values = self._valid_values(stream, now, faults)
                if values:
                    valid.append(Stream(stream.labels, values))
        if faults:
            return valid, Answer.text(400, grouped(faults))
        return valid, blocked or Answer()

    def _valid_values(
        self, stream: Stream, now: int, faults: list[str]
    ) -> list[Value]:
        name = label_text(stream.labels)
        valid = []
        for value in stream.values:
            fault = self.limits.entry_fault(name, value, now)
            if fault is None:
                valid.append(value._replace(metadata=normal_metadata(value)))
            else:
                faults.append(fault)
        return valid

    def _blocked(self, tenant: str, now: int) -> Answer | None:
        until, status = self.limits.blocked_until, self.limits.blocked_status
        if until is None or now >= until.timestamp() * SECOND:
            return None
        if status == 200:
            return Answer()
        return Answer.text(
            status,
            f"ingestion blocked for user '{tenant}' until "
            f"'{_utc(until)}' with status code '{status}'",
        )

    def _allow(self, tenant: _Tenant, valid: list[Stream], now: int) -> None:
        size = sum(v.size for stream in valid for v in stream.values)
        if tenant.bucket.take(size, now):
            return
        lines = sum(len(stream.values) for stream in valid)
        raise RefusedError(
            429,
            f"ingestion rate limit exceeded for user {tenant.name} (limit: "
            f"{self.limits.rate:.0f} bytes/sec) while attempting to ingest "
            f"'{lines}' lines totaling '{size}' bytes, reduce log volume or "
            "contact your Loki administrator to see if the limit can be "
            "increased",
        )


def _utc(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
