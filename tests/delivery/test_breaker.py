"""When an attempt makes sense."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mohflow.delivery.breaker import Breaker


def test_it_opens_after_failures_in_a_row_only() -> None:
    breaker = Breaker(threshold=3)
    for _ in range(5):
        breaker.failed(0.0)
        breaker.failed(0.0)
        breaker.succeeded()

    assert not breaker.is_open

    for _ in range(3):
        breaker.failed(0.0)

    assert breaker.is_open


def test_open_it_lets_one_attempt_through_after_each_pause() -> None:
    breaker = Breaker(threshold=1, first=1.0, longest=4.0)
    now, pauses = 0.0, []
    for _ in range(5):
        breaker.failed(now)
        pauses.append(breaker.remaining(now))
        now += pauses[-1]

        assert 0 == breaker.remaining(now)

    assert [1.0, 2.0, 4.0, 4.0, 4.0] == pauses


def test_a_success_closes_it_and_makes_the_pauses_short_again() -> None:
    breaker = Breaker(threshold=1, first=1.0)
    for _ in range(3):
        breaker.failed(0.0)
    breaker.succeeded()

    assert (False, 0.0) == (breaker.is_open, breaker.remaining(0.0))

    breaker.failed(10.0)

    assert 1.0 == breaker.remaining(10.0)


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 100))))
def test_it_never_waits_longer_than_its_longest_pause(steps) -> None:
    breaker, now = Breaker(threshold=2, longest=30.0), 0.0
    for is_success, passed in steps:
        now += passed
        if is_success:
            breaker.succeeded()
        else:
            breaker.failed(now)

        assert 0 <= breaker.remaining(now) <= 30.0 + 1e-6
