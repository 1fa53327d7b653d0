"""Which request gets which answer; no sockets."""

from __future__ import annotations

import json
import re

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from mohflow.testing._loki_model import TEXT, Answer, RefusedError
from mohflow.testing._loki_otlp import otlp_error, parse_otlp
from mohflow.testing._loki_parse import decompress, parse_legacy, parse_push
from mohflow.testing._loki_query import query_range
from mohflow.testing._loki_store import Store


PUSH = "/loki/api/v1/push"
LEGACY_PUSH = "/api/prom/push"
OTLP_PUSH = "/otlp/v1/logs"
QUERY_RANGE = "/loki/api/v1/query_range"

MAX_TENANT = 150
"""Bytes of the name of a tenant."""

_NOT_IN_A_TENANT = re.compile(r"[^a-zA-Z0-9!\-_.*'()|]")


@dataclass(slots=True)
class Request:
    """A request as it arrived."""

    method: str
    path: str
    """With the query."""

    headers: Mapping[str, str]
    """By lower-case names."""

    raw: bytes
    """The body as it was sent."""

    connection: int
    """Equal for requests that came over the same connection."""

    status: int | None = None
    """What was answered; ``None`` if nothing was, or nothing yet."""

    @property
    def body(self) -> bytes:
        """The body, decompressed."""
        return decompress(self.raw, self.headers.get("content-encoding", ""))

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


def answer(
    request: Request, store: Store, now: int, *, auth_enabled: bool
) -> Answer:
    """
    Do what *request* asks, and return what Loki answers.

    Args:
        request: It may be absolute, as a proxy gets it.
        store: What is known so far.
        now: Nanoseconds since the epoch.
        auth_enabled: Whether a tenant must be named.
    """
    target = urlsplit(request.path)
    call = (request.method, target.path)
    if call == ("GET", "/ready"):
        return Answer(200, b"ready\n", TEXT)
    if call not in _CALLS:
        return Answer.text(404, "404 page not found")
    try:
        tenant = tenant_of(request.headers) if auth_enabled else "fake"
        if call == ("GET", QUERY_RANGE):
            parameters = dict(parse_qsl(target.query))
            return query_range(store.entries(tenant), parameters, now)
        return _push(request, target.path, tenant, store, now)
    except RefusedError as error:
        return Answer.text(error.status, str(error))


_CALLS = {("POST", path) for path in (PUSH, LEGACY_PUSH, OTLP_PUSH)} | {
    ("GET", QUERY_RANGE)
}


def _push(
    request: Request, path: str, tenant: str, store: Store, now: int
) -> Answer:
    if "|" in tenant:
        raise RefusedError(400, "multiple org IDs present")
    if len(request.raw) > store.limits.max_body_size:
        raise RefusedError(
            413,
            f"request body too large: {len(request.raw)} bytes, "
            f"limit: {store.limits.max_body_size} bytes",
        )
    if path == OTLP_PUSH:
        return _push_otlp(request, tenant, store, now)
    parse = parse_push if path == PUSH else parse_legacy
    return store.push(tenant, parse(request.raw, request.headers), now)


def _push_otlp(
    request: Request, tenant: str, store: Store, now: int
) -> Answer:
    try:
        result = store.push(tenant, parse_otlp(request.body), now)
    except RefusedError as error:
        return otlp_error(error)
    return result if result.status == 204 else otlp_error(result)


def tenant_of(headers: Mapping[str, str]) -> str:
    """
    Return the tenant that *headers* name.

    Raises:
        RefusedError: None is named, or its name is not allowed.
    """
    tenant = headers.get("x-scope-orgid", "")
    if not tenant:
        raise RefusedError(401, "no org id")
    wrong = _NOT_IN_A_TENANT.search(tenant)
    if wrong:
        msg = f"tenant ID '{tenant}' contains unsupported character "
        raise RefusedError(400, f"{msg}'{wrong.group()}'")
    if len(tenant) > MAX_TENANT:
        msg = f"tenant ID is too long: max {MAX_TENANT} characters"
        raise RefusedError(400, msg)
    if tenant in (".", ".."):
        raise RefusedError(400, "tenant ID is '.' or '..'")
    return tenant
