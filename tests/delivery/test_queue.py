"""Events that wait in memory: in order, bounded, lowest level first to go."""

from __future__ import annotations

import pytest

from hypothesis import given
from hypothesis import strategies as st

from mohflow._event import Event
from mohflow.delivery.queue import BoundedQueue


def event(number: int, level: int = 20, size: int = 10) -> Event:
    return Event(number, level, {}, b"x" * size)


def numbers(queue: BoundedQueue) -> list[int]:
    return [event.time_ns for _, event, _ in queue.drain()]


def test_events_leave_in_the_order_in_which_they_came() -> None:
    queue = BoundedQueue(10, 1000, "drop_lowest")
    for number, level in enumerate([20, 10, 40, 10, 20]):
        queue.offer(event(number, level), 0.0)

    assert [0, 1, 2, 3, 4] == [queue.pop()[1].time_ns for _ in range(5)]


@pytest.mark.parametrize(
    ("overflow", "kept", "dropped"),
    [
        ("drop_lowest", [0, 2, 3], [1]),
        ("drop_oldest", [1, 2, 3], [0]),
        ("drop_newest", [0, 1, 2], [3]),
        ("block", [0, 1, 2], [3]),
    ],
)
def test_each_policy_says_which_event_gives_way(
    overflow, kept, dropped
) -> None:
    queue = BoundedQueue(3, 1000, overflow)
    gone = []
    for number, level in enumerate([40, 10, 20, 30]):
        gone += queue.offer(event(number, level), 0.0)

    assert dropped == [one.time_ns for one in gone]
    assert kept == numbers(queue)


def test_an_event_of_a_lower_level_than_all_gives_way_itself() -> None:
    queue = BoundedQueue(2, 1000, "drop_lowest")
    queue.offer(event(0, 40), 0.0)
    queue.offer(event(1, 40), 0.0)
    debug = event(2, 10)

    assert [debug] == queue.offer(debug, 0.0)
    assert [0, 1] == numbers(queue)


def test_an_event_larger_than_the_queue_is_not_taken() -> None:
    queue = BoundedQueue(10, 100, "drop_newest")
    huge = event(0, size=101)

    assert [huge] == queue.offer(huge, 0.0)


def test_what_was_taken_can_be_put_back_in_its_place() -> None:
    queue = BoundedQueue(10, 1000, "drop_lowest")
    for number, level in enumerate([20, 10, 40, 10]):
        queue.offer(event(number, level), 0.0)
    taken = [queue.pop() for _ in range(3)]
    queue.restore(taken[1:])

    assert [1, 2, 3] == numbers(queue)
    assert (0, 0) == (queue.events, queue.bytes)


@given(
    st.lists(
        st.tuples(st.integers(0, 5), st.integers(1, 60), st.booleans()),
    ),
    st.sampled_from(["drop_lowest", "drop_oldest", "drop_newest", "block"]),
)
def test_it_is_bounded_in_order_and_loses_nothing_unsaid(
    steps, overflow
) -> None:
    queue = BoundedQueue(5, 100, overflow)
    inside: list[int] = []
    for number, (level, size, takes) in enumerate(steps):
        dropped = queue.offer(event(number, level * 10, size), 0.0)
        gone = {one.time_ns for one in dropped}
        inside = [n for n in [*inside, number] if n not in gone]
        if takes and inside:
            assert inside.pop(0) == queue.pop()[1].time_ns

        assert len(inside) == queue.events <= 5
        assert queue.bytes <= 100
    assert inside == numbers(queue)
