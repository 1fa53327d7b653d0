"""Events go in, masked copies of plain JSON types come out."""

from __future__ import annotations

import json
import re

from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import pytest

from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, SecretStr, ValidationError

from mohflow.processors import masking
from mohflow.processors._patterns import Rule
from mohflow.processors.masking import Masker, MaskingOptions


MAIL = "ann@" + "example.org"
TOKEN = "ghp_" + "A1b2" * 9
PLAIN = {dict, list, str, int, float, bool, type(None)}
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=20)
    | st.binary(max_size=9)
    | st.sampled_from([MAIL, f"token={TOKEN}"]),
    lambda children: (
        st.lists(children, max_size=4)
        | st.tuples(children, children)
        | st.dictionaries(
            st.sampled_from(["a", "password", "x-token", MAIL, "n"]), children
        )
    ),
    max_leaves=12,
)


@dataclass
class Login:
    user: str
    password: str
    seen: list[str] = field(default_factory=list)


class Account(BaseModel):
    mail: str
    api_key: SecretStr


def mask(**fields: Any) -> dict[str, Any]:
    return dict(Masker()(None, "info", fields))


def types_in(value: Any) -> set[type]:
    inside = (
        [*value, *value.values()]
        if type(value) is dict
        else (value if type(value) is list else [])
    )
    return {type(value)}.union(*(types_in(item) for item in inside))


class TestStructure:
    """Secrets are found at any depth and in any container."""

    @pytest.mark.parametrize(
        "value",
        [
            [["a", {"b": [MAIL]}]],
            (1, (MAIL,)),
            {MAIL},
            frozenset({MAIL}),
            MAIL.encode(),
            bytearray(MAIL.encode()),
            Login("ann", "x", [MAIL]),
            Account(mail=MAIL, api_key="x"),
            {MAIL: 1},
            ValueError(f"no such user {MAIL}"),
            json.dumps({"a": [{"b": MAIL}]}),
            json.dumps(json.dumps({"a": json.dumps([MAIL])})),
            f"SELECT * FROM users WHERE mail = '{MAIL}'",
            f"https://example.com/?mail={MAIL}&x=1",
            {"exception": [{"message": f"bad {MAIL}", "notes": [MAIL]}]},
        ],
        ids=lambda value: type(value).__name__,
    )
    def test_an_address_is_hidden(self, value):
        masked = mask(x=value)

        assert MAIL not in json.dumps(masked)
        assert "[redacted:email]" in json.dumps(masked)
        assert types_in(masked) <= PLAIN

    def test_a_field_of_an_object_is_hidden_by_its_name(self):
        masked = mask(x=[Login("ann", "hunter2")])

        assert {
            "user": "ann",
            "password": "[redacted]",
            "seen": [],
        } == masked["x"][0]

    def test_json_in_a_text_is_hidden_by_its_names(self):
        masked = mask(body='{"pin": 1234, "n": [1.50]}')

        assert '{"pin":"[redacted]","n":[1.5]}' == masked["body"]

    def test_json_without_a_secret_stays_as_it_is(self):
        assert '{"n" : 1.50 }' == mask(body='{"n" : 1.50 }')["body"]

    def test_a_name_that_comes_twice_hides_nothing_in_json(self):
        body = f'{{"a": "{MAIL}", "a": 1}}'

        assert MAIL not in mask(body=body)["body"]

    @pytest.mark.parametrize("number", [4111111111111111, 4111111111111111.0])
    def test_a_number_may_be_a_card(self, number):
        assert "[redacted:card]" == mask(x=number)["x"]

    @pytest.mark.parametrize(
        "number", [1700000000000, 4111111111111112, -1, 0.5, 2**63, 1e300]
    )
    def test_other_numbers_stay(self, number):
        assert number == mask(x=number)["x"]

    @given(st.dictionaries(st.text(max_size=9), VALUES, max_size=4))
    def test_the_objects_of_the_caller_are_not_changed(self, fields):
        before = deepcopy(fields)

        masked = Masker()(None, "info", fields)

        assert before == fields
        assert types_in(dict(masked)) <= PLAIN

    @given(st.dictionaries(st.sampled_from("abc"), VALUES, max_size=3))
    def test_masking_twice_is_masking_once(self, fields):
        once = Masker()(None, "info", fields)

        assert once == Masker()(None, "info", dict(once))
        assert MAIL not in repr(once)
        assert TOKEN not in repr(once)

    def test_a_later_change_by_the_caller_does_not_show(self):
        items = [1]
        masked = mask(x=items)

        items.append(2)

        assert [1] == masked["x"]


