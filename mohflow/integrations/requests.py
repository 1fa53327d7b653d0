"""Outgoing calls of requests: they carry the ids of what they serve."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

from mohflow.integrations._missing import missing
from mohflow.integrations._outgoing import Allowed, outgoing_headers


try:
    import requests
except ImportError as error:
    raise missing(extra="requests") from error


def propagate(
    session: requests.Session, *, hosts: Iterable[str] | None = None
) -> requests.Session:
    """
    Send ``X-Request-ID`` and ``traceparent`` with each call of *session*.

    A header that the caller has set stays as it is. A redirect to a host that
    is not allowed carries none of ours.

    Args:
        session: It is changed.
        hosts: Who is told the ids; ``.example.org`` stands for all below it
            and for itself. Without it every host is, strangers included.

    Returns:
        The same session.
    """
    allowed = Allowed(hosts)
    prepare, rebuild = session.prepare_request, session.rebuild_auth

    def prepare_request(request: Any) -> requests.PreparedRequest:
        prepared = prepare(request)
        if _host(prepared) in allowed:
            for name, value in outgoing_headers().items():
                prepared.headers.setdefault(name, value)
        return prepared

    def rebuild_auth(prepared: Any, response: Any) -> None:
        """Called for each redirect: take away what is not for its host."""
        rebuild(prepared, response)
        if _host(prepared) not in allowed:
            for name, value in outgoing_headers().items():
                if prepared.headers.get(name) == value:
                    del prepared.headers[name]

    session.prepare_request = prepare_request  # type: ignore[method-assign]
    session.rebuild_auth = rebuild_auth  # type: ignore[method-assign, assignment]
    return session


def _host(prepared: requests.PreparedRequest) -> str:
    return urlsplit(prepared.url or "").hostname or ""
