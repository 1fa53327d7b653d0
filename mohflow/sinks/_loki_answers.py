"""
What Loki's answers mean for one stream; decided here without I/O.

A 400 is two different answers: of a push that cannot be read nothing is
stored, of a push with some bad entries all others are. Loki says which rule
the bad ones break, not which they are; the same rule applied here finds them.
The texts are those of ``pkg/validation/validate.go`` and
``pkg/ingester/stream.go`` in Loki.
"""

from __future__ import annotations

import re

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from mohflow._event import Event
from mohflow.exceptions import SinkError
from mohflow.sinks._http_answers import (
    bad_answer,
    bounded,
    hold,
    rejected,
    server_time,
    unavailable,
)
from mohflow.sinks._loki_encode import Entry, size_of


PATIENCE = 3
"""Refusals of a batch that size may explain, until halves are tried."""

_TIME = r"(\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d))"

_LABELS = (
    " label names; limit ",
    "label name too long",
    "label value too long",
    "duplicate label name",
)
"""What is wrong with the stream, so with each of its entries."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What makes Loki refuse single entries of a push."""

    reason: str
    text: str
    """Stands in the answer when some entry breaks the rule."""
    weight: Callable[[Event, Entry], int]
    """The more, the worse."""
    limit: Callable[[str], int | None] = lambda _: None
    """Reads from the answer the weight that is still allowed."""


def _number(pattern: str) -> Callable[[str], int | None]:
    def read(text: str) -> int | None:
        found = re.search(pattern, text)
        return int(found[1]) if found else None

    return read


def _oldest(text: str) -> int | None:
    """Return the negative of the oldest nanosecond that is surely taken."""
    pattern = rf"too old: [^,]*, oldest acceptable timestamp is: {_TIME}"
    found = re.search(pattern, text)
    if found is None:
        return None
    # The answer shows whole seconds, and rounds down.
    when = datetime.fromisoformat(found[1]) + timedelta(seconds=1)
    return -int(when.timestamp()) * 1_000_000_000


RULES = (
    Rule(
        "line_too_long",
        "max entry size '",
        lambda _, entry: len(entry[1].encode()),
        _number(r"max entry size '(\d+)' bytes"),
    ),
    Rule(
        "too_old",
        "has timestamp too old: ",
        lambda event, _: -event.time_ns,
        _oldest,
    ),
    Rule(
        "too_new",
        "has timestamp too new: ",
        lambda event, _: event.time_ns,
    ),
    Rule(
        "too_far_behind",
        "ignored, reason: ",
        lambda event, _: -event.time_ns,
    ),
    Rule(
        "metadata",
        "has structured metadata too large: ",
        lambda _, entry: sum(map(size_of, _pairs(entry).items())),
        _number(r"metadata too large: '\d+' bytes, limit: '(\d+)'"),
    ),
    Rule(
        "metadata",
        "has too many structured metadata labels: ",
        lambda _, entry: len(_pairs(entry)),
        _number(r"metadata labels: '\d+', limit: '(\d+)'"),
    ),
)


def refused(
    text: str, batch: Sequence[Event], entries: Sequence[Entry]
) -> list[tuple[Event, str]]:
    """
    Return the events that a 400 says are not stored while others are.

    Args:
        text: The body of the answer.
        batch: The events of the push.
        entries: How each was sent.

    Returns:
        The events with reasons; empty if nothing of the push was stored.
    """
    if any(label in text for label in _LABELS):
        return [(event, "labels") for event in batch]
    reasons: dict[int, str] = {}
    for rule in RULES:
        if rule.text in text:
            for index in _breaking(rule, text, batch, entries):
                reasons.setdefault(index, rule.reason)
    return [(batch[index], reasons[index]) for index in sorted(reasons)]


def _breaking(
    rule: Rule, text: str, batch: Sequence[Event], entries: Sequence[Entry]
) -> list[int]:
    """Return the places of the entries that break *rule*."""
    weights = list(map(rule.weight, batch, entries))
    limit = rule.limit(text)
    if limit is not None:
        over = [i for i, weight in enumerate(weights) if weight > limit]
        if over:
            return over
    worst = sorted(range(len(batch)), key=lambda i: -weights[i])
    return worst[: sum(_counts(rule.text, text))]


def _counts(rule_text: str, text: str) -> Iterator[int]:
    """Yield how many entries each mention of a rule stands for."""
    total = re.search(r"total ignored: (\d+) out of", text)
    if total and rule_text == "ignored, reason: ":
        yield int(total[1])
        return
    for found in re.finditer(re.escape(rule_text), text):
        groups = re.findall(r"(\d+) errors like: ", text[: found.start()])
        yield int(groups[-1]) if groups else 1


def _pairs(entry: Entry) -> dict[str, str]:
    return entry[2] if len(entry) > 2 else {}


def fault(
    status: int,
    headers: Mapping[str, str],
    text: str,
    *,
    count: int = 1,
    refusals: int = 1,
) -> SinkError:
    """
    Return what an answer means that stored nothing.

    Args:
        status: Any but 204.
        headers: Of the answer.
        text: Its body.
        count: The events of the push.
        refusals: How often this very batch has now been refused.
    """
    said = text.strip().partition("\n")[0][:300]
    may_halve = count > 1 and refusals > PATIENCE
    if status == 260 or "ingestion blocked for user" in text:
        return unavailable("blocked", _blocked_for(headers, text), said)
    if 300 <= status < 400:
        said = f"It sends us to {headers.get('Location', 'no place')!r}."
    if status < 400:
        return unavailable("not_loki", hold(), said)
    if status == 429:
        if _is_burst(text) and (count > 1 or refusals > PATIENCE):
            return rejected("burst", split=True, said=said)
        return _limited(headers, text, said, may_halve=may_halve)
    if status == 500 and "larger than max" in text:
        return rejected("too_large", split=True, said=said)
    if status == 500 and may_halve:
        return rejected("http_500", split=True, said=said)
    return bad_answer(status, headers, said)


def _limited(
    headers: Mapping[str, str], text: str, said: str, *, may_halve: bool
) -> SinkError:
    if may_halve:
        return rejected("rate_limited", split=True, said=said)
    answer = bad_answer(429, headers, said)
    is_streams = "maximum active stream limit" in text
    reason = "stream_limit" if is_streams else "rate_limited"
    limited = unavailable(reason, getattr(answer, "retry_after", None), said)
    limited.only_partition = True
    return limited


def _is_burst(text: str) -> bool:
    """Return whether no wait lets as many bytes through."""
    pattern = r"limit: (\d+) bytes/sec\).*totaling '(\d+)' bytes"
    found = re.search(pattern, text, re.DOTALL)
    return found is not None and 0 < int(found[1]) < int(found[2])


def _blocked_for(headers: Mapping[str, str], text: str) -> float:
    found = re.search(rf"until '{_TIME}'", text)
    if found is None:
        return hold()
    now = server_time(headers) or datetime.now(UTC)
    until = datetime.fromisoformat(found[1])
    return bounded((until - now).total_seconds())
