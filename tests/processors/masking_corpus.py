"""Events with planted secrets and with strings that only look like some."""

from __future__ import annotations

import base64
import json
import random
import string
import uuid

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from faker import Faker


ALNUM = string.ascii_letters + string.digits
HEX = "0123456789abcdef"


@dataclass(slots=True)
class Labelled:
    """One event, and what must and must not be left of it."""

    event: dict[str, Any]
    gone: list[tuple[str, str]] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)


class Corpus:
    """Makes the same events for the same seed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.fake = Faker(
            ["en_US", "en_GB", "de_DE", "fr_FR", "es_ES", "it_IT", "pt_BR"]
        )
        self.fake.seed_instance(seed)

    def text(self, size: int, letters: str = ALNUM) -> str:
        return "".join(self.random.choices(letters, k=size))

    def choice(self, values: Any) -> Any:
        return self.random.choice(list(values))

    def password(self) -> str:
        return (
            self.choice(
                [
                    lambda: self.fake.password(
                        length=self.random.randint(8, 16)
                    ),
                    lambda: self.text(12),
                    lambda: f"{self.fake.word().title()}{self.text(4, HEX)}!",
                    lambda: self.fake.password(special_chars=False),
                ]
            )()
            .replace("'", "x")
            .replace('"', "x")
        )

    def safe_password(self) -> str:
        """Return one of letters and digits, as it stands in a URL."""
        return self.text(self.random.randint(8, 20))

    def base64url(self, value: Any) -> str:
        raw = json.dumps(value).encode()
        return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()

    def jwt(self) -> str:
        head = self.base64url({"alg": self.choice(["HS256", "RS256"])})
        body = self.base64url({"sub": self.text(8), "iat": 1700000000})
        return f"{head}.{body}.{self.text(43)}"

    def pem(self) -> str:
        kind = self.choice(["RSA ", "EC ", "", "OPENSSH ", "ENCRYPTED "])
        body = "\n".join(self.text(64, ALNUM + "+/") for _ in range(4))
        return (
            f"-----BEGIN {kind}PRIVATE KEY-----\n{body}\n"
            f"-----END {kind}PRIVATE KEY-----"
        )

    def card(self) -> str:
        number = self.fake.credit_card_number()
        if len(number) == 16 and self.random.random() < 0.4:
            mark = self.choice(" -")
            return mark.join(number[i : i + 4] for i in range(0, 16, 4))
        return number

    def iban(self) -> str:
        number = self.fake.iban()
        if self.random.random() < 0.4:
            return " ".join(number[i : i + 4] for i in range(0, 34, 4)).strip()
        return number

    def phone(self) -> str:
        n = self.random.randint
        return self.choice(
            [
                f"+1 {n(201, 989)} {n(200, 999)} {n(1000, 9999)}",
                f"+1-{n(201, 989)}-{n(200, 999)}-{n(1000, 9999)}",
                f"+1 ({n(201, 989)}) {n(200, 999)}-{n(1000, 9999)}",
                f"+1{n(2010000000, 9899999999)}",
                f"+44 20 {n(1000, 9999)} {n(1000, 9999)}",
                f"+447{n(100000000, 999999999)}",
                f"+49 (0){n(30, 89)} {n(100000, 9999999)}",
                f"+49 {n(150, 179)} {n(1000000, 9999999)}",
                f"+33 6 {n(10, 99)} {n(10, 99)} {n(10, 99)} {n(10, 99)}",
                f"+91-{n(70000, 99999)}-{n(10000, 99999)}",
                f"+55 11 9{n(1000, 9999)}-{n(1000, 9999)}",
                f"+86 1{n(30, 99)} {n(1000, 9999)} {n(1000, 9999)}",
                f"+1.{n(201, 989)}.{n(200, 999)}.{n(1000, 9999)}",
            ]
        )

    def national(self) -> str:
        return self.choice(
            [
                self.fake["pt_BR"].cpf,
                self.fake["it_IT"].ssn,
                self.fake["es_ES"].nif,
                self.fake["fr_FR"].ssn,
            ]
        )()

    def telegram(self) -> str:
        return f"{self.random.randint(10**8, 10**10 - 1)}:AA{self.text(33)}"

    def discord(self) -> str:
        user = str(self.random.randint(10**17, 10**18 - 1)).encode()
        head = base64.b64encode(user).decode().rstrip("=")
        return f"{head}.{self.text(6)}.{self.text(38)}"

    def tokens(self) -> dict[str, Callable[[], str]]:
        t = self.text
        digits = string.digits
        upper = string.ascii_uppercase + "234567"
        pick = self.choice
        return {
            "aws": lambda: pick(["AKIA", "ASIA"]) + t(16, upper),
            "google": lambda: pick(
                ["AIza" + t(35), "GOCSPX-" + t(28), "ya29." + t(60)]
            ),
            "azure": lambda: t(3) + "8Q~" + t(34),
            "github": lambda: pick(
                [
                    "ghp_" + t(36),
                    "gho_" + t(36),
                    "ghs_" + t(36),
                    "github_pat_" + t(22) + "_" + t(59),
                ]
            ),
            "gitlab": lambda: pick(["glpat-", "gldt-", "glrt-"]) + t(20),
            "slack": lambda: pick(
                [
                    f"xoxb-{t(12, digits)}-{t(12, digits)}-{t(24)}",
                    f"xoxp-{t(12, digits)}-{t(12, digits)}-{t(32, HEX)}",
                    f"xapp-1-A{t(9)}-{t(12, digits)}-{t(40, HEX)}",
                ]
            ),
            "stripe": lambda: (
                pick(["sk_live_", "sk_test_", "rk_live_", "whsec_"]) + t(24)
            ),
            "twilio": lambda: "SK" + t(32, HEX),
            "sendgrid": lambda: f"SG.{t(22)}.{t(43)}",
            "openai": lambda: pick(
                [f"sk-{t(20)}T3BlbkFJ{t(20)}", "sk-proj-" + t(60)]
            ),
            "anthropic": lambda: "sk-ant-api03-" + t(93) + "AA",
            "huggingface": lambda: "hf_" + t(34),
            "npm": lambda: "npm_" + t(36),
            "pypi": lambda: "pypi-AgEIcHlwaS5vcmc" + t(80),
            "docker": lambda: "dckr_pat_" + t(27),
            "shopify": lambda: (
                pick(["shpat_", "shpca_", "shpss_"]) + t(32, HEX)
            ),
            "discord": self.discord,
            "telegram": self.telegram,
            "jwt": self.jwt,
        }

    def personal(self) -> dict[str, Callable[[], str]]:
        return {
            "email": self.choice([self.fake.email, self.fake.company_email]),
            "card": self.card,
            "iban": self.iban,
            "ssn": self.fake["en_US"].ssn,
            "phone": self.phone,
            "national-id": self.national,
        }

    # What stays.

    def harmless(self) -> str:
        n, t = self.random.randint, self.text
        stamp = datetime.fromtimestamp(n(10**9, 2 * 10**9), UTC)
        return self.choice(
            [
                lambda: str(uuid.UUID(int=self.random.getrandbits(128))),
                lambda: "01" + t(24, "0123456789ABCDEFGHJKMNPQRSTVWXYZ"),
                lambda: t(32, HEX),
                lambda: t(16, HEX),
                lambda: f"00-{t(32, HEX)}-{t(16, HEX)}-01",
                lambda: t(40, HEX),
                lambda: t(7, HEX),
                lambda: t(64, HEX),
                lambda: "sha256:" + t(64, HEX),
                lambda: "sha512-" + t(86, ALNUM + "+/") + "==",
                lambda: str(n(1_600_000_000, 1_999_999_999)),
                lambda: str(n(1_600_000_000_000, 1_999_999_999_999)),
                lambda: str(n(16 * 10**14, 2 * 10**15)),
                lambda: str(n(16 * 10**17, 2 * 10**18)),
                lambda: f"{n(1, 9999)}.{n(0, 99):02}",
                lambda: f"${n(1, 999)},{n(100, 999)}.{n(10, 99)}",
                lambda: f"{n(1, 999)}.{n(0, 999)} EUR",
                lambda: f"v{n(0, 20)}.{n(0, 99)}.{n(0, 99)}",
                lambda: f"{n(0, 20)}.{n(0, 99)}.{n(0, 9)}-rc.{n(1, 9)}+{t(7)}",
                lambda: f"{n(1, 255)}.{n(0, 255)}.{n(0, 255)}.{n(1, 254)}",
                lambda: f"2001:db8::{t(4, HEX)}:{t(4, HEX)}",
                lambda: f"/var/lib/{self.fake.word()}/{t(8)}.log",
                lambda: f"C:\\app\\{self.fake.word()}\\{n(1, 99)}.txt",
                lambda: f"s3://bucket-{n(1, 9)}/a/{t(32, HEX)}.parquet",
                stamp.isoformat,
                lambda: stamp.strftime("%Y-%m-%d %H:%M:%S"),
                lambda: stamp.strftime("%d/%b/%Y:%H:%M:%S +0000"),
                lambda: f"{n(-89, 89)}.{n(10**5, 10**6)}",
                lambda: f"+{n(1, 89)}.{n(10**5, 10**6 - 1)}",
                lambda: f"SKU-{n(10**4, 10**8)}-{t(2).upper()}",
                lambda: f"ORD-{n(2020, 2026)}-{n(10**5, 10**6)}",
                lambda: f"INV{n(10**7, 10**8)}",
                self.not_a_card,
                lambda: f"555-{n(1000, 9999)}",
                lambda: f"{n(100, 999)}-{n(10, 99)}-{n(10, 999)}",
                lambda: f"react@{n(15, 19)}.{n(0, 9)}.{n(0, 9)}",
                lambda: "git@github.com:org/repo.git",
                lambda: f"pk_live_{t(24)}",
                lambda: f"cus_{t(14)}",
                lambda: f"pi_{t(24)}",
                lambda: f"req_{t(16)}",
                lambda: f"arn:aws:iam::{n(10**11, 10**12 - 1)}:role/app",
                lambda: f"i-0{t(16, HEX)}",
                lambda: f"nginx:1.{n(20, 29)}@sha256:{t(64, HEX)}",
                lambda: f"max_tokens={n(1, 9999)}",
                lambda: f"token_count={n(1, 9999)}",
                lambda: f"session_duration={n(1, 9999)}",
                lambda: "password_reset_sent",
                lambda: "authorized=True",
                lambda: f"author={self.fake.first_name()}",
                lambda: "def login(user: str, password: str) -> Token:",
                lambda: "token = request.headers.get('X')",
                lambda: (
                    "data:image/png;base64,iVBORw0KGgo"
                    + t(n(80, 300), ALNUM + "+/")
                ),
                lambda: "Password reset email sent",
                lambda: "token: expired",
            ]
        )()

    def not_a_card(self) -> str:
        while True:
            number = self.text(16, string.digits)
            doubled = sum(
                (2 * int(c) - 9 * (int(c) > 4)) if i % 2 == 0 else int(c)
                for i, c in enumerate(number)
            )
            if doubled % 10 and number[0] != "0":
                return number

    # Where secrets stand.

    def place(self, secret: str) -> dict[str, Any]:
        """Return an event that holds *secret* by its shape alone."""
        q = json.dumps(secret)
        return self.choice(
            [
                lambda: {"event": f"got {secret} from client"},
                lambda: {"event": f"value={secret}"},
                lambda: {"event": f"rejected: {secret}."},
                lambda: {"event": f'sent "{secret}" again'},
                lambda: {"event": f"({secret})"},
                lambda: {"event": "x", "value": secret},
                lambda: {"event": "x", "data": {"list": [1, [secret]]}},
                lambda: {"event": "x", "items": ("a", secret, "b")},
                lambda: {"event": "x", "raw": f"a={secret};b=1".encode()},
                lambda: {"event": "x", "body": f'{{"note": {q}, "n": 1}}'},
                lambda: {"event": f"body {{'note': '{secret}'}}"},
                lambda: {"event": "x", "error": ValueError(f"bad {secret}")},
                lambda: {"event": "x", "headers": [("x-note", secret)]},
                lambda: {"event": f"line one\nline two {secret}\nthree"},
                lambda: {"event": f"INSERT INTO t VALUES (1, '{secret}')"},
                lambda: {"event": "x", "argv": ["run", secret]},
                lambda: {"event": f"<note>{secret}</note>"},
            ]
        )()

    def named(self) -> tuple[str, dict[str, Any], str]:
        """Return the kind, event and secret of one found by its name."""
        name = self.choice(
            [
                "password",
                "passwd",
                "db_password",
                "dbPassword",
                "PASSWORD",
                "user.password",
                "secret",
                "client_secret",
                "clientSecret",
                "api_key",
                "apiKey",
                "X-API-Key",
                "access_token",
                "refreshToken",
                "auth_token",
                "secret_key",
                "private_key",
                "AWS_SECRET_ACCESS_KEY",
                "session_token",
                "db.password",
                "passphrase",
                "new_password",
                "POSTGRES_PASSWORD",
            ]
        )
        p = self.password()
        safe = self.safe_password()
        q = json.dumps(p)
        event, secret = self.choice(
            [
                lambda: ({"event": "x", name: p}, p),
                lambda: ({"event": "x", "user": {"a": [{name: p}]}}, p),
                lambda: ({"event": f"{name}={safe} ok"}, safe),
                lambda: ({"event": f"{name}: {safe}, next"}, safe),
                lambda: ({"event": f"login with {name}='{p}' failed"}, p),
                lambda: ({"event": f'{{"{name}": {q}, "a": 1}} x'}, q[1:-1]),
                lambda: ({"event": "x", "b": f'{{"{name}": {q}}}'}, q[1:-1]),
                lambda: (
                    {"event": f"https://h/x?a=1&{name}={safe}&b=2"},
                    safe,
                ),
                lambda: ({"event": f"export {name}={safe}\nB=2"}, safe),
                lambda: ({"event": "x", "h": [[name, p], ["a", "b"]]}, p),
                lambda: (
                    {"event": "x", "h": [(name.encode(), p.encode())]},
                    p,
                ),
                lambda: ({"event": "x", "e": [{"name": name, "value": p}]}, p),
                lambda: ({"event": f"run --{name} {safe} --x"}, safe),
                lambda: ({"event": "x", "argv": ["a", f"--{name}", p]}, p),
                lambda: ({"event": f"<{name}>{safe}</{name}>"}, safe),
                lambda: (
                    {"event": "x", "e": KeyError(f"{name}={safe}")},
                    safe,
                ),
            ]
        )()
        return "named", event, secret

    def credential(self) -> tuple[str, dict[str, Any], str]:
        s = self.safe_password()
        kind, text, secret = self.choice(
            [
                ("url", f"postgresql://app:{s}@db.internal:5432/shop", s),
                ("url", f"mongodb+srv://app:{s}@c0.example.net/?w=1", s),
                ("url", f"redis://:{s}@cache:6379/0", s),
                ("url", f"amqp://guest:{s}@mq:5672/%2f", s),
                ("url", f"https://ann:{s}@git.example.com/r.git", s),
                ("dsn", f"host=db user=app password={s} dbname=shop", s),
                ("dsn", f"Server=db;Uid=app;Pwd={s};Encrypt=yes", s),
                (
                    "dsn",
                    "DefaultEndpointsProtocol=https;AccountName=shop;"
                    f"AccountKey={s * 3}==;EndpointSuffix=x",
                    s * 3,
                ),
                (
                    "dsn",
                    "Endpoint=sb://x.servicebus.windows.net/;"
                    f"SharedAccessKeyName=a;SharedAccessKey={s * 2}=",
                    s * 2,
                ),
                ("query", f"/cb?access_token={s}&state=1", s),
                ("query", f"/x?sv=2022&sig={s * 2}1%3D&se=2026", s * 2),
                (
                    "query",
                    f"/o?X-Amz-Signature={self.text(64, HEX)}&X=1",
                    None,
                ),
                ("header", f"Authorization: Bearer {s * 2}", s * 2),
                ("header", f"sent Bearer {s}9{s}", s),
                (
                    "header",
                    "Authorization: Basic "
                    + base64.b64encode(f"u:{s}".encode()).decode(),
                    base64.b64encode(f"u:{s}".encode()).decode().rstrip("="),
                ),
                ("cookie", f"Cookie: sid={s}; theme=dark", s),
                ("cookie", f"Set-Cookie: s={s}; Path=/; HttpOnly", s),
                ("pem", self.pem(), None),
            ]
        )
        if secret is None:
            secret = text.split("\n")[2] if kind == "pem" else text[19:80]
        event = self.choice(
            [
                lambda: {"event": f"call failed: {text}"},
                lambda: {"event": "x", "detail": text},
                lambda: {"event": "x", "data": {"deep": [text]}},
                lambda: {"event": "x", "body": json.dumps({"t": text})},
                lambda: {"event": "x", "error": RuntimeError(text)},
            ]
        )()
        return kind, event, secret

    def events(self, count: int) -> Iterator[Labelled]:
        """Yield *count* events, 40 % of which hold nothing to hide."""
        shaped = {**self.tokens(), **self.personal()}
        kinds = [*shaped, "named", "named", "credential", "credential"]
        for number in range(count):
            if number % 5 < 2:
                yield self.negative()
                continue
            kind = kinds[number % len(kinds)]
            if kind == "named":
                kind, event, secret = self.named()
            elif kind == "credential":
                kind, event, secret = self.credential()
            else:
                secret = shaped[kind]()
                event = self.place(secret)
            keep = self.harmless()
            event["kept"] = keep
            yield Labelled(event, [(kind, secret)], [keep])

    def negative(self) -> Labelled:
        one, two, three = (self.harmless() for _ in range(3))
        name = self.choice(
            [
                "author",
                "max_tokens",
                "token_count",
                "session_duration",
                "tokenizer",
                "password_reset_sent",
                "sort_key",
                "primary_key",
                "cache_key",
                "monkey",
                "compass",
                "request_id",
                "trace_id",
                "commit",
                "digest",
                "etag",
                "order_id",
                "sku",
                "version",
                "price",
                "ip",
                "path",
                "lat",
                "created_at",
            ]
        )
        event = self.choice(
            [
                lambda: {"event": f"{one} done", name: two, "z": [three]},
                lambda: {"event": f"a {one}, b {two}", "d": {name: three}},
                lambda: (
                    {"event": "x", "body": json.dumps({name: one})}
                    | {"a": two, "b": three}
                ),
                lambda: {"event": f"{name}={one}", "t": (two, three)},
                lambda: (
                    {"event": "x", "error": OSError(one), name: two}
                    | {"h": [("x-id", three)]}
                ),
            ]
        )()
        kept = [one, two, three]
        body = event.get("body")
        if body:
            kept[0] = body
        return Labelled(event, [], kept)
