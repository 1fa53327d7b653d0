"""How each sink is, read from its ledger and its breaker alone."""

from __future__ import annotations

import time

from dataclasses import dataclass
from typing import Literal

from mohflow._emit import undisturbed
from mohflow._pipeline import STAGE
from mohflow._routes import Carrier


RECENT = 60.0
"""Seconds after which a loss no longer makes a sink degraded."""


@dataclass(frozen=True, slots=True)
class Health:
    """How one sink is at one instant."""

    name: str
    """Of the sink, as in the ledger."""

    state: Literal["ok", "degraded", "away"]
    """``ok``: what was written last was stored, and nothing was lost in the
    last minute. ``degraded``: the last attempt failed, or events were lost in
    the last minute. ``away``: five attempts in a row failed; events are held,
    and the destination is tried again from time to time."""

    reason: str = ""
    """Why it is not ``ok``: a reason as in the ledger, such as ``connect`` or
    ``queue_full``."""

    oldest: float | None = None
    """Seconds since the oldest event was logged that still waits in memory or
    on disk; ``None`` if nothing waits."""

    spool_bytes: int = 0
    """Bytes on disk of the events that wait there."""

    queue_bytes: int = 0
    """Bytes of memory of the events that wait there, as the option
    ``queue_bytes`` bounds them."""


def health() -> list[Health]:
    """
    Return how each sink is, in the order of the configuration.

    No sink is asked and nothing is sent, so this may be called as often as a
    readiness probe likes.
    """
    with undisturbed():
        return [_health_of(route.delivery) for route in STAGE.pipeline.routes]


def _health_of(delivery: Carrier) -> Health:
    sight = delivery.look()
    loss, ago = delivery.ledger.last_loss() or ("", RECENT)
    state: Literal["ok", "degraded", "away"] = "ok"
    if sight.is_open:
        state = "away"
    elif sight.failing or ago < RECENT:
        state = "degraded"
    return Health(
        delivery.name,
        state,
        "" if state == "ok" else sight.failing or loss,
        _age(sight.oldest_ns),
        sight.spool_bytes,
        sight.queue_bytes,
    )


def _age(time_ns: int | None) -> float | None:
    if time_ns is None:
        return None
    return max(0.0, (time.time_ns() - time_ns) / 1e9)
