"""What opens doors, found by its shape or by what leads over to it."""

from __future__ import annotations

import re

from mohflow._expression import expression
from mohflow.processors._checks import (
    has_digit,
    is_basic,
    is_bearer,
    is_mixed,
)
from mohflow.processors._rule import (
    LEFT,
    Rule,
)


# The examples are put together from pieces, so that no scanner of
# repositories takes them for secrets.
CREDENTIALS: tuple[Rule, ...] = (
    Rule(
        "private-key",
        expression(
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
        expression(
            r"""://[^\s:/?#"'<>\[\]]{0,256}+:(?![0-9]{1,5}[/?#,])"""
            r"""(?P<secret>[^\s"'<>@]{1,512}+"""
            r"""(?:@[^\s/"'<>@?#]{1,256}+(?=@)){0,3})@"""
        ),
        ("://",),
        "postgresql://app:" + "hunter2@db:5432/shop",
        "http://localhost:3100/loki?at=@x",
        needs="@",
    ),
    Rule(
        "url-password",
        expression(r"://(?P<secret>[A-Za-z0-9_-]{20,256}+)@"),
        ("://",),
        "https://0a1b2c3d4e5f" + "0a1b2c3d4e5f@git.example.com",
        "ssh://deploy@git.example.com",
        has_digit,
        needs="@",
    ),
    Rule(
        "url-password",
        expression(
            r"""[\w.+-]{1,32}:(?P<secret>[^\s:/@"'<>=]{1,64})@(?:localhost"""
            r"|[0-9]{1,3}(?:\.[0-9]{1,3}){3}"
            r"|(?:[\w-]{1,63}\.){1,8}[a-z]{2,24}(?=:[0-9])|(?:tcp|unix)\()"
        ),
        ("@",),
        "proxy app:hunter2" + "@10.0.0.1:3128",
        "nginx:1.25@sha256:0a1b and a:b@c",
        lead=expression(r"""[\w.+-]{1,32}:[^\s:/@"'<>=]{1,64}\Z"""),
    ),
    Rule(
        "url-password",
        expression(r"thin:[^\s/@:]{1,64}/(?P<secret>[^\s@]{1,128})@"),
        ("thin:",),
        "jdbc:oracle:thin:scott/" + "tiger@//db:1521/shop",
        "jdbc:oracle:thin:@//db:1521/shop",
        needs="@",
    ),
    Rule(
        "authorization",
        expression(
            rf"{LEFT}(?i:(?:bearer|token)(?:[ \t]{{1,4}}|%20)|bearer,[ ]?)"
            # What goes on behind a "=" is a pair, not a credential.
            r"(?P<secret>[A-Za-z0-9._~+/-]{8,}+=*+)(?![A-Za-z0-9])"
        ),
        ("bearer ", "bearer%20", "bearer,", "token "),
        "sent Bearer " + "abc123DEF456",
        "Bearer authentication and token validation failed",
        is_bearer,
        "phrase",
    ),
    Rule(
        "authorization",
        expression(
            rf"{LEFT}(?i:basic)(?:[ ]{{1,4}}|%20)"
            r"(?P<secret>[A-Za-z0-9+/]{4,}+={0,2})"
        ),
        ("basic ", "basic%20"),
        "sent Basic dXNlcjpw" + "YXNzd29yZA==",
        "Basic authentication failed",
        is_basic,
        "phrase",
    ),
    Rule(
        "authorization",
        expression(
            rf"{LEFT}(?i:digest)[ ](?=[a-z]{{2,16}}=)(?P<secret>[^\r\n]++)"
        ),
        ("digest ",),
        'Digest username="ann", response="6629' + 'fae49393a"',
        "Digest mismatch",
        None,
        "phrase",
        needs="=",
    ),
    Rule(
        "authorization",
        expression(r"(?i:auth plain) (?P<secret>[A-Za-z0-9+/=]{8,}+)"),
        ("auth plain ",),
        "C: AUTH PLAIN AGFubgBo" + "dW50ZXIy",
        "AUTH PLAIN disabled",
        is_bearer,
        "phrase",
    ),
    Rule(
        "mailchimp",
        expression(
            r"(?<![A-Za-z0-9])[0-9a-f]{32}-us[0-9]{1,2}(?![A-Za-z0-9])"
        ),
        ("-us",),
        "list sync with " + "0a1b2c3d" * 4 + "-us12",
        "0a1b2c3d-us12 in eu-us-1",
        before=32,
    ),
    Rule(
        "query-secret",
        expression(r"[?&](?:key|code)=(?P<secret>[\w.~%+/-]{16,512}+)"),
        ("key=", "code="),
        "/maps?key=" + "a1B2c3D4" * 3,
        "/cache?key=user-42-profile-settings&code=E1042",
        is_mixed,
        needs="?&",
        before=1,
    ),
    Rule(
        "azure",
        expression(
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
        expression(r"(?<![0-9])[0-9]{8,10}:AA[A-Za-z0-9_-]{32,35}"),
        ("00000000:AA",),
        "/bot110201543:AA" + "HdqTcvCH1vGWJxfSeofSAs0K5PALDsawx/getMe",
        "10:AA and 12345678:AAshort",
        among="shape",
        lead=expression(r"(?<![0-9])[0-9]{0,2}\Z"),
    ),
    Rule(
        "slack",
        expression(
            r"hooks\.slack\.com/(?:services|workflows|triggers)/"
            r"(?P<secret>[\w/+-]{20,}+)"
        ),
        ("hooks.slack.com/",),
        "https://hooks.slack.com/services/T0A1B2C3D/B0A1B2C3D/" + "A1b2" * 6,
        "https://hooks.slack.com/services",
    ),
    Rule(
        "discord",
        expression(r"/api/webhooks/[0-9]{5,20}/(?P<secret>[\w-]{20,}+)"),
        ("/api/webhooks/",),
        "https://discord.com/api/webhooks/123456789012/" + "A1b2" * 17,
        "/api/webhooks/17/deliveries",
    ),
)
"""What opens doors."""
