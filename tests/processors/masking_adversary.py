"""A second set of events, made to find what the first one does not ask."""

from __future__ import annotations

import base64
import json
import random
import string
import uuid

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from faker import Faker


LETTERS = string.ascii_letters
WORD = LETTERS + string.digits
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
        self.random = random.Random(f"adversary {seed}")
        self.fake = Faker(
            ["en_CA", "en_IN", "nl_NL", "pl_PL", "sv_SE", "fi_FI", "de_CH"]
        )
        self.us = Faker("en_US")
        self.banks = Faker(["de_DE", "nl_NL", "en_GB"])
        self.banks.seed_instance(seed + 79)
        self.fake.seed_instance(seed + 77)
        self.us.seed_instance(seed + 78)

    def some(self, size: int, of: str = WORD) -> str:
        return "".join(self.random.choice(of) for _ in range(size))

    def one(self, *values: Any) -> Any:
        return self.random.choice(values)

    def number(self, low: int, high: int) -> int:
        return self.random.randint(low, high)

    def secret_word(self) -> str:
        return self.one(
            self.some(self.number(8, 24)),
            f"{self.fake.word()}{self.number(10, 9999)}",
            f"{self.fake.word()}-{self.fake.word()}-{self.number(1, 99)}",
            f"{self.some(5)}!{self.some(3)}#{self.some(4)}",
            f"{self.some(4)}$%{self.some(5)}",
            self.some(32, HEX),
            self.some(16, LETTERS),
        )

    # Kinds: a name, the secret, and texts that hold it.

    def email(self) -> tuple[str, str]:
        name = self.fake.user_name()
        mail = self.one(
            f"{name}@{self.fake.domain_name()}",
            f"{name}+{self.some(4)}@mail.{self.fake.domain_name()}",
            f"{name.upper()}@EXAMPLE.COM",
            f"{self.number(1, 99)}.{name}@example.co.uk",
            f"{name}_{self.number(1, 99)}@sub-domain.example.travel",
        )
        return mail, self.one(
            f"user {mail} signed up",
            f"mailto:{mail}?subject=hi",
            f"{name.title()} <{mail}> bounced",
            f"duplicate key (email)=({mail}) already exists",
            f"RCPT TO:<{mail}>: 550 no such user",
            f"/users?email={quote(mail)}&page=2",
            f"[{mail}] {self.number(1, 9)} retries",
            f"uid={mail},ou=people",
            f"{mail};{mail}",
            f"from={mail} to=ops",
            f"'{mail}'",
            f"user:{mail}:profile",
        )

    def card(self) -> tuple[str, str]:
        digits = self.us.credit_card_number(
            self.one("visa", "mastercard", "amex", "discover", "diners")
        )
        if len(digits) == 16:
            mark = self.one("", " ", "-")
            shown = mark.join(digits[i : i + 4] for i in range(0, 16, 4))
        elif len(digits) == 15:
            mark = self.one("", " ", "-")
            shown = mark.join((digits[:4], digits[4:10], digits[10:]))
        else:
            shown = digits
        return shown, self.one(
            f"charge {shown} declined",
            f"PAN={shown}",
            f"card {shown}, exp 12/27",
            f"<cc>{shown}</cc>",
            f"pan:{shown};cvv:---",
            f"#{shown}#",
            f"track2=;{shown}=2712",
            f"ref_{shown}",
            f"{{'number': '{shown}'}}",
        )

    def iban(self) -> tuple[str, str]:
        number = self.banks[self.one("de_DE", "nl_NL", "en_GB")].iban()
        if self.random.random() < 0.5:
            number = " ".join(number[i : i + 4] for i in range(0, 34, 4))
        number = number.strip()
        return number, self.one(
            f"transfer to {number} of 12.00",
            f"IBAN:{number}",
            f"creditor={number},",
            f"'{number}'",
            f"({number})",
        )

    def phone(self) -> tuple[str, str]:
        n = self.number
        shown = self.one(
            f"+{n(31, 34)} {n(6, 7)} {n(1000, 9999)} {n(1000, 9999)}",
            f"+1 {n(201, 989)}.{n(201, 989)}.{n(1000, 9999)}",
            f"+1({n(201, 989)}){n(201, 989)}-{n(1000, 9999)}",
            f"+48{n(500000000, 899999999)}",
            f"+61 4{n(10, 99)} {n(100, 999)} {n(100, 999)}",
            f"+353-{n(80, 89)}-{n(100, 999)}-{n(1000, 9999)}",
            f"+41 {n(76, 79)} {n(100, 999)} {n(10, 99)} {n(10, 99)}",
            f"+972-5{n(0, 9)}-{n(1000000, 9999999)}",
            f"+81 90-{n(1000, 9999)}-{n(1000, 9999)}",
        )
        return shown, self.one(
            f"sms to {shown} queued",
            f"tel:{shown}",
            f"msisdn={shown}",
            f"caller '{shown}' hung up",
            f"<phone>{shown}</phone>",
            f"whatsapp:{shown}",
            f"From={shown}|To=99",
        )

    def ssn(self) -> tuple[str, str]:
        number = self.us.ssn()
        return number, self.one(
            f"applicant {number} verified",
            f"SSN#{number}",
            f"ssn: {number}",
            f"tin={number}",
            f"({number})",
        )

    def named_id(self) -> tuple[str, str]:
        n = self.number
        name, number = self.one(
            ("NHS number", f"{n(400, 499)} {n(100, 999)} {n(1000, 9999)}"),
            ("SIN", f"{n(100, 799)} {n(100, 999)} {n(100, 999)}"),
            ("ssn", f"{n(100, 665)}{n(10, 99)}{n(1000, 9999)}"),
            ("BSN", f"{n(100000000, 999999999)}"),
            ("PESEL", f"{n(10000000000, 99999999999)}"),
            ("Aadhaar", f"{n(2000, 9999)} {n(1000, 9999)} {n(1000, 9999)}"),
            ("CPF", f"{n(100, 999)}.{n(100, 999)}.{n(100, 999)}-{n(10, 99)}"),
        )
        return number, self.one(
            f"{name} {number} rejected",
            f"{name}: {number}",
            f"{name}={number}",
            f"invalid {name} '{number}'",
        )

    def jwt(self) -> tuple[str, str]:
        def part(value: Any) -> str:
            raw = json.dumps(value, separators=(",", ":")).encode()
            return base64.urlsafe_b64encode(raw).decode().rstrip("=")

        head = part({"typ": "JWT", "alg": self.one("ES256", "HS512", "none")})
        body = part({"iss": "x", "exp": 1700000000, "n": self.some(6)})
        token = f"{head}.{body}.{self.some(self.one(43, 86))}"
        return token, self.one(
            f"token {token} expired",
            f"id_token={token}&state=x",
            f"Bearer {token}",
            f"wss://h/socket?jwt={token}",
            f"'{token}'",
            f"Sec-WebSocket-Protocol: bearer,{token}",
        )

    def vendor(self) -> tuple[str, str]:
        s = self.some
        token = self.one(
            f"ghu_{s(36)}",
            f"ghr_{s(76)}",
            f"glpat-{s(20)}",
            f"xoxe-1-{s(60)}",
            f"sk_live_{s(99)}",
            f"rk_test_{s(24)}",
            f"AKIA{s(16, string.ascii_uppercase + '234567')}",
            f"AIza{s(35)}",
            f"ya29.a0{s(100)}",
            f"SG.{s(22)}.{s(43)}",
            f"SK{s(32, HEX)}",
            f"sk-ant-admin01-{s(86)}AA",
            f"sk-svcacct-{s(74)}",
            f"hf_{s(34, LETTERS)}",
            f"npm_{s(36)}",
            f"pypi-AgENdGVzdC5weXBp{s(90)}",
            f"dckr_pat_{s(27)}",
            f"shppa_{s(32, HEX)}",
            f"dop_v1_{s(64, HEX)}",
            f"glsa_{s(32)}_{s(8, HEX)}",
            f"hvs.{s(90)}",
            f"dapi{s(32, HEX)}",
            f"NRAK-{s(27).upper()}",
            f"lin_api_{s(40)}",
            f"sntrys_{s(80)}",
            f"{self.number(10**8, 10**9)}:AA{s(33)}",
            f"{s(3)}7Q~{s(34)}",
        )
        return token, self.one(
            f"using {token}",
            f"export TOKEN={token}",
            f"https://x-access-token:{token}@github.com/o/r",
            f"https://example.com/{'bot' if ':' in token else ''}{token}/x",
            f"-H 'Authorization: token {token}'",
            f"[{token}]",
            f"key:{token},",
            f"{token}\n",
            f"a={token};b",
            f'"{token}"',
            f"cfg[{token!r}]",
            f"/v1/{token}/x",
        )

    def url(self) -> tuple[str, str]:
        s = self.one(self.some(14), f"{self.some(6)}%40{self.some(4)}")
        return s, self.one(
            f"mysql+pymysql://root:{s}@10.1.2.3/db?charset=utf8",
            f"postgres://u.name:{s}@/db?host=/var/run",
            f"rediss://default:{s}@r.example.com:6380",
            f"amqps://svc-app:{s}@mq.example.com/vhost",
            f"mongodb://u:{s}@h1:27017,h2:27017/?replicaSet=r",
            f"ftp://anonymous:{s}@ftp.example.org/pub",
            f"smtp://ann%40example.com:{s}@smtp.example.com:587",
            f"jdbc:postgresql://db:5432/x?user=a&password={s}",
            f"jdbc:sqlserver://db;user=sa;password={s};",
            f"Driver={{ODBC 18}};Server=x;UID=sa;PWD={s};",
            f"Data Source=x;User ID=sa;Password={s};Pooling=true",
            f"ldap://cn=admin:{s}@ldap:389",
            f"http_proxy=http://u:{s}@proxy:3128",
            f"git clone https://oauth2:{s}@gitlab.com/x/y.git",
            f"clickhouse://default:{s}@ch:9000",
            f"snowflake://u:{s}@acct/db",
        )

    def header(self) -> tuple[str, str]:
        s = self.some(28)
        basic = base64.b64encode(f"svc:{self.some(9)}".encode()).decode()
        return self.one(
            (s, f"> Authorization: Bearer {s}\n> Accept: */*"),
            (s, f"Proxy-Authorization: Bearer {s}"),
            (basic.rstrip("="), f"authorization: Basic {basic}"),
            (s, f"X-Api-Key: {s}"),
            (s, f"x-auth-token:{s}"),
            (s, f"Cookie: a=1; session={s}; b=2"),
            (s, f"set-cookie: sid={s}; Max-Age=3600; Secure"),
            (s, f"X-Amz-Security-Token: {s}"),
            (s, f"curl -H 'X-Vault-Token: {s}' http://vault"),
            (s, f"{{'Authorization': 'Bearer {s}'}}"),
            (s, f"Ocp-Apim-Subscription-Key: {s}"),
            (s, f"headers=[('x-api-key', '{s}')]"),
            (s, f"BEARER {s}"),
            (s, f"OAuth token={s}"),
        )

    def pair(self) -> tuple[str, str]:
        s = self.secret_word()
        return s, self.one(
            f"password={s}",
            f"password = {s}",
            f"PASSWORD: {s}",
            f"pwd: '{s}'",
            f'passwd="{s}"',
            f"secret: {s}",
            f"client_secret => '{s}'",
            f"db.password={s} db.user=app",
            f"--password={s}",
            f"env DB_PASSWORD={s} ./run",
            f"{{password: {s}}}",
            f'"secret_key": "{s}"',
            f"user=ann;password={s}",
            f"POST /login user=ann&password={quote(s)}"
            if s == quote(s)
            else f"passphrase: {s}",
            f"api-key: {s}",
            f"api_key={s}",
            f"APIKEY={s}",
            f"aws_secret_access_key = {s}",
            f"- name: x\n  password: {s}\n",
            f"ENCRYPTION_KEY={s}",
            f"login failed (password: {s})",
            f"set password '{s}'",
            f"access_token={s}",
        )

    def pem(self) -> tuple[str, str]:
        body = self.some(64, WORD + "+/")
        kind = self.one("RSA PRIVATE", "PRIVATE", "EC PRIVATE", "DSA PRIVATE")
        eol = self.one("\n", "\\n", "\r\n")
        whole = (
            f"-----BEGIN {kind} KEY-----{eol}{self.some(64)}{eol}"
            f"{body}{eol}-----END {kind} KEY-----{eol}"
        )
        return body, self.one(f"key {whole} loaded", f"pem={whole}", whole)

    def wrap(self, text: str, secret: str) -> dict[str, Any]:
        """Put *text* somewhere into an event."""
        return self.one(
            {"event": text},
            {"event": f"{self.fake.word()} {text} {self.fake.word()}"},
            {"event": "x", "message": text},
            {"event": "x", "request": {"meta": [{"detail": text}]}},
            {"event": "x", "response": json.dumps({"error": text, "n": 1.50})},
            {"event": "x", "raw": text.encode()},
            {"event": "x", "exc": RuntimeError("wrapped", text)},
            {"event": "x", "lines": text.splitlines()},
            {"event": "x", "tags": {text}},
            {"event": f"payload={json.dumps(json.dumps({'m': text}))}"}
            if "\\" not in text and '"' not in text and "'" not in text
            else {"event": "x", "args": (1, text)},
            {"event": "x", "args": [text, {"k": text}]},
        )

    def by_field(self) -> tuple[dict[str, Any], str]:
        s = self.secret_word()
        name = self.one(
            "password", "userPassword", "PASSWORD_HASH", "smtp-password",
            "secretKey", "apiSecret", "X_API_KEY", "authToken", "ssh_key",
            "stripe.secret_key", "jwtSecret", "db_pass", "PGPASSWORD",
            "auth.token", "access-token", "privateKey", "passcode", "pin",
            "cvv", "security_code", "signing_key", "webhookSecret", "cookie",
            "Authorization", "credentials", "csrf_token", "otp", "DbPwd",
        )  # fmt: skip
        return self.one(
            {"event": "x", name: s},
            {"event": "x", "cfg": {"a": {name: s}}},
            {"event": "x", "cfg": [{name: [s]}]},
            {"event": "x", "cfg": {name: {"v": s}}},
            {"event": "x", "cfg": ({name: s.encode()},)},
            {"event": "x", "cfg": json.dumps({"o": {name: s}})},
            {"event": "x", "env": [{"name": name, "value": s}]},
            {"event": f"cfg {json.dumps({name: s, 'a': 1})}"}
            if s.isalnum()
            else {"event": "x", name: (s,)},
            {"event": f"cfg { ({name: s, 'a': 1})!r}"},
        ), s

    def stays(self) -> str:
        n, s = self.number, self.some
        return self.one(
            str(uuid.UUID(int=self.random.getrandbits(128), version=4)),
            str(uuid.UUID(int=self.random.getrandbits(128))).upper(),
            "01J" + s(23, "0123456789ABCDEFGHJKMNPQRSTVWXYZ"),
            s(24, HEX),
            s(27),
            s(12, HEX),
            f"commit {s(40, HEX)}",
            f"md5={s(32, HEX)}",
            f'etag=W/"{s(32, HEX)}"',
            f"ts={n(1_500_000_000, 1_999_999_999)}.{n(1, 999999)}",
            f"at {n(1_500_000_000_000, 1_999_999_999_999)}",
            f"time_ns={n(15 * 10**17, 19 * 10**17)}",
            f"total {n(1, 999)}.{n(10, 99)} USD",
            f"EUR {n(1, 9)}.{n(100, 999)},{n(10, 99)}",
            f"python/3.{n(8, 14)}.{n(0, 20)}",
            f"v{n(1, 30)}.{n(1, 30)}.{n(1, 30)}-alpha.{n(1, 9)}",
            f"{n(10, 250)}.{n(0, 250)}.{n(0, 250)}.{n(1, 250)}:{n(80, 9999)}",
            f"fe80::{s(4, HEX)}:{s(4, HEX)}%eth0",
            f"{s(2, HEX)}:{s(2, HEX)}:{s(2, HEX)}:{s(2, HEX)}:{s(2, HEX)}:0a",
            f"/srv/app/{self.fake.word()}/main.py:{n(1, 999)}",
            f"https://example.com/items/{n(1, 10**9)}?page={n(1, 9)}",
            f"GET /oauth/token {n(200, 500)} {n(1, 99)}ms",
            f"/auth/reset-password/{n(1, 99)}",
            f"author: {self.fake.first_name()}",
            f"prompt_tokens={n(1, 9999)}, completion_tokens={n(1, 9999)}",
            f'"max_tokens": {n(1, 9999)}',
            f"session_duration={n(1, 9999)}s",
            "password_reset_sent=True",
            "authorized=False",
            f"token_type=bearer expires_in={n(1, 9999)}",
            "if token == expected_token:",
            "password: str = Field(min_length=8)",
            "self.password = None",
            "SyntaxError: Unexpected token: '}'",
            "raise AuthError('no token')",
            "password=os.environ['DB_PASSWORD']",
            "api_key=${API_KEY}",
            "WHERE password = ?",
            "SELECT password, token FROM users",
            "Token refresh scheduled",
            "secret rotation finished",
            f"cache key user:{n(1, 999)}:profile",
            f"partition_key={s(8)}",
            f"public_key=ssh-ed25519-{s(6)}",
            f"keyboard layout {s(2)}",
            f"monkey={n(1, 99)} bypass={n(0, 1)}",
            f"ISBN 978-{n(0, 9)}-{n(10, 99)}-{n(100000, 999999)}-{n(0, 9)}",
            f"part {n(1000, 9999)}-{n(100, 999)}-{n(10, 99)}",
            f"ext. {n(1000, 9999)}",
            f"1-800-{n(100, 999)} units",
            f"room {n(100, 999)}-{n(1000, 9999)}",
            f"batch 20{n(10, 26)}{n(10, 12)}{n(10, 28)}-{n(1000, 9999)}",
            f"2026-{n(10, 12)}-{n(10, 28)}T10:{n(10, 59)}:{n(10, 59)}.123456Z",
            f"{n(10, 12)}/{n(10, 28)}/2026 10:{n(10, 59)} PM",
            f"52.{n(10000, 99999)},13.{n(10000, 99999)}",
            f"geo:+{n(10, 89)}.{n(1000, 9999)}-0{n(10, 99)}.{n(1000, 9999)}/",
            f"SKU {s(3, string.ascii_uppercase)}-{n(10000, 99999)}",
            f"order {n(10**9, 10**10 - 1)}",
            f"invoice 20{n(10, 26)}-{n(10000, 99999)}",
            f"+{n(1, 99)}.{n(1, 9)}%",
            f"offset +0{n(1, 9)}:00",
            f"x@{n(1, 9)}.{n(0, 9)}.{n(0, 9)}",
            f"user@host-{n(1, 99)}",
            "@app.route('/x')",
            f"pod web-{s(9, HEX)}-{s(5, string.ascii_lowercase)} ready",
            f"arn:aws:s3:::bucket-{n(1, 99)}/key",
            f"sha256:{s(64, HEX)}",
            f"trace={s(32, HEX)} span={s(16, HEX)}",
            f"data:image/gif;base64,R0lGOD{s(120, WORD + '+/')}",
            f"AS{n(1000, 99999)} {n(1, 200)}.0.0.0/8",
            f"0x{s(16, HEX)}",
            f"{n(1, 999)},{n(100, 999)},{n(100, 999)} rows",
            f"pid={n(1, 99999)} uid=1000 key_count={n(1, 99)}",
            f"secret_name=prod/db arn_suffix={s(6)}",
            "cookie_consent=accepted cookies_enabled=true",
            "auth_method=password auth_type=basic",
            f"pin_count={n(1, 40)} spinning=true",
            f"signature_valid=true sign={n(-1, 1)}",
            f"card_type=visa last4={n(1000, 9999)}",
            f"phone_verified=true phones={n(1, 3)}",
            f"email_sent=true emails={n(1, 30)}",
            f"tokens used: {n(1, 9999)}",
            f"Session {n(1000, 9999)} closed",
            f"passed={n(1, 99)} failed={n(0, 9)} pass_rate=0.{n(10, 99)}",
            f"accesskey_id_hint={s(4)}",
        )

    def events(self, count: int) -> Iterator[Labelled]:
        """Yield *count* events, 40 % of which hold nothing to hide."""
        kinds = [
            "email",
            "card",
            "iban",
            "phone",
            "ssn",
            "named_id",
            "jwt",
            "vendor",
            "vendor",
            "url",
            "header",
            "pair",
            "pair",
            "pem",
        ]
        for number in range(count):
            keep = self.stays()
            if number % 5 in (1, 3):
                two, three = self.stays(), self.stays()
                event = self.one(
                    {"event": keep, "a": [two], "b": {"c": three}},
                    {"event": f"{keep} | {two}", "x": (three,)},
                    {"event": "x", "e": OSError(keep), "f": two, "g": three},
                    {"event": "x", "j": json.dumps([two, keep])}
                    | {"l": {three}},
                )
                whole = event.get("j")
                kept = [whole, three] if whole else [keep, two, three]
                yield Labelled(event, [], kept)
            elif number % 5 == 0:
                event, secret = self.by_field()
                yield Labelled(
                    {**event, "note": keep}, [("field", secret)], [keep]
                )
            else:
                kind = self.one(*kinds)
                secret, text = getattr(self, kind)()
                event = self.wrap(text, secret)
                yield Labelled(
                    {**event, "note": keep}, [(kind, secret)], [keep]
                )
