"""Time: taken once, strictly increasing, fixed in width."""

from __future__ import annotations

import threading

import pytest

from hypothesis import given
from hypothesis import strategies as st

from mohflow.processors import AddTimestamp
from mohflow.processors.timestamp import MAX_STEP_BACK, SECOND, Timestamp


@given(st.integers(0, 4_102_444_800 * SECOND))
def test_the_text_is_27_characters_and_sorts_like_the_number(ns: int) -> None:
    stamp = Timestamp.at(ns)

    assert (27, "Z", ns) == (len(stamp), stamp[-1], stamp.ns)
    assert stamp <= Timestamp.at(ns + 1000)


@given(st.lists(st.integers(-9, 9), min_size=1))
def test_small_steps_of_the_clock_never_repeat_or_reverse(steps) -> None:
    readings = [10**18]
    for step in steps:
        readings.append(readings[-1] + step)
    clock = iter(readings)
    add = AddTimestamp(lambda: next(clock))
    times = [add.now() for _ in readings]

    assert sorted(set(times)) == times


def test_a_clock_that_was_set_back_is_believed() -> None:
    clock = iter([10**18, 10**18 - MAX_STEP_BACK, 10**18 - MAX_STEP_BACK])
    add = AddTimestamp(lambda: next(clock))
    times = [add.now() for _ in range(3)]

    assert [0, -MAX_STEP_BACK, 1 - MAX_STEP_BACK] == [
        time - 10**18 for time in times
    ]


def test_threads_never_share_a_nanosecond() -> None:
    add = AddTimestamp(lambda: 10**18)
    times: list[int] = []

    def work() -> None:
        times.extend(add.now() for _ in range(2000))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert 16_000 == len(set(times))


@pytest.mark.parametrize("value", ["noon", None, 5])
def test_a_field_of_that_name_is_kept_beside_it(value) -> None:
    event = AddTimestamp(lambda: 0)(None, "info", {"timestamp": value})

    assert {
        "timestamp": "1970-01-01T00:00:00.000000Z",
        "timestamp_": value,
    } == event
