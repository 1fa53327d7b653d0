"""
A local stand-in for Loki, for tests.

It answers pushes in JSON, plain, gzip or deflate, as a real Loki with default
limits does: status, text, and which entries are kept. It does not read
protobuf, and queries are selectors with ``=`` only.
"""

from __future__ import annotations

import ssl
import threading
import time

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Self

from mohflow.testing import _loki_faults
from mohflow.testing._loki_api import Request, answer
from mohflow.testing._loki_http import Listener
from mohflow.testing._loki_limits import LokiLimits
from mohflow.testing._loki_model import TEXT, Answer, Entry
from mohflow.testing._loki_store import Store


__all__ = ["Entry", "LokiLimits", "LokiServer", "Request"]


HOST = "127.0.0.1"


class LokiServer:
    """
    A Loki on a port of its own, from ``with`` to the end of the block.

    Faults happen to the requests that follow, in the order in which they
    were asked for; :meth:`heal` ends them all.

    Args:
        limits: Those of every tenant.
        auth_enabled: Whether requests must name a tenant; if not, all belong
            to the tenant ``fake``.
        clock: Returns nanoseconds since the epoch.
        tls: To speak HTTPS.
    """

    def __init__(
        self,
        limits: LokiLimits | None = None,
        *,
        auth_enabled: bool = False,
        clock: Callable[[], int] = time.time_ns,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._store = Store(limits or LokiLimits())
        self._auth_enabled = auth_enabled
        self._clock = clock
        self._tls = tls
        self._faults = _loki_faults.Faults()
        self._changed = threading.Condition()
        self._requests: list[Request] = []
        self._listener: Listener | None = None
        self._port = 0
        self._is_listening = False

    def _bind(self) -> Listener:
        """Take the port, the same each time, without listening yet."""
        listener = Listener(
            (HOST, self._port),
            decide=self._decide,
            note=self._note,
            next_fault=self._faults.next,
            tls=self._tls,
        )
        self._port = int(listener.server_address[1])
        return listener

    def __enter__(self) -> Self:
        self.resume()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<LokiServer({self.url})>"

    def close(self) -> None:
        """Drop all connections and free the port."""
        self._is_listening = False
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.ending.set()
            self._faults.heal()
            listener.close()

    @property
    def url(self) -> str:
        """Where it listens, without a path; known once it has begun."""
        scheme = "http" if self._tls is None else "https"
        return f"{scheme}://{HOST}:{self._port}"

    @property
    def limits(self) -> LokiLimits:
        """The limits of every tenant."""
        return self._store.limits

    @property
    def requests(self) -> list[Request]:
        """The requests so far, as they arrived."""
        with self._changed:
            return list(self._requests)

    def entries(self, tenant: str | None = None) -> list[Entry]:
        """Return what *tenant*, or every tenant, has stored, as it came."""
        return self._store.entries(tenant)

    def clear(self) -> None:
        """Forget entries, streams and requests; faults stay."""
        with self._changed:
            self._requests.clear()
            self._store.clear()

    def wait_for(
        self, condition: Callable[[], bool], timeout: float = 5.0
    ) -> bool:
        """Return whether *condition* holds after a request in time."""
        with self._changed:
            return self._changed.wait_for(condition, timeout)

    def _decide(self, request: Request) -> Answer:
        return answer(
            request,
            self._store,
            self._clock(),
            auth_enabled=self._auth_enabled,
        )

    def _note(self, request: Request | None) -> None:
        with self._changed:
            if request is not None:
                self._requests.append(request)
            self._changed.notify_all()

    def refuse(self) -> None:
        """Refuse connections and drop those that exist, at once."""
        self.close()
        self._listener = self._bind()

    def resume(self) -> None:
        """Accept connections, on the same port as before."""
        if self._listener is None:
            self._listener = self._bind()
        if not self._is_listening:
            self._is_listening = True
            self._listener.open()

    def heal(self) -> None:
        """End all faults, accept connections, answer what hangs."""
        self._faults.heal()
        self.resume()

    def drop_idle_connections(self) -> None:
        """Close the connections that no request is using."""
        if self._listener is not None:
            self._listener.drop_idle()

    def hang(
        self, seconds: float | None = None, times: int | None = None
    ) -> None:
        """Answer requests after *seconds*, or not before :meth:`heal`."""
        self._faults.plan(self._faults.hang(seconds), times)

    def slow(self, bytes_per_second: int, times: int | None = None) -> None:
        """Read requests and send answers at that pace."""
        self._faults.plan(None, times, bytes_per_second)

    def reset(self, times: int | None = 1) -> None:
        """Reset the connection in place of storing anything."""
        self._faults.plan(_loki_faults.reset, times)

    def reset_after_storing(self, times: int | None = 1) -> None:
        """Store what is pushed, then reset the connection."""
        self._faults.plan(_loki_faults.reset_after_storing, times)

    def truncate(self, times: int | None = 1) -> None:
        """Store what is pushed, then end in the middle of the answer."""
        self._faults.plan(_loki_faults.truncate, times)

    def respond(
        self,
        status: int,
        body: str = "",
        headers: Mapping[str, str] | None = None,
        times: int | None = 1,
    ) -> None:
        """
        Store nothing and answer this.

        Args:
            status: Any number of three digits.
            body: Sent as plain text if *headers* say nothing else.
            headers: Of the answer.
            times: How many requests; ``None`` for all until :meth:`heal`.
        """
        given = dict(headers or {})
        is_typed = "content-type" in {name.lower() for name in given}
        content_type = None if is_typed or not body else TEXT
        fixed = Answer(status, body.encode(), content_type, given)
        self._faults.plan(_loki_faults.respond(fixed), times)

    def flaky(
        self,
        plan: Iterable[int | None] | Callable[[Request], int | None],
    ) -> None:
        """
        Answer some requests by an error, and store nothing of them.

        Args:
            plan: The statuses of the next requests, or a function that is
                asked for each request until :meth:`heal`. 204 and ``None``
                stand for what Loki answers.
        """
        if callable(plan):
            self._faults.plan(_loki_faults.choose(plan), None)
            return
        for status in plan:
            self._faults.plan(_loki_faults.choose_once(status), 1)

    def block(self, until: datetime | None, status: int = 260) -> None:
        """Throw away what is pushed until then; ``None`` ends it."""
        self._store.limits = replace(
            self.limits, blocked_until=until, blocked_status=status
        )