class TestStrategies:
    """What takes the place of a secret."""

    FIELDS = {"password": "hunter2hunter2", "x": f"from {MAIL} now"}

    @pytest.mark.parametrize(
        ("strategy", "expected"),
        [
            (
                "redact",
                {"password": "[redacted]", "x": "from [redacted:email] now"},
            ),
            ("partial", {"password": "****ter2", "x": "from ****.org now"}),
            ("remove", {"x": "from  now"}),
        ],
    )
    def test_a_marker_shows_no_more_than_it_says(self, strategy, expected):
        masker = Masker(MaskingOptions(strategy=strategy))

        once = masker(None, "info", dict(self.FIELDS))

        assert expected == once
        assert once == masker(None, "info", dict(once))

    def test_a_hash_is_equal_for_equal_values_under_one_key(self):
        def hashed(key: str) -> str:
            options = MaskingOptions(strategy="hash", hash_key=key)
            masker = Masker(options)
            once = masker(None, "info", {"x": MAIL})
            assert once == masker(None, "info", dict(once))
            return once["x"]

        assert re.fullmatch(r"\[email:[0-9a-f]{16}\]", hashed("k" * 16))
        assert hashed("k" * 16) == hashed("k" * 16) != hashed("j" * 16)

    def test_partial_shows_nothing_of_a_short_value(self):
        masker = Masker(MaskingOptions(strategy="partial"))

        masked = masker(None, "info", {"pin": 1234567})

        assert {"pin": "[redacted]"} == masked

    def test_a_dry_run_counts_and_hides_nothing(self):
        masker = Masker(MaskingOptions(dry_run=True, strategy="remove"))
        event = {**self.FIELDS, "secrets": [1]}

        assert event == masker(None, "info", dict(event))
        assert {"key": 2, "email": 1} == masker.counts


class TestOptions:
    """Options are checked when they are made."""

    def test_an_own_pattern_hides_its_matches(self):
        masker = Masker(MaskingOptions(patterns={"order": r"ORD-\d+"}))

        assert "[redacted:order] paid" == masker.text("ORD-17 paid")
        assert {"order": 1} == masker.counts

    def test_a_value_that_fully_matches_an_allowed_pattern_stays(self):
        masker = Masker(MaskingOptions(allow_patterns=(r".*@example\.org",)))
        event = {"x": f"{MAIL}, b@example.com", "token": MAIL}

        assert {
            "x": f"{MAIL}, [redacted:email]",
            "token": MAIL,
        } == masker(None, "info", event)

    @pytest.mark.parametrize(
        "options",
        [
            {"patterns": {"x": "("}},
            {"patterns": {"Not A Name": "x"}},
            {"allow_patterns": ("(",)},
            {"strategy": "hash"},
            {"strategy": "hash", "hash_key": "too short"},
            {"strategy": "shred"},
            {"unknown": 1},
        ],
    )
    def test_what_cannot_be_used_is_refused(self, options):
        with pytest.raises(ValidationError):
            MaskingOptions(**options)

    def test_a_refusal_does_not_show_the_key(self):
        with pytest.raises(ValidationError) as caught:
            MaskingOptions(strategy="hash", hash_key="hunter2")

        assert "16 bytes" in str(caught.value)
        assert "hunter2" not in str(caught.value)


class TestFailure:
    """A value that cannot be masked is hidden."""

    @pytest.fixture
    def broken(self, monkeypatch):
        def check(match: re.Match[str]) -> bool:
            raise LookupError(match[0])

        rule = Rule("broken", re.compile("boom"), ("boom",), "", "", check)
        monkeypatch.setattr(masking, "RULES", (rule,))
        return Masker()

    def test_a_detector_that_raises_hides_the_value_only(self, broken, capfd):
        event = {"x": "boom hunter2", "level": "info", "event": "fine"}

        masked = broken(None, "info", event)

        assert {
            "x": "<masking failed>",
            "level": "info",
            "event": "fine",
        } == masked
        assert "hunter2" not in capfd.readouterr().err

    def test_a_name_that_cannot_be_masked_is_hidden(self, broken):
        masked = broken(None, "info", {"boom": "hunter2"})

        assert {"<masking failed>": "<masking failed>"} == masked

    def test_an_interrupt_passes(self, monkeypatch):
        def interrupt(match: re.Match[str]) -> bool:
            raise KeyboardInterrupt

        rule = Rule("x", re.compile("boom"), ("boom",), "", "", interrupt)
        monkeypatch.setattr(masking, "RULES", (rule,))

        with pytest.raises(KeyboardInterrupt):
            Masker()(None, "info", {"x": "boom"})
