"""Outgoing calls of httpx: they carry the ids of the request they serve."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

import httpx

from mohflow.integrations._outgoing import Allowed, outgoing_headers


Client = TypeVar("Client", httpx.Client, httpx.AsyncClient)

_MARK = "mohflow.added"


def propagate(client: Client, *, hosts: Iterable[str] | None = None) -> Client:
    """
    Send ``X-Request-ID`` and ``traceparent`` with each call of *client*.

    A header that the caller has set stays as it is. A redirect to a host that
    is not allowed carries none of ours.

    Args:
        client: Of either kind; it is changed.
        hosts: Who is told the ids; ``.example.org`` stands for all below it
            and for itself. Without it every host is, strangers included.

    Returns:
        The same client.
    """
    allowed = Allowed(hosts)

    def add(request: httpx.Request) -> None:
        _add(request, allowed)

    async def add_async(request: httpx.Request) -> None:
        _add(request, allowed)

    is_async = isinstance(client, httpx.AsyncClient)
    hooks = client.event_hooks
    hooks["request"].append(add_async if is_async else add)
    client.event_hooks = hooks
    return client


def _add(request: httpx.Request, allowed: Allowed) -> None:
    # A redirect is a new request with the headers of the one before.
    for name in request.extensions.pop(_MARK, ()):
        request.headers.pop(name, None)
    if request.url.host not in allowed:
        return
    added = {
        name: value
        for name, value in outgoing_headers().items()
        if name not in request.headers
    }
    request.headers.update(added)
    request.extensions = {**request.extensions, _MARK: tuple(added)}
