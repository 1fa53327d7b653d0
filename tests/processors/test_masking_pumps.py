"""No part of any example, repeated, takes more than linear time."""

from __future__ import annotations

import re
import time

from collections.abc import Callable, Iterator

import pytest

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mohflow.processors._patterns import RULES
from mohflow.processors._rule import Rule
from mohflow.processors._scan import Scanner
from mohflow.processors._span import Looks
from mohflow.processors.masking import Masker


SMALL, LARGE = 4_000, 16_000
"""Four times the text: linear time grows 4 times, quadratic time 16 times."""

MOST_GROWTH = 12
NO_LIMIT = 10**12
"""The bound on the work for one text would hide what is to be seen here."""

by_name = pytest.mark.parametrize(
    "rule", RULES, ids=[f"{r.name}-{n}" for n, r in enumerate(RULES)]
)


def pieces(example: str) -> Iterator[str]:
    """Yield parts of *example* of several sizes, and one behind another."""
    for size in (1, 3, 8, len(example)):
        for start in range(0, len(example) - size + 1, max(2, size // 2)):
            yield example[start : start + size]


def fastest(work: Callable[[], object], rounds: int = 2) -> float:
    seconds = 9.0
    for _ in range(rounds):
        started = time.thread_time()
        work()
        seconds = min(seconds, time.thread_time() - started)
    return seconds


@pytest.fixture(scope="module")
def scanner() -> Scanner:
    return Masker()._scanner


@by_name
def test_time_is_linear_in_what_is_repeated(
    rule: Rule, scanner: Scanner
) -> None:
    def scan(piece: str, size: int, rounds: int = 2) -> float:
        text = rule.yes + piece * (size // len(piece)) + "\n!"
        return fastest(lambda: scanner.spans(text, Looks(NO_LIMIT)), rounds)

    for piece in dict.fromkeys(pieces(rule.yes[:40])):
        large = scan(piece, LARGE)
        # What takes a few milliseconds says more about the machine.
        if large > 0.02:
            small = scan(piece, SMALL)
            if large > MOST_GROWTH * small:
                # A busy neighbour, or really slow: look again.
                large, small = (scan(piece, n, 9) for n in (LARGE, SMALL))
            assert large < MOST_GROWTH * small + 0.02, piece


@by_name
@pytest.mark.parametrize("tail", ["", "\n", "!", " "])
def test_a_pattern_alone_is_linear(rule: Rule, tail: str) -> None:
    def match(piece: str, size: int) -> float:
        text = rule.yes[:-1] + piece * (size // len(piece)) + tail
        return fastest(lambda: rule.pattern.match(text))

    for piece in ("a", "0", "A1", "-", " ", "a.", "a=b,", rule.yes[-4:]):
        large = match(piece, LARGE)
        if large > 0.01:
            assert large < MOST_GROWTH * match(piece, SMALL) + 0.02, piece


@pytest.mark.parametrize(
    "rule", [rule for rule in RULES if rule.check], ids=lambda rule: rule.name
)
def test_a_check_decides_on_whatever_its_expression_matches(
    rule: Rule,
) -> None:
    pattern = re.compile(rule.pattern.pattern, rule.pattern.flags)

    @settings(
        max_examples=50,
        deadline=None,
        suppress_health_check=[HealthCheck.filter_too_much],
    )
    @given(st.from_regex(pattern))
    def decide(text: str) -> None:
        assert rule.check is not None
        for match in pattern.finditer(text):
            rule.check(match)

    decide()
