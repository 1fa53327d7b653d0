"""The limits of a tenant, and what Loki says when one is exceeded."""

from __future__ import annotations

import re

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from mohflow.testing._loki_model import (
    RefusedError,
    Value,
    label_text,
    rfc3339,
)


MEGABYTE = 1 << 20
SECOND = 1_000_000_000


@dataclass(frozen=True, slots=True)
class LokiLimits:
    """The limits of a single Loki with default settings."""

    max_line_size: int = 256 << 10
    """Bytes of a line."""

    max_label_names: int = 15
    """Labels of a stream, ``service_name`` not counted."""

    max_label_name_length: int = 1024
    max_label_value_length: int = 2048

    max_metadata_size: int = 64 << 10
    """Bytes of the names and values of an entry's structured metadata."""

    max_metadata_count: int = 128
    """Pairs of an entry's structured metadata."""

    rate: float = 4 * MEGABYTE
    """Bytes of lines and metadata that a tenant may send in a second."""

    burst: int = 6 * MEGABYTE
    """Bytes that a tenant may send at once. A larger push never passes."""

    stream_rate: float = 3 * MEGABYTE
    stream_burst: int = 15 * MEGABYTE

    max_streams: int = 5000
    """Streams of a tenant."""

    max_body_size: int = 100 * MEGABYTE
    """Bytes of a request as it was sent."""

    max_age: timedelta | None = timedelta(days=7)
    """Older entries are refused; ``None``: none is."""

    grace: timedelta = timedelta(minutes=10)
    """How far in the future an entry may be."""

    order_window: timedelta = timedelta(hours=1)
    """How far an entry may be behind the newest one of its stream."""

    metadata_distinguishes: bool = True
    """``False``: entries that differ in metadata only are duplicates, as in
    Loki before 3.7."""

    blocked_until: datetime | None = None
    """Until then everything is thrown away and answered by
    ``blocked_status``."""

    blocked_status: int = 260
    """200: thrown away without a word."""

    def label_fault(self, labels: Mapping[str, str]) -> str | None:
        """Return why a stream with *labels* is refused."""
        name = label_text(labels)
        count = len(labels.keys() - {"service_name"})
        if count > self.max_label_names:
            return (
                f"entry for stream '{name}' has {count} label names; "
                f"limit {self.max_label_names}"
            )
        for key, value in sorted(labels.items()):
            if len(key.encode()) > self.max_label_name_length:
                return f"stream '{name}' has label name too long: '{key}'"
            if len(value.encode()) > self.max_label_value_length:
                return f"stream '{name}' has label value too long: '{value}'"
        return None

    def entry_fault(self, name: str, value: Value, now: int) -> str | None:
        """Return why *value* of the stream *name* is refused."""
        stamp = rfc3339(value.time_ns)
        if self.max_age is not None:
            oldest = now - nanoseconds(self.max_age)
            if value.time_ns < oldest:
                return (
                    f"entry for stream '{name}' has timestamp too old: "
                    f"{stamp}, oldest acceptable timestamp is: "
                    f"{rfc3339(oldest)}"
                )
        if value.time_ns > now + nanoseconds(self.grace):
            return f"entry for stream '{name}' has timestamp too new: {stamp}"
        length = len(value.line.encode())
        if length > self.max_line_size:
            return (
                f"max entry size '{self.max_line_size}' bytes exceeded for "
                f"stream '{name}' while adding an entry with length "
                f"'{length}' bytes"
            )
        return self._metadata_fault(name, value)

    def _metadata_fault(self, name: str, value: Value) -> str | None:
        advice = (
            "Please see `limits_config.{}` or contact your Loki "
            "administrator to increase it"
        )
        size, count = value.metadata_size, len(value.metadata)
        if size > self.max_metadata_size:
            return (
                f"stream '{name}' has structured metadata too large: '{size}' "
                f"bytes, limit: '{self.max_metadata_size}' bytes. "
                f"{advice.format('max_structured_metadata_size')}"
            )
        if count > self.max_metadata_count:
            return (
                f"stream '{name}' has too many structured metadata labels: "
                f"'{count}', limit: '{self.max_metadata_count}'. "
                f"{advice.format('max_structured_metadata_entries_count')}"
            )
        return None


class TokenBucket:
    """Let *rate* bytes pass in a second, and *burst* at once."""

    def __init__(self, rate: float, burst: int) -> None:
        self._rate = rate
        self._burst = burst
        self._tokens = float(burst)
        self._then: int | None = None

    def take(self, size: int, now: int) -> bool:
        """Return whether *size* bytes may pass at *now*; if not, none do."""
        elapsed = max(0, now - (self._then or now)) / SECOND
        self._then = now
        self._tokens = min(self._burst, self._tokens + elapsed * self._rate)
        if size > self._tokens:
            return False
        self._tokens -= size
        return True


def nanoseconds(duration: timedelta) -> int:
    return duration // timedelta(microseconds=1) * 1000


def grouped(faults: Iterable[str]) -> str:
    """Return *faults* in one text, equal ones together."""
    counts = Counter(faults)
    if counts.total() == 1:
        return next(iter(counts))
    return "; ".join(f"{n} errors like: {text}" for text, n in counts.items())


def normal_metadata(value: Value) -> tuple[tuple[str, str], ...]:
    """
    Return the metadata of *value* under the names that Loki gives it.

    Raises:
        RefusedError: A name has nothing but underscores and signs; Loki
            answers 500 for the whole push, however often it is tried.
    """
    named = dict(value.metadata)
    for name, text in value.metadata:
        normal = _normal_name(name)
        if normal != name:
            named.pop(name, None)
            named[normal] = text
    return tuple(sorted(named.items()))


def _normal_name(name: str) -> str:
    if not name:
        raise RefusedError(500, "label name is empty")
    reserved = re.fullmatch("__(.+)__", name)
    inner = reserved.group(1) if reserved else name
    normal = re.sub("[^a-zA-Z0-9]+", "_", inner)
    if reserved:
        normal = f"__{normal}__"
    if normal[0].isdigit():
        normal = f"key_{normal}"
    if not normal.strip("_"):
        raise RefusedError(
            500,
            f'normalization for label name "{name}" resulted in invalid '
            f'name "{normal}"',
        )
    return normal
