"""The names of the Elastic Common Schema, and what may stand beside them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


VERSION = "8.11.0"
"""The fields used here are the same in every version since 8.0."""

HEAD = {
    "timestamp": "@timestamp",
    "level": "log.level",
    "event": "message",
}
NAMES = {
    "logger": "log.logger",
    "service": "service.name",
    "version": "service.version",
    "environment": "service.environment",
    "trace_id": "trace.id",
    "span_id": "span.id",
}
ERROR = {
    "type": "error.type",
    "message": "error.message",
    "stack": "error.stack_trace",
}
CALLSITE = {
    "file": "log.origin.file.name",
    "line": "log.origin.file.line",
    "function": "log.origin.function",
}
HTTP = {
    "method": "http.request.method",
    "route": "http.route",
    "path": "url.path",
    "status": "http.response.status_code",
    "client": "client.address",
    "bytes": "http.response.body.bytes",
}
OBJECTS = frozenset(
    {
        "agent",
        "as",
        "client",
        "cloud",
        "code_signature",
        "container",
        "data_stream",
        "destination",
        "device",
        "dll",
        "dns",
        "ecs",
        "elf",
        "email",
        "error",
        "event",
        "faas",
        "file",
        "geo",
        "group",
        "hash",
        "host",
        "http",
        "interface",
        "labels",
        "log",
        "macho",
        "network",
        "observer",
        "orchestrator",
        "organization",
        "os",
        "package",
        "pe",
        "process",
        "registry",
        "related",
        "risk",
        "rule",
        "server",
        "service",
        "source",
        "span",
        "threat",
        "tls",
        "trace",
        "transaction",
        "url",
        "user",
        "user_agent",
        "vlan",
        "volume",
        "vulnerability",
        "x509",
    }
)
"""
Field sets of https://www.elastic.co/docs/reference/ecs/ecs-field-reference.
With its index template, Elasticsearch refuses a document in which one of
them is text or a number.
"""


def with_objects(own: dict[str, Any], rest: dict[str, Any]) -> dict[str, Any]:
    """
    Return *own* and *rest*, with no name a value here and an object there.

    Elasticsearch reads the dots as levels: ``user`` and ``user.id`` cannot
    both be values. The shorter name gets the underscore.
    """
    safe = {_ecs_name(key): value for key, value in rest.items()}
    objects = {prefix for name in safe for prefix in _prefixes(name)}
    objects |= _OUR_OBJECTS
    for key, value in safe.items():
        name = key
        while clash := _clash(name, value, own, objects):
            name = f"{clash}_{name[len(clash) :]}"
        objects.update(_prefixes(name))
        own[name] = value
    return own


def _clash(
    name: str, value: Any, own: dict[str, Any], objects: set[str]
) -> str:
    """Return *name*, or the part of it, that means something else already."""
    if name in objects:
        return name
    if name in OBJECTS and not isinstance(value, dict):
        return name
    return next((p for p in (*_prefixes(name), name) if p in own), "")


def _ecs_name(key: str) -> str:
    # Elasticsearch refuses empty parts, and more than 20 levels.
    parts = key.split(".", 19)
    parts[-1] = parts[-1].replace(".", "_")
    return ".".join(part or "_" for part in parts)


def _prefixes(name: str) -> Iterator[str]:
    """Yield ``a`` and ``a.b`` for ``a.b.c``."""
    end = name.find(".")
    while end >= 0:
        yield name[:end]
        end = name.find(".", end + 1)


_OUR_OBJECTS = frozenset(
    prefix
    for table in (HEAD, NAMES, ERROR, CALLSITE, HTTP)
    for name in table.values()
    for prefix in _prefixes(name)
)
