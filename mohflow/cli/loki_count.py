"""Count what a Loki holds of one run."""

from __future__ import annotations

import json
import time

from typing import Any
from urllib.parse import urlencode

from mohflow import LokiOptions
from mohflow.exceptions import SinkError
from mohflow.sinks.loki import LokiSink


PUSH = "/loki/api/v1/push"
QUERY = "/loki/api/v1/query_range"

PAGE = 8
"""Entries of one answer: a sink reads 64 KB of an answer and no more."""

PATIENCE = 3.0
"""Seconds until what Loki took must be shown."""


def count(
    options: LokiOptions, label: tuple[str, str], since_ns: int, wanted: int
) -> int | None:
    """
    Return how many entries of a stream Loki shows; ``None`` if it refuses.

    Args:
        options: Where it is, and who we are.
        label: Name and value of a label of the stream.
        since_ns: The time of the first, in nanoseconds.
        wanted: How many are expected; they are waited for.
    """
    url = str(options.url)
    if not url.endswith(PUSH):
        return None
    sink = LokiSink(options)
    until = time.monotonic() + PATIENCE
    base = url.removesuffix(PUSH) + QUERY
    try:
        while (found := _count(sink, base, label, since_ns)) is not None:
            if found >= wanted or time.monotonic() > until:
                break
            time.sleep(0.2)
    except SinkError:
        return None
    finally:
        sink.close()
    return found


def _count(
    sink: LokiSink, base: str, label: tuple[str, str], since_ns: int
) -> int | None:
    found, start = 0, since_ns
    while True:
        times = _page(sink, base, label, start)
        if times is None:
            return None
        if not times:
            return found
        found += len(times)
        start = max(times) + 1


def _page(
    sink: LokiSink, base: str, label: tuple[str, str], start: int
) -> list[int] | None:
    name, value = label
    parameters = {
        "query": f'{{{name}="{value}"}}',
        "start": start,
        "end": time.time_ns() + 10**9,
        "limit": PAGE,
        "direction": "forward",
    }
    tenant = sink.options.tenant
    headers = {"X-Scope-OrgID": tenant} if tenant else {}
    url = f"{base}?{urlencode(parameters)}"
    answer = sink.send("GET", url, headers=headers)
    if answer.status_code != 200:
        return None
    try:
        streams: Any = json.loads(answer.content)["data"]["result"]
        return [int(v[0]) for stream in streams for v in stream["values"]]
    except (ValueError, KeyError, TypeError, IndexError):
        return None
