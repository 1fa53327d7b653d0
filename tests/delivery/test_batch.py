"""When a batch goes, and what is in it."""

from __future__ import annotations

import pytest

from hypothesis import given
from hypothesis import strategies as st

from mohflow._event import Event
from mohflow.delivery.batch import Cut, Waiting, due, fitting, patience
from mohflow.typing import Limits


LIMITS = Limits(max_events=10, max_bytes=100, max_age=1.0)


@pytest.mark.parametrize(
    ("waiting", "cut"),
    [
        (Waiting(0, 0, 99.0, is_awaited=True), None),
        (Waiting(1, 1, 0.0, is_awaited=False), None),
        (Waiting(9, 99, 0.99, is_awaited=False), None),
        (Waiting(10, 1, 0.0, is_awaited=False), Cut.EVENTS),
        (Waiting(1, 100, 0.0, is_awaited=False), Cut.BYTES),
        (Waiting(1, 1, 1.0, is_awaited=False), Cut.AGE),
        (Waiting(1, 1, 0.0, is_awaited=True), Cut.FLUSH),
    ],
)
def test_a_batch_is_cut_for_one_of_four_reasons(waiting, cut) -> None:
    assert cut is due(waiting, LIMITS)


def test_the_age_is_that_of_the_first_event() -> None:
    assert 0.25 == patience(Waiting(3, 9, 0.75, is_awaited=False), LIMITS)
    assert patience(Waiting(0, 0, 0.0, is_awaited=False), LIMITS) is None


@given(st.lists(st.tuples(st.integers(1, 120), st.integers(0, 1)), min_size=1))
def test_a_batch_keeps_to_the_limits_and_shares_one_key(sizes) -> None:
    events = [Event(0, 20, {"key": key}, b"x" * size) for size, key in sizes]
    count = fitting(events, LIMITS, lambda event: event.fields["key"])
    batch = events[:count]

    assert 1 <= count <= LIMITS.max_events
    assert count == 1 or sum(len(e.line) for e in batch) <= LIMITS.max_bytes
    assert 1 == len({event.fields["key"] for event in batch})
