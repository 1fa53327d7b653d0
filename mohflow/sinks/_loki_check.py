"""Find out whether Loki takes our events and shows them again."""

from __future__ import annotations

import os
import time

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import orjson

from mohflow._event import Event
from mohflow._levels import INFO
from mohflow.exceptions import SinkError, Unavailable
from mohflow.sinks._http_answers import server_time
from mohflow.sinks._loki_options import PUSH


if TYPE_CHECKING:
    import httpx


QUERY = "/loki/api/v1/query_range"

MAX_SKEW = 60.0
"""Seconds; Loki itself refuses what is 10 minutes ahead of its clock."""

TRIES = 5
"""How often a query looks for the event."""

PAUSE = 0.25
"""Seconds between two tries."""


_UNKNOWN = "the path of url is not that of Loki itself"


def canary(time_ns: int) -> Event:
    """Return an event that is found again by its line."""
    fields = {"level": "info", "event": "mohflow.canary"}
    mark = {**fields, "id": os.urandom(8).hex()}
    return Event(time_ns, INFO, fields, orjson.dumps(mark) + b"\n")


def require_same_time(headers: Mapping[str, str], now_ns: int) -> None:
    """Raise ``clock_skew`` if the server says another time than we have."""
    theirs = server_time(headers)
    if theirs is None:
        return
    ahead = now_ns / 1e9 - theirs.timestamp()
    if abs(ahead) > MAX_SKEW:
        error = SinkError("clock_skew")
        direction = "ahead of" if ahead > 0 else "behind"
        error.add_note(
            f"The clock of this machine is {abs(ahead):.0f} s {direction} "
            "that of the server. Loki refuses what is 10 minutes ahead."
        )
        raise error


def require_shown(
    ask: Callable[[str], httpx.Response],
    url: str,
    labels: Mapping[str, str],
    event: Event,
) -> str:
    """
    Raise ``not_shown`` if a query that is allowed does not find *event*.

    Returns:
        What was found.

    Args:
        ask: Gets a URL.
        url: Where events are pushed to.
        labels: Of the stream of *event*.
        event: What was pushed.
    """
    if not url.endswith(PUSH):
        return f"it took an event; nothing is read back, as {_UNKNOWN}"
    query = url.removesuffix(PUSH) + _query(labels, event.time_ns)
    line = event.line.removesuffix(b"\n").decode()
    for attempt in range(TRIES):
        if attempt:
            time.sleep(PAUSE)
        answer = ask(query)
        shown = _lines(answer)
        if shown is None:
            return (
                "it took an event; it could not be read back: queries answer "
                f"HTTP {answer.status_code} to us"
            )
        if line in shown:
            return "it took an event and showed it again"
    error = Unavailable("not_shown")
    error.add_note(
        "Loki took an event and does not show it. Check tenant, and that "
        "queries at this url reach the same Loki."
    )
    raise error


def _query(labels: Mapping[str, str], time_ns: int) -> str:
    """Return path and parameters that ask for a stream at one instant."""
    pairs = (f"{k}={orjson.dumps(v).decode()}" for k, v in labels.items())
    parameters = {
        "query": f"{{{', '.join(pairs)}}}",
        "start": time_ns,
        "end": time_ns + 1,
        "limit": 100,
    }
    return f"{QUERY}?{urlencode(parameters)}"


def _lines(response: httpx.Response) -> list[str] | None:
    """Return the lines that a query found, ``None`` if it is not allowed."""
    if response.status_code != 200:
        return None
    try:
        streams: Any = orjson.loads(response.content)["data"]["result"]
        return [value[1] for stream in streams for value in stream["values"]]
    except (orjson.JSONDecodeError, KeyError, TypeError, IndexError):
        return None
