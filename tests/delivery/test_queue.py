"""Events that wait in memory: in order, bounded, lowest level first to go."""

from __future__ import annotations

import pytest

from hypothesis import given
from hypothesis import strategies as st

from mohflow._event import Event
from mohflow.delivery.queue import (
    ENTRY_BYTES,
    KEPT_BYTES,
    BoundedQueue,
    event_of,
)


def event(number: int, level: int = 20, size: int = 10) -> Event:
    return Event(number, level, {}, b"x" * size)


def numbers(queue: BoundedQueue) -> list[int]:
    return [event_of(entry).time_ns for entry in queue.drain()]


def make(max_events: int, room: int, overflow, *, size: int = 10):
    """Return a queue with memory for *room* events of *size* bytes."""
    # Events that are not their lines as JSON count their fields, too.
    memory = room * (ENTRY_BYTES + KEPT_BYTES + 6 * size)
    return BoundedQueue(max_events, memory, overflow)


def take(queue: BoundedQueue, count: int) -> list[int]:
    return [event_of(entry).time_ns for entry in queue.take(count, 10**9)]


def test_events_leave_in_the_order_in_which_they_came() -> None:
    queue = make(10, 100, "drop_lowest")
    for number, level in enumerate([20, 10, 40, 10, 20]):
        queue.offer(event(number, level), 0.0)

    assert [0, 1, 2, 3, 4] == take(queue, 5)


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
    queue = make(3, 100, overflow)
    for number, level in enumerate([40, 10, 20, 30]):
        is_in, gone = queue.offer(event(number, level), 0.0)
    left = numbers(queue)

    assert kept == left
    assert dropped == sorted({0, 1, 2, 3} - set(left))
    assert (3 not in dropped, 3 in kept) == (bool(gone), is_in)


def test_an_event_of_a_lower_level_than_all_gives_way_itself() -> None:
    queue = make(2, 100, "drop_lowest")
    queue.offer(event(0, 40), 0.0)
    queue.offer(event(1, 40), 0.0)

    assert (False, 0) == queue.offer(event(2, 10), 0.0)
    assert [0, 1] == numbers(queue)


def test_an_event_larger_than_the_queue_is_not_taken() -> None:
    queue = make(10, 1, "drop_newest", size=100)

    assert (False, 0) == queue.offer(event(0, size=101), 0.0)


def test_what_was_taken_can_be_put_back_in_its_place() -> None:
    queue = make(10, 100, "drop_lowest")
    for number, level in enumerate([20, 10, 40, 10]):
        queue.offer(event(number, level), 0.0)
    queue.restore(queue.take(3, 10**9)[1:])

    assert [1, 2, 3] == numbers(queue)
    assert (0, 0) == (queue.events, queue.bytes)


def test_what_overtakes_can_be_put_back_in_its_place() -> None:
    queue = make(10, 100, "drop_lowest")
    for number, level in enumerate([20, 40, 20, 40, 20]):
        queue.offer(event(number, level), 0.0)
    pulled = queue.pull({2, 3})

    assert [2, 3] == [entry[0] for entry in pulled]
    assert [1, 4] == [entry[0] for entry in queue.after(0)]
    queue.restore(pulled)
    assert [0, 1, 2, 3, 4] == numbers(queue)
    assert (0, 0, 0) == (queue.events, queue.bytes, queue.weight)


def test_of_json_only_the_line_is_kept() -> None:
    queue = BoundedQueue(10, 10_000, "drop_lowest", is_json=True)
    whole = Event(1, 20, {"event": "x", "n": 1}, b'{"event":"x","n":1}\n')
    cut = Event(2, 20, {"event": "xyz"}, b'{"event":"x","truncated":true}\n')
    queue.offer(whole, 0.0)
    queue.offer(cut, 0.0)
    first, second = queue.drain()

    assert (None, cut) == (first[5], second[5])
    assert [whole, cut] == [event_of(first), event_of(second)]


@given(
    st.lists(
        st.tuples(st.integers(0, 5), st.integers(1, 60), st.booleans()),
    ),
    st.sampled_from(["drop_lowest", "drop_oldest", "drop_newest", "block"]),
)
def test_it_is_bounded_in_order_and_loses_nothing_unsaid(
    steps, overflow
) -> None:
    queue = make(5, 3, overflow, size=40)
    inside: list[int] = []
    for number, (level, size, takes) in enumerate(steps):
        is_in, gone = queue.offer(event(number, level * 10, size), 0.0)
        left = [entry[0] for entry in queue.after(-1)]
        times = [event_of(entry).time_ns for entry in queue.after(-1)]
        expected = len(inside) + is_in - gone

        assert expected == queue.events == len(left) <= 5
        assert set(times) <= {*inside, number} and sorted(times) == times
        assert is_in == (number in times)
        assert queue.weight <= 3 * (ENTRY_BYTES + KEPT_BYTES + 6 * 40)
        inside = times
        if takes and inside:
            assert [inside.pop(0)] == take(queue, 1)
    assert inside == numbers(queue)
