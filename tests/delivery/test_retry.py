"""How long to wait before the next attempt."""

from __future__ import annotations

import pytest

from mohflow import Rejected, Unavailable
from mohflow.delivery.retry import (
    FIRST_WAIT,
    LONGEST_RETRY_AFTER,
    LONGEST_WAIT,
    retrying,
)


def waits(errors: list[Exception]) -> list[float]:
    """Return the waits between attempts that fail with *errors*, in turn."""
    slept: list[float] = []
    remaining = iter(errors)
    for attempt in retrying(slept.append, lambda: False):
        with attempt:
            error = next(remaining, None)
            if error is not None:
                raise error
    return slept


def test_waits_are_random_below_a_bound_that_doubles() -> None:
    longest = [0.0] * 12
    for _ in range(50):
        slept = waits([Unavailable("down")] * 12)
        for number, seconds in enumerate(slept):
            bound = min(FIRST_WAIT * 2**number, LONGEST_WAIT)
            longest[number] = max(longest[number], seconds)

            assert 0 <= seconds <= bound
    # Full jitter: over fifty tries some come near the bound.
    assert longest[-1] > LONGEST_WAIT / 2


@pytest.mark.parametrize(
    ("asked", "slept"),
    [(7.0, 7.0), (0.0, 0.0), (-5.0, 0.0), (86_400.0, LONGEST_RETRY_AFTER)],
)
def test_what_the_back_end_asks_for_is_believed_within_limits(
    asked, slept
) -> None:
    assert [slept] == waits([Unavailable("busy", retry_after=asked)])


def test_only_unavailable_is_tried_again() -> None:
    with pytest.raises(Rejected):
        waits([Rejected("poison")])


def test_after_the_end_the_attempt_that_failed_was_the_last() -> None:
    attempts = []
    with pytest.raises(Unavailable):
        for attempt in retrying(lambda _: None, lambda: len(attempts) >= 3):
            with attempt:
                attempts.append(1)
                raise Unavailable("down")

    assert 3 == len(attempts)
