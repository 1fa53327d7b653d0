"""What lets a search pass over a text hides nothing that a look finds."""

from __future__ import annotations

import copy
import random
import re

from collections.abc import Iterator
from typing import Any

import pytest

from hypothesis import given, settings
from hypothesis import strategies as st

from mohflow.processors._find import _TAME, Finder
from mohflow.processors._patterns import RULES
from mohflow.processors._rule import Rule
from mohflow.processors._scan import Scanner
from mohflow.processors._shapes import SHAPES, Views
from mohflow.processors._span import Looks
from mohflow.processors.masking import Masker
from tests.processors.test_masking_corpus import load, strings


NO_LIMIT = 10**12
PIECES = [
    *(rule.yes for rule in RULES),
    *(rule.no for rule in RULES),
    *(hint for rule in RULES for hint in rule.hints),
    "2026-11-24 10:00:17 ",
    "2026-11-24T10:00:17.123Z",
    "0a1b2c3d-0a1b-4c3d-8e9f-0a1b2c3d4e5f",
    "0a1b2c3d" * 4,
    "\n",
    " ",
    " = ",
    '": "',
    "password",
    "api_key",
    "user Token",
    "pin_2",
    "status_code",
    "größe",
    "密码",
    "Пароль",
    "to\u212aen",
    "hunter22",
    "password%3Dhunter22",
    "%22api_key%22%3A%22hunter22%22",
    "token%253Dx1",
    '<add key="ApiKey" value="x1"/>',
    "<password>x1</password>",
    "--api-key x1",
    "('x-api-key', 'x1')",
    "( 'DB_PASSWORD', 'x1' )",
    "INSERT INTO t (id, password) VALUES (1, 'x1')",
    "cookie: a=b; c=d",
    "[redacted:email]",
    "+49 30 123456-78",
    "0044 20 79 46 09 58",
]


@pytest.fixture(scope="module")
def scanner() -> Scanner:
    return Masker()._scanner


def corpora() -> Iterator[str]:
    for name in ("masking_corpus", "masking_adversary"):
        for labelled in load(name).Corpus(7).events(300):
            yield from strings(dict(labelled.event))


def looked_up(
    table: Finder, rule: Rule, text: str
) -> Iterator[tuple[int, int, str]]:
    """Yield what *rule* finds when nothing is passed over."""
    raw = text.encode("latin-1", "replace")
    shape = raw.translate(SHAPES).decode("latin-1")
    small = raw.lower().decode("latin-1")
    looks = Looks(NO_LIMIT)
    # A text of plain words without quotes holds no credentials.
    if rule.among == "phrase" and not re.search(r"[0-9'\"`]", text):
        return
    for hint in rule.hints:
        if rule.among == "scan":
            yield from table._scan(rule, hint, text, looks)
        elif rule.among == "word":
            for word in re.finditer(r"[A-Za-z0-9_.-]{19,}", text):
                if not _TAME.fullmatch(word[0]):
                    yield from table._in_word(text, *word.span(), looks)
        elif not hint.strip("0"):
            for run in re.finditer("0+", shape):
                match = rule.pattern.match(text, run.start())
                span = match and table._span(rule, match)
                if span and len(run[0]) == len(hint):
                    yield span
        else:
            haystack = {"shape": shape, "phrase": small}.get(rule.among, text)
            yield from table._at_hints(rule, hint, text, haystack, looks)


def without_re2(scanner: Scanner) -> Scanner:
    other = copy.copy(scanner)
    other._prefilter = None
    return other


def check(scanner: Scanner, text: str) -> None:
    spans = scanner.spans(text, Looks(NO_LIMIT))
    assert spans == without_re2(scanner).spans(text, Looks(NO_LIMIT)), text
    hidden = bytearray(len(text))
    for start, end, _ in spans:
        hidden[start:end] = b"\1" * (end - start)
    for rule in RULES:
        for start, end, _ in looked_up(scanner._table, rule, text):
            assert any(hidden[start:end]), (rule, text, text[start:end])
    pairs = scanner._pairs
    for at, mark in enumerate(text):
        span = pairs._span(text, at) if mark in "=:" else None
        if span is not None:
            assert any(hidden[span.start : span.end]), (text, at, span)


class TestNothingIsPassedOver:
    def test_in_texts_of_both_corpora(self, scanner: Scanner) -> None:
        for text in corpora():
            if "[redacted" not in text:
                check(scanner, text)

    def test_in_texts_made_of_pieces(self, scanner: Scanner) -> None:
        chance = random.Random(5)
        for _ in range(500):
            parts = chance.choices(PIECES, k=chance.randint(1, 6))
            glue = chance.choice(["", " ", "\n", ", ", "-", ":"])
            check(scanner, glue.join(parts))

    @settings(max_examples=150)
    @given(
        st.lists(
            st.sampled_from(PIECES)
            | st.text("01 +-.(:=AaKk_'\"x7", max_size=24),
            max_size=6,
        )
    )
    def test_in_texts_made_by_chance(self, parts: list[str]) -> None:
        check(Masker()._scanner, "".join(parts))

    def test_behind_the_first_part_of_a_long_text(self) -> None:
        for size in (16_300, 16_370, 16_384, 16_390, 40_000):
            text = "x" * size + " api_key: hunter22 " + "y" * 20_000

            masked = Masker().text(text)

            assert "hunter22" not in masked, size


class TestViews:
    """A text is told apart by what stands in it."""

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("of 2026-11-24 10:00:17", "aa aaaaaaaaaaaaaaaaa00"),
            ("is AB-12 3.5", "aa AA 00 0.0"),
        ],
    )
    def test_an_outline_shows_numbers(self, text: str, expected: Any) -> None:
        assert expected == Views(text).outline()

    def test_digests_are_no_long_words(self) -> None:
        digests = ["0a1b2c3d" * n for n in (4, 5, 8)]
        text = " ".join(["a0b1" * 8, *digests, "0a1b2c3d_and_a_tail_of_it"])

        words = [text[start:end] for start, end in Views(text).long_words()]

        assert ["a0b1" * 8, "0a1b2c3d_and_a_tail_of_it"] == words

    def test_letters_are_those_of_names(self) -> None:
        assert "apikey=x,toke=" == Views("Api_Key 2: 'x', tok-e=").letters
