"""The small part of queries that reads back what was pushed."""

from __future__ import annotations

import json
import re

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from mohflow.testing._loki_limits import SECOND
from mohflow.testing._loki_model import Answer, Entry, RefusedError


HOUR = 3600 * SECOND

LEVEL_FIELDS = (
    "level",
    "LEVEL",
    "Level",
    "log.level",
    "severity",
    "SEVERITY",
    "Severity",
    "SeverityText",
    "lvl",
    "LVL",
    "Lvl",
    "severity_text",
)
"""Where Loki looks for the level of an entry."""

LEVELS = {
    "trc": "trace",
    "dbg": "debug",
    "inf": "info",
    "information": "info",
    "wrn": "warn",
    "warning": "warn",
    "err": "error",
}
"""Other names of levels; each is found in any case."""

_STANDARD = {"trace", "debug", "info", "warn", "error", "critical", "fatal"}
_WORD = re.compile(
    r"(?<![^\s\[({\"'=|])"
    r"(trace|debug|fatal|critical|error|err|warning|warn|info)"
    r"(?![^\s\[\](){}:,!\"'=|])"
)
_PAIR = re.compile(r'\s*([a-zA-Z_]\w*)\s*=\s*("(?:[^"\\]|\\.)*")\s*,?')


def query_range(
    entries: Iterable[Entry], parameters: Mapping[str, str], now: int
) -> Answer:
    """
    Answer ``/loki/api/v1/query_range``.

    The selector may have ``=`` only; there is no pipeline.

    Raises:
        RefusedError: The query is not of that form.
    """
    wanted = parse_selector(parameters.get("query", ""))
    start = _time(parameters.get("start"), now - HOUR)
    end = _time(parameters.get("end"), now)
    forward = parameters.get("direction", "backward").lower() == "forward"
    found = [
        entry
        for entry in entries
        if start <= entry.time_ns < end
        and all(entry.labels.get(k, "") == v for k, v in wanted.items())
    ]
    found.sort(key=lambda entry: entry.time_ns, reverse=not forward)
    limit = int(parameters.get("limit", "100"))
    data = {"resultType": "streams", "result": _streams(found[:limit])}
    return Answer.json({"status": "success", "data": data})


def parse_selector(query: str) -> dict[str, str]:
    """
    Return the labels of a selector such as ``{app="shop", env="test"}``.

    Raises:
        RefusedError: It is not of that form.
    """
    text = query.strip()
    inner = text[1:-1]
    wanted = {k: json.loads(v) for k, v in _PAIR.findall(inner)}
    is_whole = not _PAIR.sub("", inner).strip()
    if not (text[:1] == "{" and text[-1:] == "}" and wanted and is_whole):
        msg = f"parse error: LokiServer reads only selectors with =: {query}"
        raise RefusedError(400, msg)
    return wanted


def detected_level(entry: Entry) -> str:
    """Return the ``detected_level`` that Loki adds to an entry."""
    for source in (entry.labels, entry.metadata, _fields(entry.line)):
        for name in LEVEL_FIELDS:
            if name in source:
                level = str(source[name])
                known = LEVELS.get(level.lower(), level.lower())
                return known if known in _STANDARD else level
    match = _WORD.search(entry.line.lower())
    if match is None:
        return "unknown"
    return LEVELS.get(match.group(), match.group())


def _fields(line: str) -> Mapping[str, Any]:
    """Return the fields of a line in JSON that may hold a known level."""
    if line[:1] != "{" or line.rstrip()[-1:] != "}":
        return {}
    try:
        fields = json.loads(line)
    except ValueError:
        return {}
    return {
        name: value
        for name, value in fields.items()
        if str(value).lower() in _STANDARD | LEVELS.keys()
    }


def _streams(entries: Iterable[Entry]) -> list[dict[str, Any]]:
    """Group *entries*; metadata counts as labels, as in Loki's answers."""
    streams: dict[str, dict[str, Any]] = {}
    for entry in entries:
        level = {"detected_level": detected_level(entry)}
        labels = {**level, **entry.metadata, **entry.labels}
        key = json.dumps(labels, sort_keys=True)
        stream = streams.setdefault(key, {"stream": labels, "values": []})
        stream["values"].append([str(entry.time_ns), entry.line])
    return list(streams.values())


def _time(text: str | None, default: int) -> int:
    """Return nanoseconds; at most ten digits are seconds."""
    if not text:
        return default
    try:
        if re.fullmatch(r"-?\d+", text):
            return int(text) * (SECOND if len(text) <= 10 else 1)
        if re.fullmatch(r"-?\d+\.\d*", text):
            return round(float(text) * SECOND)
        return round(datetime.fromisoformat(text).timestamp() * SECOND)
    except ValueError:
        msg = f'cannot parse "{text}" to a valid timestamp'
        raise RefusedError(400, msg) from None
