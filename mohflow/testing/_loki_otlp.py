"""Pushes to ``/otlp/v1/logs``, as JSON; protobuf is not read."""

from __future__ import annotations

import json

from collections.abc import Iterable, Iterator
from typing import Any

from mohflow.testing._loki_model import (
    Answer,
    RefusedError,
    Stream,
    Value,
)
from mohflow.testing._loki_parse import malformed


INDEXED = frozenset(
    f"{prefix}.{name}"
    for prefix, names in {
        "service": "name namespace instance.id",
        "deployment": "environment environment.name",
        "cloud": "region availability_zone",
        "container": "name",
        "k8s": "cluster.name namespace.name pod.name container.name "
        "replicaset.name deployment.name statefulset.name daemonset.name "
        "cronjob.name job.name",
    }.items()
    for name in names.split()
)
"""Attributes of a resource that become labels."""

FIELDS = {
    "severityNumber": "severity_number",
    "severityText": "severity_text",
    "traceId": "trace_id",
    "spanId": "span_id",
}
"""Fields of a record that become structured metadata."""


def parse_otlp(body: bytes) -> list[Stream]:
    """
    Return the streams of an export request in JSON.

    Raises:
        RefusedError: It is not JSON.
    """
    text = body.decode("utf-8", "replace")
    try:
        document = json.loads(text)
    except json.JSONDecodeError as error:
        found = text[error.pos : error.pos + 1] or "\0"
        msg = f'ReadObject: expect " after {{, but found {found}'
        raise malformed(msg, text, error.pos + 1) from None
    return [_stream(item) for item in document.get("resourceLogs", ())]


def _stream(item: Any) -> Stream:
    attributes = dict(_pairs(item.get("resource", {}).get("attributes", ())))
    labels = {
        name.replace(".", "_"): value
        for name, value in attributes.items()
        if name in INDEXED
    }
    rest = [pair for pair in attributes.items() if pair[0] not in INDEXED]
    labels.setdefault("service_name", "unknown_service")
    values = [
        _value(record, rest + _scope(scope))
        for scope in item.get("scopeLogs", ())
        for record in scope.get("logRecords", ())
    ]
    return Stream(labels, values)


def _scope(scope: Any) -> list[tuple[str, str]]:
    name = scope.get("scope", {}).get("name")
    return [("scope_name", name)] if name else []


def _value(record: Any, inherited: list[tuple[str, str]]) -> Value:
    own = list(_pairs(record.get("attributes", ())))
    own += [
        (label, str(record[name]))
        for name, label in FIELDS.items()
        if record.get(name)
    ]
    time_ns = record.get("timeUnixNano") or record.get("observedTimeUnixNano")
    line = _plain(record.get("body", {}))
    return Value(int(time_ns or 0), line, tuple(own + inherited))


def _pairs(attributes: Iterable[Any]) -> Iterator[tuple[str, str]]:
    for attribute in attributes:
        yield attribute["key"], _plain(attribute["value"])


def _plain(value: Any) -> str:
    content = next(iter(value.values()), "")
    return content if isinstance(content, str) else json.dumps(content)


def otlp_error(error: Answer | RefusedError) -> Answer:
    """Return *error* as a protobuf Status; 500 becomes 503."""
    if isinstance(error, RefusedError):
        message = str(error).encode()
    else:
        message = error.body.removesuffix(b"\n")
    status = 503 if error.status == 500 else error.status
    size, length = len(message), bytearray()
    while size > 127:
        length.append(size & 127 | 128)
        size >>= 7
    length.append(size)
    body = b"\x12" + bytes(length) + message
    return Answer(status, body, "application/octet-stream")
