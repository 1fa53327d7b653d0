"""Events go in, masked copies of plain JSON types come out."""

from __future__ import annotations

import json
import re

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from io import StringIO
from typing import Any, ClassVar

import pytest

from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, SecretStr, ValidationError

from mohflow.diagnostics import Complaints
from mohflow.processors import masking
from mohflow.processors._rule import Rule
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
            Account(mail=MAIL, api_key=SecretStr("x")),
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
    def test_an_address_is_hidden(self, value: Any) -> None:
        masked = mask(x=value)

        assert MAIL not in json.dumps(masked)
        assert "[redacted:email]" in json.dumps(masked)
        assert types_in(masked) <= PLAIN

    def test_a_field_of_an_object_is_hidden_by_its_name(self) -> None:
        masked = mask(x=[Login("ann", "hunter2")])

        assert {
            "user": "ann",
            "password": "[redacted]",
            "seen": [],
        } == masked["x"][0]

    def test_json_in_a_text_is_hidden_by_its_names(self) -> None:
        masked = mask(body='{"pin": 1234, "n": [1.50]}')

        assert '{"pin": "[redacted]", "n": [1.50]}' == masked["body"]

    def test_json_without_a_secret_stays_as_it_is(self) -> None:
        assert '{"n" : 1.50 }' == mask(body='{"n" : 1.50 }')["body"]

    def test_a_name_that_comes_twice_hides_nothing_in_json(self) -> None:
        body = f'{{"a": "{MAIL}", "a": 1}}'

        assert MAIL not in mask(body=body)["body"]

    @pytest.mark.parametrize("number", [4111111111111111, 4111111111111111.0])
    def test_a_number_may_be_a_card(self, number: float) -> None:
        assert "[redacted:card]" == mask(x=number)["x"]

    @pytest.mark.parametrize(
        "number", [1700000000000, 4111111111111112, -1, 0.5, 2**63, 1e300]
    )
    def test_other_numbers_stay(self, number: float) -> None:
        assert number == mask(x=number)["x"]

    @given(st.dictionaries(st.text(max_size=9), VALUES, max_size=4))
    def test_the_objects_of_the_caller_are_not_changed(
        self, fields: dict[str, Any]
    ) -> None:
        before = deepcopy(fields)

        masked = Masker()(None, "info", fields)

        assert before == fields
        assert types_in(dict(masked)) <= PLAIN

    @given(st.dictionaries(st.sampled_from("abc"), VALUES, max_size=3))
    def test_masking_twice_is_masking_once(
        self, fields: dict[str, Any]
    ) -> None:
        once = Masker()(None, "info", fields)

        assert once == Masker()(None, "info", dict(once))
        assert MAIL not in repr(once)
        assert TOKEN not in repr(once)

    def test_a_later_change_by_the_caller_does_not_show(self) -> None:
        items = [1]
        masked = mask(x=items)

        items.append(2)

        assert [1] == masked["x"]


class TestStrategies:
    """What takes the place of a secret."""

    FIELDS: ClassVar = {"password": "hunter2hunter2", "x": f"from {MAIL} now"}

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
    def test_a_marker_shows_no_more_than_it_says(
        self, strategy: Any, expected: Any
    ) -> None:
        masker = Masker(MaskingOptions(strategy=strategy))

        once = masker(None, "info", dict(self.FIELDS))

        assert expected == once
        assert once == masker(None, "info", dict(once))

    def test_a_hash_is_equal_for_equal_values_under_one_key(self) -> None:
        def hashed(key: str) -> str:
            options = MaskingOptions(strategy="hash", hash_key=SecretStr(key))
            masker = Masker(options)
            once = masker(None, "info", {"x": MAIL})
            assert once == masker(None, "info", dict(once))
            return str(once["x"])

        assert re.fullmatch(r"\[email:[0-9a-f]{16}\]", hashed("k" * 16))
        assert hashed("k" * 16) == hashed("k" * 16) != hashed("j" * 16)

    def test_partial_shows_nothing_of_a_short_value(self) -> None:
        masker = Masker(MaskingOptions(strategy="partial"))

        masked = masker(None, "info", {"pin": 1234567})

        assert {"pin": "[redacted]"} == masked

    def test_a_dry_run_counts_and_hides_nothing(self) -> None:
        masker = Masker(MaskingOptions(dry_run=True, strategy="remove"))
        event = {**self.FIELDS, "secrets": [1]}

        assert event == masker(None, "info", dict(event))
        assert {"key": 2, "email": 1} == masker.counts

    def test_a_kind_may_have_its_own_strategy(self) -> None:
        options = MaskingOptions(
            strategies={"email": "partial", "key": "remove"}
        )
        masker = Masker(options)
        once = masker(None, "info", {**self.FIELDS, "t": TOKEN})

        assert {"x": "from ****.org now", "t": "[redacted:github]"} == once
        assert once == masker(None, "info", dict(once))

    def test_counts_name_kinds_and_never_a_value(self) -> None:
        masker = Masker()

        masker(None, "info", {**self.FIELDS, "y": [MAIL, MAIL]})

        assert {"key": 1, "email": 3} == masker.counts


