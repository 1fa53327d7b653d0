"""How long to wait before the next attempt, and when to stop: tenacity's."""

from __future__ import annotations

import random

from collections.abc import Callable

import tenacity

from mohflow.exceptions import Unavailable


FIRST_WAIT = 0.5
"""Seconds; the first wait is a random part of it, and it doubles each time."""

LONGEST_WAIT = 30.0
"""Seconds that no wait exceeds by itself."""

_CHANCE = random.SystemRandom()
"""Not the generator of the program, which may have seeded it; and children
of a fork do not draw the same."""

LONGEST_RETRY_AFTER = 300.0
"""Seconds that a back end may ask for; what is above is cut."""


def retrying(
    sleep: Callable[[float], None], is_over: Callable[[], bool]
) -> tenacity.Retrying:
    """
    Return a retrier that goes on until *is_over*, with full jitter.

    A back end that says when to come back is believed, within limits.

    Args:
        sleep: Waits for seconds; it may return early.
        is_over: Whether to give up after the attempt that just failed.
    """
    longest = tenacity.wait_exponential(FIRST_WAIT, LONGEST_WAIT)

    def wait(state: tenacity.RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        asked = getattr(error, "retry_after", None)
        if asked is None:
            return _CHANCE.uniform(0, longest(state))
        return min(max(float(asked), 0.0), LONGEST_RETRY_AFTER)

    return tenacity.Retrying(
        sleep=sleep,
        stop=lambda _: is_over(),
        wait=wait,
        retry=tenacity.retry_if_exception_type(Unavailable),
        reraise=True,
    )
