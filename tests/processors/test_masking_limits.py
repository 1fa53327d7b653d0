"""Size, depth and time of masking are bounded."""

from __future__ import annotations

import json
import time

from typing import Any

import pytest

from mohflow.processors._patterns import RULES
from mohflow.processors._rule import Rule
from mohflow.processors.masking import Masker


MAIL = "ann@" + "example.org"
ADVERSARIAL = [
    "@",
    "a.",
    "a@a.",
    "a:",
    "=",
    "password:",
    'password="',
    'pwd=\\"',
    "://",
    "://a:",
    "4111 ",
    "4",
    "+1",
    "-eyJ",
    "-sk-",
    "DE89 ",
    "bearer ",
    "digest a=",
    "-----BEGIN PRIVATE KEY-----",
    "-----BEGIN ",
    "[",
    "a ",
    "cookie:",
    "SG.",
    "ghp_",
    "123-45-",
    "[redacted:",
    "token={",
    "basic a",
    "xoxb-",
    "github_pat_",
    "secret=[",
    "a%40",
]


def mask(**fields: Any) -> dict[str, Any]:
    return dict(Masker()(None, "info", fields))


class TestBounds:
    """What is beyond a bound is left out, never shown unmasked."""

    def test_too_deep_is_hidden(self) -> None:
        value: Any = MAIL
        for _ in range(1000):
            value = [value]

        masked = mask(x=value)

        assert MAIL not in json.dumps(masked)
        assert "<depth limit>" in json.dumps(masked)
        assert masked["truncated"] is True

    def test_a_cycle_ends(self) -> None:
        value: dict[str, Any] = {"n": 1}
        value["self"] = [value]

        assert {"x": {"n": 1, "self": ["<cycle>"]}} == mask(x=value)

    def test_a_value_that_comes_twice_is_no_cycle(self) -> None:
        value = [1]

        assert {"x": [[1], [1], [1]]} == mask(x=[value, value, value])

    @pytest.mark.parametrize(
        "value", [[1] * 20_000, {str(n): n for n in range(20_000)}]
    )
    def test_too_many_values_are_left_out(self, value: Any) -> None:
        masked = mask(x=value, event="kept", level="info")

        assert len(masked["x"]) <= 10_001
        assert "<size limit>" in list(masked["x"])
        assert masked["truncated"] is True
        assert ("kept", "info") == (masked["event"], masked["level"])

    def test_a_graph_of_shared_lists_is_bounded(self) -> None:
        value: Any = ["x"]
        for _ in range(25):
            value = [value, value, value]

        assert mask(x=value)["truncated"] is True

    def test_a_long_text_is_cut_and_says_so(self) -> None:
        masked = mask(x="ab " * 400_000 + MAIL)

        assert len(masked["x"]) < 265_000
        assert masked["x"].endswith("characters]")
        assert masked["truncated"] is True

    def test_a_small_event_is_not_marked(self) -> None:
        assert {"x": [1]} == mask(x=[1])


def seconds(work: Any) -> float:
    started = time.thread_time()
    work()
    return time.thread_time() - started


class TestTime:
    """No text takes more than a multiple of what harmless text takes."""

    @pytest.mark.parametrize("piece", ADVERSARIAL)
    def test_a_text_made_to_be_slow_is_not(self, piece: str) -> None:
        text = (piece * 264_000)[:264_000]
        harmless = ("a: b c=d " * 30_000)[:264_000]

        usual = seconds(lambda: Masker().text(harmless))
        taken = seconds(lambda: Masker().text(text))

        assert taken < 20 * usual + 0.1

    @pytest.mark.parametrize("rule", RULES, ids=lambda r: r.name)
    @pytest.mark.parametrize("tail", ["\n", "!", " "])
    def test_each_pattern_is_linear_at_64_kb(
        self, rule: Rule, tail: str
    ) -> None:
        def longest(size: int) -> float:
            text = (rule.yes[:-1] + tail) * (size // (len(rule.yes)))
            runs = rule.hints[0] + "A1" * (size // 2) + tail
            return min(
                seconds(lambda: list(rule.pattern.finditer(text + runs)))
                for _ in range(3)
            )

        assert longest(64_000) < 40 * longest(8_000) + 0.02
