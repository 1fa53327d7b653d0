"""
What every web integration shares: the ids, the access event. No I/O.

:class:`Policy` is made once, when the middleware is; :class:`Exchange` is one
request and its answer. An adapter fills in what it sees and calls
:meth:`Exchange.start` and :meth:`Exchange.finish`.
"""

from __future__ import annotations

import os
import re

from collections.abc import Callable, Iterable, Mapping
from time import perf_counter
from typing import Any, cast

import mohflow

from mohflow.integrations._claims import CURRENT, claim, silence


QUIET = (
    "/health",
    "/healthz",
    "/livez",
    "/ping",
    "/readyz",
)
"""Paths of probes: answers below 400 are told at level debug."""

HEADERS = ("X-Request-ID", "X-Correlation-ID")
"""Where an id may come in, the first valid one counts; the answer has the
first."""

TOO_LONG = 256
"""Characters of a user agent that are kept."""

_ID = re.compile(r"[A-Za-z0-9._-]{1,128}").fullmatch

_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+").fullmatch
"""What HTTP allows as the name of a header (RFC 9110, 5.6.2)."""

_TRACEPARENT = re.compile(
    r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?"
).fullmatch
"""<https://www.w3.org/TR/trace-context/#traceparent-header>"""

ACCESS = mohflow.get_logger("mohflow.access")


def new_id() -> str:
    """Return a new correlation id: 32 hexadecimal digits."""
    return os.urandom(16).hex()


def valid_id(value: str | None) -> str | None:
    """Return *value* if it can be a correlation id."""
    return value if value is not None and _ID(value) else None


def trace_fields(traceparent: str | None) -> dict[str, str]:
    """Return the trace fields of the header; none where it is invalid."""
    match = _TRACEPARENT(traceparent) if traceparent else None
    if match is None:
        return {}
    version, trace_id, span_id, flags, rest = match.groups()
    is_known = version != "ff" and (version != "00" or rest is None)
    if not is_known or not trace_id.strip("0") or not span_id.strip("0"):
        return {}
    return {"trace_id": trace_id, "span_id": span_id, "trace_flags": flags}


class Policy:
    """
    What a middleware was told, made ready.

    Args:
        headers: Where a correlation id may come in, by preference; the first
            is sent back.
        quiet: Paths whose answers below 400 are told at level debug.
        clock: Returns seconds; only differences count.
    """

    def __init__(
        self,
        headers: Iterable[str] = HEADERS,
        quiet: Iterable[str] = QUIET,
        clock: Callable[[], float] = perf_counter,
    ) -> None:
        names = _names("headers", headers)
        if not all(map(_TOKEN, names)):
            msg = f"headers cannot be {headers!r}. Give names of headers."
            raise mohflow.ConfigurationError(msg)
        self.header = names[0]
        self.raw_header = names[0].lower().encode("ascii")
        """As ASGI writes it."""
        self.sources = tuple(name.lower() for name in names)
        self.quiet = frozenset(_names("quiet", quiet, may_be_empty=True))
        self.wanted = frozenset((*self.sources, "traceparent", "user-agent"))
        """Names of the headers that count, in lower case."""
        self.clock = clock
        silence()


def _tells_of_leaving(error: Exception) -> bool:
    """Return whether *error* says no more than that the client is gone."""
    # Starlette's own, which is no OSError.
    is_starlettes = type(error).__name__ == "ClientDisconnect"
    return is_starlettes or isinstance(error, OSError)


def _names(
    option: str, given: Iterable[str], *, may_be_empty: bool = False
) -> tuple[str, ...]:
    names = (None,) if isinstance(given, str) else tuple(given)
    is_right = all(isinstance(name, str) and name for name in names)
    if not is_right or not (names or may_be_empty):
        msg = f"{option} cannot be {given!r}. Give a list of strings."
        raise mohflow.ConfigurationError(msg)
    return cast("tuple[str, ...]", names)