class TestDetectors:
    """A function of the user finds what no pattern can."""

    def test_what_it_finds_goes(self) -> None:
        def find(text: str) -> list[tuple[int, int]]:
            start = text.find("Ann")
            return [(start, start + 3)] if start >= 0 else []

        masker = Masker(MaskingOptions(detectors={"person": find}))

        assert "for [redacted:person]." == masker.text("for Ann.")
        assert {"person": 1} == masker.counts

    def test_one_that_raises_hides_the_text_and_says_so_once(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        def fail(text: str) -> list[tuple[int, int]]:
            raise LookupError(text)

        masker = Masker(MaskingOptions(detectors={"own": fail}))
        for _ in range(3):
            masked = masker(None, "info", {"x": "hunter2", "n": 1})
        said = capsys.readouterr().err

        assert {"x": "<masking failed>", "n": 1}.items() <= masked.items()
        assert 1 == said.count("LookupError")
        assert "hunter2" not in said


class TestOptions:
    """Options are checked when they are made."""

    def test_an_own_pattern_hides_its_matches(self) -> None:
        masker = Masker(MaskingOptions(patterns={"order": r"ORD-\d+"}))

        assert "[redacted:order] paid" == masker.text("ORD-17 paid")
        assert {"order": 1} == masker.counts

    def test_a_value_that_fully_matches_an_allowed_pattern_stays(self) -> None:
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
            {"strategies": {"emial": "hash"}},
            {"strategies": {"email": "hash"}},
            {"detectors": {"Not A Name": str.split}},
            {"unknown": 1},
        ],
    )
    def test_what_cannot_be_used_is_refused(
        self, options: dict[str, Any]
    ) -> None:
        with pytest.raises(ValidationError):
            MaskingOptions(**options)

    def test_a_refusal_does_not_show_the_key(self) -> None:
        with pytest.raises(ValidationError) as caught:
            MaskingOptions(strategy="hash", hash_key=SecretStr("hunter2"))

        assert "16 bytes" in str(caught.value)
        assert "hunter2" not in str(caught.value)


class TestFailure:
    """A value that cannot be masked is hidden."""

    @pytest.fixture
    def broken(self, monkeypatch: pytest.MonkeyPatch) -> Masker:
        def check(match: re.Match[str]) -> bool:
            raise LookupError(match[0])

        rule = Rule("broken", re.compile("boom"), (), "", "", check, "all")
        monkeypatch.setattr(masking, "RULES", (rule,))
        return Masker()

    @pytest.fixture
    def said(self, monkeypatch: pytest.MonkeyPatch) -> Callable[[], str]:
        stream = StringIO()
        voice = Complaints(stream=lambda: stream)
        monkeypatch.setattr(masking, "complain", voice)
        return stream.getvalue

    def test_a_detector_that_raises_hides_the_value_only(
        self, broken: Masker, said: Callable[[], str]
    ) -> None:
        event = {"x": "boom hunter2", "level": "info", "event": "fine"}

        masked = broken(None, "info", event)

        assert {
            "x": "<masking failed>",
            "level": "info",
            "event": "fine",
        } == masked

    def test_a_failure_is_said_once_and_without_the_value(
        self, broken: Masker, said: Callable[[], str]
    ) -> None:
        for _ in range(3):
            broken(None, "info", {"x": "boom hunter2"})

        assert 1 == said().count("LookupError")
        assert "hunter2" not in said()

    def test_a_name_that_cannot_be_masked_is_hidden(
        self, broken: Masker
    ) -> None:
        masked = broken(None, "info", {"boom!": "hunter2"})

        assert {"<masking failed>": "<masking failed>"} == masked

    def test_an_interrupt_passes(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def interrupt(match: re.Match[str]) -> bool:
            raise KeyboardInterrupt

        rule = Rule("x", re.compile("boom"), (), "", "", interrupt, "all")
        monkeypatch.setattr(masking, "RULES", (rule,))

        with pytest.raises(KeyboardInterrupt):
            Masker()(None, "info", {"x": "boom"})
