"""What the writes of each remote sink were like."""

from __future__ import annotations

from mohflow._emit import undisturbed
from mohflow._pipeline import STAGE
from mohflow.delivery import Metrics


def metrics() -> dict[str, Metrics]:
    """
    Return how the writes of each remote sink went, by its name.

    Of sinks that are written to inside of the log call (console and file)
    nothing is measured. What became of the events tells :func:`ledger`, what
    waits now :func:`health`.
    """
    with undisturbed():
        routes = STAGE.pipeline.routes
        found = {r.delivery.name: r.delivery.measure() for r in routes}
    return {name: one for name, one in found.items() if one is not None}
