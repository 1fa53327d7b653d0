"""Close the sinks of a configuration when no event is on its way to them."""

from __future__ import annotations

import weakref

from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any, Final

from mohflow._exit import say_losses
from mohflow._pipeline import Pipeline
from mohflow._routes import Steps, never


PATIENCE: Final = 0.5
"""Seconds that a log call may take which began before the change; a program
that holds on to the pipeline makes the change take that long."""


class Retired:
    """
    The sinks of *old* that *new* does not use.

    A call that is under way holds the pipeline that it began with, so the
    end of the last such call is the end of the pipeline.
    """

    def __init__(self, old: Pipeline, new: Pipeline) -> None:
        kept = {id(route.delivery) for route in new.routes}
        self._routes = [
            route for route in old.routes if id(route.delivery) not in kept
        ]
        # Its put() may be called at any point of any thread.
        self._gone: SimpleQueue[Any] = SimpleQueue()
        self._old = weakref.ref(old, self._gone.put)
        # It holds the pipeline, which would not end before a collection.
        old.fast = never

    def close(self, timeout: float) -> None:
        """Deliver what waits, in *timeout* seconds, and close the sinks."""
        if any(route.delivery.is_queued for route in self._routes):
            # What comes later is counted as dropped, and said.
            with suppress(Empty):
                self._gone.get(timeout=PATIENCE)
        say_losses(Pipeline(Steps((), (), ()), self._routes).close(timeout))
