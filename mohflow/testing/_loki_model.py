"""What a push, an answer and a stored entry are."""

from __future__ import annotations

import json

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple


TEXT = "text/plain; charset=utf-8"


class Value(NamedTuple):
    """One element of ``values`` in a push."""

    time_ns: int
    line: str
    metadata: tuple[tuple[str, str], ...] = ()

    @property
    def size(self) -> int:
        """The bytes that count against the rate limits."""
        return len(self.line.encode()) + self.metadata_size

    @property
    def metadata_size(self) -> int:
        return sum(len(k.encode()) + len(v.encode()) for k, v in self.metadata)


class Stream(NamedTuple):
    """One element of ``streams`` in a push."""

    labels: dict[str, str]
    values: list[Value]


@dataclass(frozen=True, slots=True)
class Entry:
    """One stored line."""

    time_ns: int
    line: str
    labels: Mapping[str, str]
    """With the ``service_name`` that Loki adds."""

    metadata: Mapping[str, str]
    """Names as Loki has changed them; without its ``detected_level``, which
    only queries show."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What is sent back for a request."""

    status: int = 204
    body: bytes = b""
    content_type: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def text(cls, status: int, message: str) -> Answer:
        """Answer as Go's ``http.Error`` does."""
        headers = {"X-Content-Type-Options": "nosniff"}
        return cls(status, f"{message}\n".encode(), TEXT, headers)

    @classmethod
    def json(cls, document: Any) -> Answer:
        body = json.dumps(document, ensure_ascii=False).encode()
        return cls(200, body, "application/json; charset=UTF-8")


class RefusedError(Exception):
    """Nothing of a request is stored."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def label_text(labels: Mapping[str, str]) -> str:
    """Return *labels* as Loki writes them, sorted by name."""
    pairs = (
        f"{name}={json.dumps(value, ensure_ascii=False)}"
        for name, value in sorted(labels.items())
    )
    return f"{{{', '.join(pairs)}}}"


def rfc3339(time_ns: int) -> str:
    """Return a time as Go's ``time.RFC3339`` does, in UTC."""
    seconds = time_ns // 1_000_000_000
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"


def go_time(time_ns: int) -> str:
    """Return a time as Go's ``Time.String`` does, in UTC."""
    seconds, rest = divmod(time_ns, 1_000_000_000)
    fraction = f".{rest:09d}".rstrip("0").rstrip(".")
    return (
        f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S}"
        f"{fraction} +0000 UTC"
    )
