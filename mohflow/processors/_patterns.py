"""The kinds of secrets that are found by their shape, as a table."""

from __future__ import annotations

import re

from mohflow.processors._checks import (
    IBAN,
    has_digit,
    is_basic,
    is_bearer,
    is_card,
    is_email,
    is_iban,
    is_mixed,
    is_no_port,
    is_no_term,
    is_phone,
)
from mohflow.processors._national import NATIONAL_IDS
from mohflow.processors._rule import LEFT, RIGHT, Rule
from mohflow.processors._tokens import TOKENS


_PASSWORD = (
    r"(?i:passw(?:or)?d|passphrase|passcode)[ ](?i:(?:is|was|of|(?:re)?set[ ]to"
    r"|changed[ ]to|to|for[ ][^\s]{1,64}[ ]is)[ ])?"
)
_PASSWORD_HINTS = ("assword ", "ASSWORD ", "asswd ", "assphrase ", "asscode ")

# The examples are put together from pieces, so that no scanner of
# repositories takes them for secrets.
CREDENTIALS: tuple[Rule, ...] = (
    Rule(
        "private-key",
        re.compile(
            r"-----BEGIN [A-Z0-9 ]{0,32}PRIVATE KEY(?: BLOCK)?-----"
            r"(?:[^-]*+(?:-(?!----)[^-]*+)*+-----END [A-Z0-9 ]{0,60}+-----"
            r"|(?:\s|\\[nrt]|[\"',+])*+"
            r"(?:[A-Za-z0-9+/=]{16,}+(?:\s|\\[nrt]|[\"',+])*+)*+"
            r"(?:Proc-Type:.*+)?)",
            re.DOTALL,
        ),
        ("-----BEGIN ",),
        "-----BEGIN RSA PRIVATE KEY-----\nMIIB\n-----END RSA PRIVATE KEY-----",
        "-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----",
    ),
    Rule(
        "url-password",
        re.compile(
            r"""://[^\s:/?#"'<>\[\]]{0,256}+:(?![0-9]{1,5}[/?#,])"""
            r"""(?P<secret>[^\s"'<>@]{1,512}+"""
            r"""(?:@[^\s/"'<>@?#]{1,256}+(?=@)){0,3})@"""
        ),
        ("://",),
        "postgresql://app:" + "hunter2@db:5432/shop",
        "http://localhost:3100/loki?at=@x",
    ),
    Rule(
        "url-password",
        re.compile(r"://(?P<secret>[A-Za-z0-9_-]{20,256}+)@"),
        ("://",),
        "https://0a1b2c3d4e5f" + "0a1b2c3d4e5f@git.example.com",
        "ssh://deploy@git.example.com",
        has_digit,
    ),
    Rule(
        "url-password",
        re.compile(
            r"""[\w.+-]{1,32}:(?P<secret>[^\s:/@"'<>=]{1,64})@(?:localhost"""
            r"|[0-9]{1,3}(?:\.[0-9]{1,3}){3}"
            r"|(?:[\w-]{1,63}\.){1,8}[a-z]{2,24}(?=:[0-9]))"
        ),
        ("@",),
        "proxy app:hunter2" + "@10.0.0.1:3128",
        "nginx:1.25@sha256:0a1b and a:b@c",
        lead=re.compile(r"""[\w.+-]{1,32}:[^\s:/@"'<>=]{1,64}\Z"""),
    ),
    Rule(
        "url-password",
        re.compile(r"thin:[^\s/@:]{1,64}/(?P<secret>[^\s@]{1,128})@"),
        ("thin:",),
        "jdbc:oracle:thin:scott/" + "tiger@//db:1521/shop",
        "jdbc:oracle:thin:@//db:1521/shop",
    ),
    Rule(
        "authorization",
        re.compile(
            rf"{LEFT}(?i:bearer|token)(?:[ \t]{{1,4}}|%20)"
            r"(?P<secret>[A-Za-z0-9._~+/=-]{8,}+)"
        ),
        ("earer ", "EARER ", "earer%20", "oken ", "OKEN "),
        "sent Bearer " + "abc123DEF456",
        "Bearer authentication and token validation failed",
        is_bearer,
        before=1,
    ),
    Rule(
        "authorization",
        re.compile(
            rf"{LEFT}(?i:basic)(?:[ ]{{1,4}}|%20)"
            r"(?P<secret>[A-Za-z0-9+/]{4,}+={0,2})"
        ),
        ("asic ", "ASIC ", "asic%20"),
        "sent Basic dXNlcjpw" + "YXNzd29yZA==",
        "Basic authentication failed",
        is_basic,
        before=1,
    ),
    Rule(
        "authorization",
        re.compile(
            rf"{LEFT}(?i:digest)[ ](?=[a-z]{{2,16}}=)(?P<secret>[^\r\n]++)"
        ),
        ("igest ", "IGEST "),
        'Digest username="ann", response="6629' + 'fae49393a"',
        "Digest mismatch",
        before=1,
    ),
    Rule(
        "authorization",
        re.compile(
            r"(?:(?:AUTH (?:PLAIN|LOGIN|XOAUTH2)|NTLM|Negotiate) )"
            r"(?P<secret>[A-Za-z0-9+/=]{8,}+)"
        ),
        ("AUTH PLAIN ", "AUTH LOGIN ", "AUTH XOAUTH2 ", "NTLM ", "Negotiate "),
        "C: AUTH PLAIN AGFubgBo" + "dW50ZXIy",
        "NTLM failed, Negotiate next",
        is_bearer,
    ),
    Rule(
        "password",
        re.compile(
            rf"""{_PASSWORD}["'`](?P<secret>[^"'`\r\n]{{1,128}}+)["'`]"""
        ),
        _PASSWORD_HINTS,
        "changed the password to 'hun" + "ter'",
        "password reset 'requested'",
        before=1,
    ),
    Rule(
        "password",
        re.compile(
            rf"{_PASSWORD}(?P<secret>(?=[^\s0-9]{{0,64}}[0-9])"
            r"""(?=[^\sa-zA-Z]{0,64}[a-zA-Z])[^\s"'`,;]{6,128})"""
        ),
        _PASSWORD_HINTS,
        "login with password hunter" + "22 failed",
        "password reset, password policy v2, password hash argon2id",
        is_no_term,
        before=1,
    ),
    Rule(
        "password",
        re.compile(
            r"""(?i:identified[ ]by(?:[ ]password)?)[ ]"""
            r"""['"](?P<secret>[^'"\r\n]{1,256})['"]"""
        ),
        ("IDENTIFIED BY ", "identified by "),
        "ALTER USER app IDENTIFIED BY 'hunter" + "2'",
        "identified by their names",
    ),
    Rule(
        "password",
        re.compile(
            r"(?:machine\s+[^\s]{1,128}|default)\s+login\s+[^\s]{1,128}\s+"
            r"password\s+(?P<secret>[^\s]{1,256})"
        ),
        ("machine ", "default login "),
        "machine db login app password hun" + "ter",
        "machine login without password failed",
    ),
    Rule(
        "password",
        re.compile(
            r"""(?:curl[^\n|;]{0,200}?[ ](?:-u|--user)[ =]?["']?[^\s:"']{1,64}:"""
            r"""|(?:docker|podman|helm|sshpass|mysql\w{0,8})\b[^\n|;]{0,200}?"""
            r"""[ ]-p[ ]?)["']?(?P<secret>[^\s"'-][^\s"']{0,256})"""
        ),
        ("curl ", "docker login ", "podman login ", "sshpass ", "mysql"),
        "curl -s -u ann:hunter" + "2 https://example.com",
        "curl -s https://example.com, docker run -p 80:80, mysql -h db",
        is_no_port,
    ),
    Rule(
        "query-secret",
        re.compile(r"[?&](?:key|code)=(?P<secret>[\w.~%+/-]{16,512}+)"),
        ("key=", "code="),
        "/maps?key=" + "a1B2c3D4" * 3,
        "/cache?key=user-42-profile-settings&code=E1042",
        is_mixed,
        before=1,
    ),
    Rule(
        "aws",
        re.compile(
            r"(?:AKIA|ASIA)[A-Z0-9]{16}[^A-Za-z0-9\n][^\n]{0,40}?"
            r"(?<![A-Za-z0-9/+=])(?P<both>[A-Za-z0-9/+]{40})"
            r"(?![A-Za-z0-9/+=])"
        ),
        ("AKIA", "ASIA"),
        "AKIA"
         "IOSFODNN7EXAMPLE wJalrXUtnFEMI/K7MDENG/"
         "bPxRfiCYEXAMPLEKEY",
        "AKIA in 0a1b2c3d4e5f0a1b2c3d4e5f0a1b2c3d4e5f0a1b",
        is_mixed,
    ),
    Rule(
        "azure",
        re.compile(
            r"(?<![A-Za-z0-9_~.-])[A-Za-z0-9_~.-]{3}[0-9]Q~"
            r"[A-Za-z0-9_~.-]{31,34}(?![A-Za-z0-9_~-])"
        ),
        ("Q~",),
        "abc8Q~" + "A1b2C3d4" * 4,
        "Q~ and 8Q~",
        before=4,
    ),
    Rule(
        "telegram",
        re.compile(r"(?<![0-9])[0-9]{8,10}:AA[A-Za-z0-9_-]{32,35}"),
        (":AA",),
        "/bot110201543:AA" + "HdqTcvCH1vGWJxfSeofSAs0K5PALDsawx/getMe",
        "10:AA and 12345678:AAshort",
        lead=re.compile(r"(?<![0-9])[0-9]{8,10}\Z"),
    ),
    Rule(
        "slack",
        re.compile(
            r"hooks\.slack\.com/(?:services|workflows|triggers)/"
            r"(?P<secret>[\w/+-]{20,}+)"
        ),
        ("hooks.slack.com/",),
        "https://hooks.slack.com/services/T0A1B2C3D/B0A1B2C3D/" + "A1b2" * 6,
        "https://hooks.slack.com/services",
    ),
    Rule(
        "discord",
        re.compile(r"/api/webhooks/[0-9]{5,20}/(?P<secret>[\w-]{20,}+)"),
        ("/api/webhooks/",),
        "https://discord.com/api/webhooks/123456789012/" + "A1b2" * 17,
        "/api/webhooks/17/deliveries",
    ),
)
"""What opens doors."""

