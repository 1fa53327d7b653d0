"""
What every web integration shares: the ids, the access event. No I/O.

:class:`Policy` is made once, when the middleware is; :class:`Exchange` is one
request and its answer. An adapter fills in what it sees and calls
:meth:`Exchange.start` and :meth:`Exchange.finish`.
"""

from __future__ import annotations

import re

from collections.abc import Callable, Iterable, Mapping
from time import perf_counter
from typing import Any, cast
from uuid import uuid4

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

_TRACEPARENT = re.compile(
    r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?"
).fullmatch
"""<https://www.w3.org/TR/trace-context/#traceparent-header>"""

ACCESS = mohflow.get_logger("mohflow.access")

DEBUG, INFO, WARNING, ERROR = 10, 20, 30, 40


def new_id() -> str:
    """Return a new correlation id: 32 hexadecimal digits."""
    return uuid4().hex


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
        self.header = names[0]
        self.sources = tuple(name.lower() for name in names)
        self.quiet = frozenset(_names("quiet", quiet, may_be_empty=True))
        self.wanted = frozenset((*self.sources, "traceparent", "user-agent"))
        """Names of the headers that count, in lower case."""
        self.clock = clock
        silence()


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

    __slots__ = (
        "_begun",
        "_ended",
        "_policy",
        "_previous",
        "_unit",
        "client",
        "correlation_id",
        "error",
        "event",
        "extra",
        "is_cancelled",
        "is_complete",
        "is_finished",
        "is_streamed",
        "method",
        "path",
        "query",
        "route",
        "sent_bytes",
        "status",
        "user_agent",
    )

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
        self._ended: float | None = None
        self._previous: Any = None
        self.method, self.path, self.query = method, path, query
        self.client = client
        self.user_agent = headers.get("user-agent")
        self.event = "request_finished"
        self.extra: dict[str, Any] = {}
        self.route: str | None = None
        self.status: int | None = None
        self.error: BaseException | None = None
        self.sent_bytes = 0
        self.is_streamed = self.is_complete = False
        self.is_cancelled = self.is_finished = False
        self.correlation_id = self._identify(headers)
        self._unit = mohflow.UnitOfWork(
            correlation_id=self.correlation_id,
            **trace_fields(headers.get("traceparent")),
        )

    def _identify(self, headers: Mapping[str, str]) -> str:
        """Return the id that came in; a bad one is named, never shown."""
        for name in self._policy.sources:
            given = headers.get(name)
            if given is not None:
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
        if isinstance(error, Exception) and not self.is_cancelled:
            self.error = error
            claim(error)
        else:
            self.is_cancelled = True

    def log(self) -> None:
        """Write the access event, once; a later error has its own."""
        self._unit.settle()
        if not self.is_finished:
            self.is_finished = True
            ACCESS.log(self.level(), self.event, **self.fields())
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

    def level(self) -> int:
        """Return how loud the access event is."""
        status = self.status or 0
        if self.error is not None or status >= 500:
            return ERROR
        if status >= 400 or not self.is_complete:
            return WARNING
        return DEBUG if self.path in self._policy.quiet else INFO

    def fields(self) -> dict[str, Any]:
        """Return what the access event tells, in its order."""
        ended = self._ended or self._policy.clock()
        agent = self.user_agent
        fields = {
            "method": self.method,
            "route": self.route,
            "path": self.path,
            "status": self.status,
            "duration_ms": round((ended - self._begun) * 1000, 3),
            "client": self.client,
            "bytes": self.sent_bytes,
        }
        perhaps = {
            "query": self.query,
            "user_agent": agent[:TOO_LONG] if agent else None,
            "outcome": self._outcome(),
            "streamed": self.is_streamed,
            "exc_info": self.error,
            **self.extra,
        }
        fields.update((k, v) for k, v in perhaps.items() if v)
        return fields | {
            k: v for k, v in self._unit.annotations.items() if k not in fields
        }

    def _outcome(self) -> str | None:
        if self.error is not None:
            return "failed"
        if self.is_complete:
            return None
        return "cancelled" if self.is_cancelled else "incomplete"
