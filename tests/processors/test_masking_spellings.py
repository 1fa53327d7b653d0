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


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("card 4242, cvv 123, ok", f"card 4242, cvv {R}, ok"),
        ("cvc: 123", f"cvc: {R}"),
        (f"redis-cli -h c -a {X} ping", f"redis-cli -h c -a {R} ping"),
        (f"mysql -u app -p{X} shop", f"mysql -u app -p{R} shop"),
        (f"curl -s -u ann:{X} http://h", f"curl -s -u ann:{R} http://h"),
        (f"a%3D1%26password%3D{X}%26b%3D2", f"a%3D1%26password%3D{R}%26b%3D2"),
        (f"%7B%22token%22%3A%22{X}%22%7D", f"%7B%22token%22%3A%22{R}%22%7D"),
        (f"password%253D{X}%2526b", f"password%253D{R}%2526b"),
        ("key " + "0a1b2c3d" * 4 + "-us6 used", f"key {R} used"),
        ("the api key is: zzz999yyy", f"the api key is: {R}"),
        ("the api key is zzz999yyy1", f"the api key is {R}"),
        (
            f'<add key="ApiKey" value="{X}"/>',
            f'<add key="ApiKey" value="{R}"/>',
        ),
        (f"define( 'DB_PASSWORD', '{X}' )", f"define( 'DB_PASSWORD', '{R}' )"),
        (f"app:{X}@tcp(db:3306)/shop", f"app:{R}@tcp(db:3306)/shop"),
        (f"A::B secret_key: {X}", f"A::B secret_key: {R}"),
    ],
)
def test_what_programs_write_is_read(
    text: str, expected: str, masker: Masker
) -> None:
    assert expected == re.sub(r"\[redacted:[\w-]+\]", R, masker.text(text))


@pytest.mark.parametrize(
    "text",
    [
        "cvv 12 of 40, cvc 1.25, cvv 2026-11-24 and cvv checked",
        "redis-cli -h cache -p 6379 ping",
        "mysql -h db -P 3306 shop",
        "author%3Dann%26page%3D2%26max_tokens%3D40",
        "0a1b2c3d-us12 in eu-us-1",
        "the api key is invalid, the key is to retry, the token is expired",
        '<add key="Theme" value="dark"/>',
        "PWD=/home/ann; secrets: - name: x",
        "password VARCHAR(255) NOT NULL",
        "auth=basic user=ann",
        "http://host:80/a:b",
    ],
)
def test_what_only_looks_alike_stays(text: str, masker: Masker) -> None:
    assert text == masker.text(text)


class TestFlatLists:
    """Names and values in turn, as ``rawHeaders`` of Node.js has them."""

    def test_a_value_behind_a_secret_name_goes(self) -> None:
        headers = ["Cookie", f"a={X}", "Host", "example.org"]

        assert ["Cookie", R, "Host", "example.org"] == mask(headers)

    def test_headers_as_bytes(self) -> None:
        headers = [b"accept", b"*/*", b"authorization", f"Bearer {X}".encode()]

        assert X not in str(mask(headers))

    @pytest.mark.parametrize(
        "names",
        [
            ["password", "email", "token", "name"],
            ["Authorization", "Content-Type", "X-Api-Key", "Accept"],
            ["1", "password", "2", "email"],
        ],
    )
    def test_a_list_of_names_stays(self, names: list[str]) -> None:
        assert names == mask(names)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-16"])
def test_bytes_of_utf_16_are_read(encoding: str) -> None:
    assert X not in mask(f"password={X}".encode(encoding)).replace("\0", "")


def test_bytes_with_zeros_are_no_utf_16() -> None:
    assert "a\0b c" == mask(b"a\0b c")
