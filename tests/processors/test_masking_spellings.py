"""Names and values in the ways that programs write them."""

from __future__ import annotations

import re

from typing import Any

import pytest

from mohflow.processors.masking import Masker


X = "hunter" + "22"
R = "[redacted]"


@pytest.fixture
def masker() -> Masker:
    return Masker()


def mask(value: Any) -> Any:
    return Masker()(None, "info", {"x": value})["x"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"<password>{X}</password>", f"<password>{R}</password>"),
        (f'<ns:pwd a="b">{X}</ns:pwd>', f'<ns:pwd a="b">{R}</ns:pwd>'),
        (f"psql --password {X} -h db", f"psql --password {R} -h db"),
        (f"run --api-key '{X} y' z", f"run --api-key '{R}' z"),
        (f"headers=[('x-api-key', '{X}')]", f"headers=[('x-api-key', '{R}')]"),
        (
            f"INSERT INTO t (id, password) VALUES (1, '{X}'), (2, 'b')",
            f"INSERT INTO t (id, password) VALUES (1, '{R}'), (2, '{R}')",
        ),
        (f"Authorization: Custom {X}", f"Authorization: {R}"),
        (f"phone: 555-010-{9999}, next", f"phone: {R}, next"),
        (f"?a=1&sig={X}{X}{X}&b=2", f"?a=1&sig={R}&b=2"),
        (f"Cookie: a={X}; b=2 GET /x", f"Cookie: {R} GET /x"),
    ],
)
def test_the_value_goes_and_the_rest_stays(
    text: str, expected: str, masker: Masker
) -> None:
    masked = masker.text(text)

    assert X not in masked
    assert expected == re.sub(r"\[redacted:\w+\]", R, masked)


@pytest.mark.parametrize(
    "value",
    [
        {"name": "DB_PASSWORD", "value": X},
        [("Authorization", X), ("Host", "h")],
        [["cookie", X], ["host", "h"]],
        {"phone": "(555) 010-9999 " + X[-2:], "other": 1},
        ["psql", "--password", X],
        ["-----BEGIN PRIVATE KEY-----", X, "-----END PRIVATE KEY-----"],
        {"card": "4111 1111 " + "1111 1111"},
        {"auth": ("ann", X)},
        {"token": [X, X]},
    ],
)
def test_structures_name_values_too(value: Any) -> None:
    masked = repr(mask(value))

    assert X not in masked
    assert "9999" not in masked
    assert "1111 1111" not in masked
    assert "[redacted" in masked


@pytest.mark.parametrize(
    "value",
    [
        ["password", "email"],
        {"auth": "basic", "token": "expired", "cookie": "missing"},
        {"phone": "mobile", "card": "visa", "sig": "SIGTERM", "session": 3},
        {"signature": "def f(x)", "sid": 17, "fax": None},
        {"page_token": "abc123def456", "next_token": "x1"},
        {"errors": [{"name": "price", "value": 3}]},
    ],
)
def test_what_only_looks_like_it_stays(value: Any) -> None:
    assert value == mask(value)


@pytest.mark.parametrize(
    "text",
    [
        "password=os.environ['DB_PASSWORD']",
        "api_key=${API_KEY} token=$TOKEN",
        "WHERE password = ? AND token = %s",
        "def login(user: str, password: str) -> Token:",
        "token = request.headers.get('X-Token')",
        "if token == expected_token:",
        "auth::token::verify",
        "POST /oauth/token: 401",
        "token_type=bearer expires_in=3600",
        "SyntaxError: Unexpected token: '}'",
        "self.password = password",
        "Password: must have 8 characters",
        "auth: user ann logged in",
    ],
)
def test_code_and_reports_stay(text: str, masker: Masker) -> None:
    assert text == masker.text(text)


def test_a_text_that_costs_too_much_is_hidden_from_there_on() -> None:
    masker = Masker()

    masked = masker.text(f"password={X} " * 20_000)

    assert X not in masked
    assert masked.endswith("[redacted:limit]")
    assert masker.counts["limit"]
