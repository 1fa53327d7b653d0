"""What is hidden inside of texts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from hypothesis import given, settings
from hypothesis import strategies as st

from mohflow.processors._patterns import RULES
from mohflow.processors._rule import Rule
from mohflow.processors._shapes import SHAPES
from mohflow.processors.masking import Masker


SECRETS = {
    "email": "ann.lee@" + "example.org",
    "card": "4111" + "1" * 12,
    "iban": "DE8937040044" + "0532013000",
    "ssn": "123-45-" + "6789",
    "phone": "+15550" + "109999",
    "jwt": "eyJ" + "hbGciOiJIUzI1NiJ9.eyJ" + "zdWIiOiIxIn0.c2ln",
    "aws": "AKIA" + "IOSFODNN7EXAMPLE",
    "github": "ghp_" + "A1b2" * 9,
    "gitlab": "glpat-" + "A1b2" * 5,
    "stripe": "sk_" + "live_" + "A1b2" * 6,
    "google": "AIza" + "A1b2" * 8 + "A1b",
    "openai": "sk-" + "A1b2" * 12,
    "anthropic": "sk-" + "ant-" + "A1b2" * 8,
    "huggingface": "hf_" + "A1b2" * 9,
    "npm": "npm_" + "A1b2" * 9,
    "sendgrid": "SG." + "A1b2" * 5 + "." + "A1b2" * 10,
    "twilio": "SK" + "a1b2" * 8,
}
BETWEEN = st.sampled_from(
    [
        " ",
        "\n",
        "\t",
        ", ",
        ";",
        '"',
        "'",
        " (",
        ") ",
        "<",
        ">",
        "|",
        " = ",
        ": ",
        "! ",
        "/",
        "{",
        "}",
        "[",
        "] ",
        "\\n ",
        " - ",
    ]
)
WORDS = st.text("abc xyz.,:=/\"'[]{}\\\n-_019é", max_size=30)

Mask = Callable[[str], str]

by_name = pytest.mark.parametrize("rule", RULES, ids=lambda r: r.name)


@pytest.fixture
def mask() -> Mask:
    return Masker().text


class TestTable:
    """Each row of the table does what its examples say."""

    @by_name
    def test_the_example_is_found(self, rule: Rule) -> None:
        masker = Masker()

        assert f"[redacted:{rule.name}]" in masker.text(rule.yes)
        assert {rule.name: 1} == masker.counts

    @by_name
    def test_the_counterexample_stays(self, rule: Rule, mask: Mask) -> None:
        assert rule.no == mask(rule.no)

    @by_name
    def test_a_hint_is_in_the_example(self, rule: Rule) -> None:
        shape = rule.yes.encode("latin-1").translate(SHAPES).decode("latin-1")
        haystack = {"shape": shape, "phrase": rule.yes.lower()}.get(
            rule.among, rule.yes
        )

        assert any(hint in haystack for hint in rule.hints)


class TestSpans:
    """A secret goes, its surroundings stay."""

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("password=hunter2 ok", "password=[redacted] ok"),
            ("password=reset", "password=[redacted]"),
            ("user[password]=x", "user[password]=[redacted]"),
            ("(secret: x1).", "(secret: [redacted])."),
            ("the api key: abc, and", "the api key: [redacted], and"),
            ("?a=1&token=x&b=2", "?a=1&token=[redacted]&b=2"),
            ("?api_key=x#top", "?api_key=[redacted]"),
            ("Uid=a;PWD=p@ss;Db=b", "Uid=a;PWD=[redacted];Db=b"),
            ("AccountKey=a+b==;X=y", "AccountKey=[redacted];X=y"),
            (
                "WHERE password = 'a b' AND",
                "WHERE password = '[redacted]' AND",
            ),
            ("{'token': 'a', 'n': 1}", "{'token': '[redacted]', 'n': 1}"),
            ('{"password": "a\\"b", ...', '{"password": "[redacted]", ...'),
            (r"{\"pwd\": \"a\", \"n\"", r"{\"pwd\": \"[redacted]\", \"n\""),
            ("Authorization: Bearer abc", "Authorization: [redacted]"),
            ("Cookie: a=b; c=d\nHost: x", "Cookie: [redacted]\nHost: x"),
            ("keys: secrets=['a', 'b'] x", "keys: secrets=[redacted] x"),
            ("env['PASSWORD'] = 'x'", "env['PASSWORD'] = '[redacted]'"),
            ("amqp://u:p@ss@h/v", "amqp://u:[redacted:url-password]@h/v"),
            ("redis://:pw@h:6379", "redis://:[redacted:url-password]@h:6379"),
            ("a.b@example.org.", "[redacted:email]."),
            ("to=ann%40example.org&x", "to=[redacted:email]&x"),
            ("BE71 0961 2345 6769 PAID", "[redacted:iban] PAID"),
            ("1234 4111 1111 1111 1111", "1234 [redacted:card]"),
            ("order_4111111111111111", "order_[redacted:card]"),
        ],
    )
    def test_only_the_secret_goes(
        self, text: str, expected: Any, mask: Mask
    ) -> None:
        assert expected == mask(text)

    @pytest.mark.parametrize(
        "text",
        [
            "Password reset email sent",
            "api_key: missing",
            "token=none, secret: null",
            "token: expired, password: is wrong",
            "PASS: 12",
            "PASS: test_login",
            "pass=12 fail=3",
            "Settings(password=SecretStr('**********'))",
            "0b2c3d4e-4111-1111-1111-111111111111",
            "01ARZ3NDEKTSV4RRFFQ69G5FAV",
            "4bf92f3577b34da6a3ce929d0e0e4736",
            "da39a3ee5e6b4b0d3255bfef95601890afd80709",
            "1700000000 1700000000000 1700000000000000 1700000000000000000",
            "2024-01-31T10:20:30.123456+02:00",
            "v1.2.3 10.0.0.1 [::1]:8080 1,234,567.89 0.4111111111111111",
            "order 1234567890123456 and 4111111111111112",
            "/var/log/app.log C:\\temp\\x git@github.com:a/b.git",
            "http://localhost:3100/loki/api/v1/push?limit=10",
            "author: Ann, tokens: 12, key=user:42, primary_key=7",
        ],
    )
    def test_harmless_text_stays(self, text: str, mask: Mask) -> None:
        assert text == mask(text)


class TestPlanted:
    """A secret is hidden wherever it stands."""

    @pytest.mark.parametrize("name", SECRETS)
    @settings(max_examples=40)
    @given(before=WORDS, left=BETWEEN, right=BETWEEN, after=WORDS)
    def test_no_surroundings_uncover_a_secret(
        self, name: str, before: str, left: str, right: str, after: str
    ) -> None:
        secret = SECRETS[name]

        masked = Masker().text(before + left + secret + right + after)

        assert secret not in masked

    def test_secrets_that_uncover_each_other_are_hidden_to_the_last(
        self,
    ) -> None:
        masked = Masker().text("ann.lee@example.org" + "+15550109999" * 9)

        assert "0109999" not in masked

    @given(
        st.lists(
            BETWEEN
            | WORDS
            | st.sampled_from(list(SECRETS.values()))
            | st.sampled_from(["password", "token:", "://u:"]),
            max_size=8,
        )
    )
    def test_masking_twice_is_masking_once(self, parts: list[str]) -> None:
        masker = Masker()
        once = masker(None, "info", {"event": "".join(parts), "x": parts})

        assert once == masker(None, "info", dict(once))