PERSONAL: tuple[Rule, ...] = (
    Rule(
        "email",
        re.compile(
            r"[\w.+-]{1,64}+(?:@|%40)[\w-]{1,63}+(?:\.[\w-]{1,63}+){1,8}+"
        ),
        ("@", "%40"),
        "from ann.lee+x@example.org.",
        "react@18.2.0 and @ann and icon@2x.png",
        is_email,
        lead=re.compile(r"[\w.+-]{1,64}+\Z"),
    ),
    Rule(
        "card",
        re.compile(
            rf"{LEFT}(?<![0-9][.-])(?:[0-9]{{12,19}}+"
            r"|[0-9]{4}([ .\-\xa0])(?:[0-9]{4}\1[0-9]{4}"
            r"(?:\1[0-9]{1,4}(?:\1[0-9]{3}(?![0-9]))?)?"
            r"|[0-9]{6}\1[0-9]{4,5}))"
            rf"{RIGHT}(?!\.[0-9])"
        ),
        (
            "0" * 12,
            "0000 0000 0000",
            "0000-0000-0000",
            "0000.0000.0000",
            "0000 000000 0000",
            "0000-000000-0000",
        ),
        "paid with 4111 1111 " + "1111 1111.",
        "order 4111111111111112 at 1700000000000",
        is_card,
        "shape",
    ),
    Rule(
        "iban",
        re.compile(f"{LEFT}(?:{IBAN}){RIGHT}"),
        ("AA00",),
        "to DE89 3704 0044 " + "0532 0130 00 today",
        "to DE89 3704 0044 0532 0130 01 today",
        is_iban,
        "shape",
    ),
    Rule(
        "ssn",
        re.compile(
            rf"{LEFT}(?<![0-9]-)(?:(?!000|666|9)[0-9]{{3}}-(?!00)[0-9]{{2}}"
            r"|9[0-9]{2}-(?:5[0-9]|6[0-5]|7[0-9]|8[0-8]|9[0-24-9]))"
            rf"-(?!0000)[0-9]{{4}}{RIGHT}(?!-[0-9])"
        ),
        ("000-00-0000",),
        "born 1980, 123-45-" + "6789",
        "part 666-45-6789, 123-00-6789 and 123456789",
        None,
        "shape",
    ),
    Rule(
        "phone",
        re.compile(
            r"(?<![A-Za-z0-9+])\+[1-9](?:[ .\-/\xa0]{0,2}\(?[0-9]\)?){7,14}"
            rf"{RIGHT}"
        ),
        ("+0",),
        "call +1 (555) 010-" + "9999 now",
        "5550109999, +5 2024-01-31, 10:00+02:00, +52.520008",
        is_phone,
        "shape",
    ),
    Rule(
        "phone",
        re.compile(
            rf"{LEFT}00[1-9](?:[ .\-/\xa0]{{0,2}}\(?[0-9]\)?){{8,14}}{RIGHT}"
            rf"|%2[Bb][1-9](?:(?:%20|[ .-])?[0-9]){{8,14}}{RIGHT}"
        ),
        ("000-000-000-0000", "0000 00 ", "0000 000 ", "0000 0 ", "%0A0"),
        "dial 0044 20 7946 " + "0958",
        "0044207946 and 0001 2024",
        is_phone,
        "shape",
    ),
    *NATIONAL_IDS,
)
"""Who somebody is, and what they pay with."""

RULES: tuple[Rule, ...] = (*CREDENTIALS, *TOKENS, *PERSONAL)
"""All kinds; where two find the same text, the upper one names it."""