class Exchange:
    """
    One request and its answer, as the access event tells them.

    Args:
        policy: What the middleware was told.
        method: Of the request; ``WEBSOCKET`` for a socket.
        path: Without the query.
        query: As it came, without the question mark.
        client: The address, if it is known.
        headers: Those that the policy wants, by name in lower case.
    """

    event = "request_finished"
    route: str | None = None
    status: int | None = None
    error: BaseException | None = None
    sent_bytes = 0
    is_streamed = is_complete = is_cancelled = is_finished = False
    _ended: float | None = None
    _previous: Any = None

    def __init__(
        self,
        policy: Policy,
        method: str,
        path: str,
        query: str,
        client: str | None,
        headers: Mapping[str, str],
    ) -> None:
        self._policy = policy
        self._begun = policy.clock()
        self.method, self.path, self.query = method, path, query
        self.client = client
        self.user_agent = headers.get("user-agent")
        self.extra: dict[str, Any] = {}
        self.correlation_id = self._identify(headers)
        parent = headers.get("traceparent")
        self._unit = mohflow.UnitOfWork(
            correlation_id=self.correlation_id,
            **(trace_fields(parent) if parent else {}),
        )

    def _identify(self, headers: Mapping[str, str]) -> str:
        """Return the id that came in; a bad one is named, never shown."""
        for name in self._policy.sources:
            given = headers.get(name)
            if given is not None:
                # Some servers leave white space behind a value.
                given = given.strip(" \t")
                if _ID(given):
                    return given
                self.extra["refused_header"] = name
        return new_id()

    @property
    def header(self) -> tuple[str, str]:
        """The header of the answer that tells the id."""
        return self._policy.header, self.correlation_id

    def start(self) -> None:
        """Let the events of this context carry the ids."""
        self._previous = CURRENT.get()
        CURRENT.set(self)
        self._unit.start()

    def answered(self) -> None:
        """Stop the clock: the last byte has been sent."""
        self.is_complete = True
        self._ended = self._policy.clock()

    def fail(self, error: BaseException) -> None:
        """Note what nobody has handled; the event shows it."""
        if not isinstance(error, Exception):
            self.is_cancelled = True
            return
        claim(error)
        if not (self.is_cancelled and _tells_of_leaving(error)):
            self.error = error

    def log(self) -> None:
        """Write the access event, once; a later error has its own."""
        self._unit.settle()
        if not self.is_finished:
            self.is_finished = True
            getattr(ACCESS, self.level())(self.event, **self.fields())
        elif self.error is not None:
            ACCESS.error("unhandled_exception", exc_info=self.error)
        self.error = None

    def finish(self) -> None:
        """Write what is to be written, and bring the context back."""
        if self.error is not None or not self.is_finished:
            self.log()
        self.leave()

    def leave(self) -> None:
        """Bring back the context from before the start."""
        self._unit.end()
        CURRENT.set(self._previous)
        self._previous = None

    def level(self) -> str:
        """Return how loud the access event is."""
        status = self.status or 0
        if self.error is not None or status >= 500:
            return "error"
        if status >= 400 or not self.is_complete:
            return "warning"
        return "debug" if self.path in self._policy.quiet else "info"

    def fields(self) -> dict[str, Any]:
        """Return what the access event tells, in its order."""
        ended = self._ended or self._policy.clock()
        fields: dict[str, Any] = {
            "method": self.method,
            "route": self.route,
            "path": self.path,
            "status": self.status,
            # Of milliseconds; round() takes five times as long.
            "duration_ms": int((ended - self._begun) * 1e6 + 0.5) / 1e3,
            "client": self.client,
            "bytes": self.sent_bytes,
        }
        if self.query:
            fields["query"] = self.query
        if self.user_agent:
            fields["user_agent"] = self.user_agent[:TOO_LONG]
        if self.is_streamed:
            fields["streamed"] = True
        if self.error is not None:
            fields["outcome"], fields["exc_info"] = "failed", self.error
        elif not self.is_complete:
            left = self.is_cancelled
            fields["outcome"] = "cancelled" if left else "incomplete"
        fields.update(self.extra)
        for name, value in self._unit.annotations.items():
            fields.setdefault(name, value)
        return fields
