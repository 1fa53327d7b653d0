"""What the ``environ`` of WSGI, and Django's ``META``, tell of a request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mohflow.integrations._http import Exchange, Policy


class Environ:
    """
    Make the exchange of a request.

    Args:
        policy: What the middleware was told.
    """

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._keys = [
            ("HTTP_" + name.upper().replace("-", "_"), name)
            for name in policy.wanted
        ]

    def exchange(self, environ: Mapping[str, Any], path: str) -> Exchange:
        """Return what *environ* tells of the request for *path*."""
        return Exchange(
            self._policy,
            environ.get("REQUEST_METHOD", ""),
            path,
            environ.get("QUERY_STRING", ""),
            environ.get("REMOTE_ADDR") or None,
            {n: environ[key] for key, n in self._keys if key in environ},
        )
