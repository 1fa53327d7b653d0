"""Which names of fields hide their values."""

from __future__ import annotations

from typing import Any

import pytest

from mohflow.processors.masking import Masker, MaskingOptions


HIDDEN = """
    apiKey X-API-KEY db_password user.password DB_PASSWORD_1 clientSecret
    authorization Authorization Cookie set-cookie session_token refreshToken
    private_key passwd pwd pin cvv cvv2 ssn credit_card card_number iban
    password_hash passwordText pin_code apikey APIKey accesstoken PGPASSWORD
    social_security_number AWS_SECRET_ACCESS_KEY AccountKey secret token
"""
KEPT = """
    author monkey token_count max_tokens tokenizer password_reset_sent
    authorized authType session_duration passenger compass secretary keyboard
    public_key primary_key key cache_key sort_key trace_id span_id request_id
    correlation_id commit digest etag version duration created_at pinned
    spinning bypass secretName number hash code value
"""


def mask(field: dict[Any, Any], **options: Any) -> dict[Any, Any]:
    masker = Masker(MaskingOptions(**options))
    return dict(masker(None, "info", dict(field)))


class TestNames:
    """Whole words at the end of a name decide."""

    @pytest.mark.parametrize("name", HIDDEN.split())
    def test_a_value_under_a_secret_name_is_hidden(self, name: str) -> None:
        assert {name: "[redacted]"} == mask({name: "plain words"})

    @pytest.mark.parametrize("name", KEPT.split())
    def test_a_name_that_only_looks_alike_is_kept(self, name: str) -> None:
        assert {name: "plain words"} == mask({name: "plain words"})

    @pytest.mark.parametrize(
        "value", [12, 1.5, b"abc", ["a"], ("a", 1), {"a": 1}, {1}, [], 0]
    )
    def test_a_secret_value_is_hidden_whatever_its_type(
        self, value: Any
    ) -> None:
        assert {"password": "[redacted]"} == mask({"password": value})

    @pytest.mark.parametrize("value", [None, True, False, ""])
    def test_a_value_that_says_nothing_stays(self, value: Any) -> None:
        assert {"password": value} == mask({"password": value})

    def test_a_secret_in_the_name_itself_is_hidden(self) -> None:
        assert {"[redacted:email]": 1} == mask({"ann@example.org": 1})

    def test_names_with_equal_markers_stay_apart(self) -> None:
        masked = mask({"ann@example.org": 1, "bob@example.org": 2})

        assert [1, 2] == list(masked.values())

    def test_a_marker_as_a_name_hides_nothing(self) -> None:
        once = mask({"DE8937040044" + "0532013000": 1})

        assert once == mask(once)
        assert 1 == once["[redacted:iban]"]

    def test_control_fields_are_left_alone(self) -> None:
        event = {"timestamp": 1, "level": "info", "logger": "ann@example.org"}

        assert event == mask(event)


class TestOptionsForNames:
    """A user adds names, and takes names out."""

    def test_an_added_name_hides_in_every_spelling(self) -> None:
        masked = mask(
            {"userNickName": "x", "NICK-NAME": "y", "name": "z"},
            keys=("nick_name",),
        )

        assert {
            "userNickName": "[redacted]",
            "NICK-NAME": "[redacted]",
            "name": "z",
        } == masked

    def test_an_added_name_may_be_in_any_script(self) -> None:
        assert {"Пароль": "[redacted]"} == mask(
            {"Пароль": "x"}, keys=("пароль",)
        )

    def test_an_allowed_name_is_compared_as_a_whole(self) -> None:
        masked = mask(
            {"sessionToken": "x", "token": "y"}, allow_keys=("session_token",)
        )

        assert {"sessionToken": "x", "token": "[redacted]"} == masked

    def test_a_value_under_an_allowed_name_is_still_read_as_a_text(
        self,
    ) -> None:
        masked = mask({"token": "ann@example.org"}, allow_keys=("token",))

        assert {"token": "[redacted:email]"} == masked


class TestHeaders:
    """Lists of pairs are read as names and values."""

    @pytest.mark.parametrize(
        "pair", [("authorization", "x"), ["Cookie", "a=b"], (b"cookie", b"a")]
    )
    def test_a_pair_with_a_secret_name_loses_its_value(
        self, pair: Any
    ) -> None:
        masked = mask({"headers": [pair, ["host", "example"]]})["headers"]

        assert "[redacted]" == masked[0][1]
        assert ["host", "example"] == masked[1]
