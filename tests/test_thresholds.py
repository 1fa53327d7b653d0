"""Levels by name, for a time, without a thread."""

from __future__ import annotations

import pytest

from mohflow._thresholds import Gate, Thresholds


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def levels(clock: Clock) -> Thresholds[Gate]:
    return Thresholds(Gate, clock)


class TestByName:
    def test_a_rule_holds_for_the_names_below_it(self, levels) -> None:
        levels.set(10, "db")

        assert 10 == levels.gate_of("db").level
        assert 10 == levels.gate_of("db.pool").level
        assert 20 == levels.gate_of("dbx").level
        assert 20 == levels.gate_of(None).level

    def test_the_longest_name_wins(self, levels) -> None:
        levels.set(10, "db")
        levels.set(40, "db.pool")

        assert 40 == levels.gate_of("db.pool.conn").level
        assert 10 == levels.gate_of("db.other").level

    def test_gates_that_exist_follow_a_change(self, levels) -> None:
        gate = levels.gate_of("db.pool")
        levels.set(30)
        after_root = gate.threshold
        levels.set(10, "db")

        assert (30, 10) == (after_root, gate.threshold)

    def test_one_name_has_one_gate(self, levels) -> None:
        gate = levels.gate_of("a")

        assert gate is levels.gate_of("a")


class TestSinkLevels:
    def test_a_sink_with_a_lower_level_lowers_the_threshold(
        self, levels
    ) -> None:
        levels.reset(20, {}, [None, 10])
        gate = levels.gate_of("x")

        assert 10 == gate.threshold
        assert 20 == gate.inherited

    def test_if_every_sink_has_a_level_the_lowest_counts(self, levels) -> None:
        levels.reset(10, {}, [30, 40])

        assert 30 == levels.gate_of(None).threshold

    def test_a_rule_for_a_name_wins_over_the_levels_of_sinks(
        self, levels
    ) -> None:
        levels.reset(20, {"noisy": 40}, [None, 10])
        gate = levels.gate_of("noisy.part")

        assert (40, 40) == (gate.threshold, gate.inherited)


class TestForATime:
    def test_the_level_before_comes_back(self, levels, clock) -> None:
        levels.set(10, ttl=60)
        gate = levels.gate_of("x")
        during = gate.level
        clock.now += 60
        levels.settle()

        assert (10, 20) == (during, gate.level)
        assert not levels.is_temporary

    def test_a_raised_level_lets_calls_reach_the_clock(
        self, levels, clock
    ) -> None:
        levels.set(40, "db", ttl=60)
        gate = levels.gate_of("db")

        assert (20, 40) == (gate.threshold, gate.level)

        clock.now += 61
        levels.settle()

        assert (20, 20) == (gate.threshold, gate.level)

    def test_a_second_time_does_not_forget_what_was_before(
        self, levels, clock
    ) -> None:
        levels.set(10, ttl=60)
        levels.set(40, ttl=30)
        clock.now += 31
        levels.settle()

        assert 20 == levels.gate_of(None).level

    def test_a_change_for_good_ends_a_change_for_a_time(
        self, levels, clock
    ) -> None:
        levels.set(10, ttl=60)
        levels.set(30)
        clock.now += 61
        levels.settle()

        assert 30 == levels.gate_of(None).level

    def test_a_name_without_a_rule_before_has_none_after(
        self, levels, clock
    ) -> None:
        levels.set(10, "db", ttl=60)
        clock.now += 60
        levels.settle()
        levels.set(50)

        assert 50 == levels.gate_of("db").level


def test_a_listener_hears_every_change_until_it_stops(levels) -> None:
    heard = []
    stop = levels.listen(lambda: heard.append(levels.by_name()))
    levels.set(10, "a")
    stop()
    levels.set(30)

    assert [{"": 20, "a": 10}] == heard


def test_while_sinks_are_swapped_both_configurations_must_want_an_event():
    thresholds = Thresholds(Gate)
    gates = [thresholds.gate_of(name) for name in (None, "a", "b")]
    thresholds.reset(10, {"a": 40}, [None])
    during = []
    thresholds.reset(
        30, {"b": 5}, [None], lambda: during.extend(g.level for g in gates)
    )

    assert [30, 40, 10] == during
    assert [30, 30, 5] == [gate.level for gate in gates]
