"""The kinds of secrets that are found by their shape, as a table."""

from __future__ import annotations

import re

from collections.abc import Callable
from dataclasses import dataclass

from mohflow.processors._checks import (
    IBAN,
    has_digit,
    has_two_parts,
    is_basic,
    is_card,
    is_email,
    is_iban,
    is_phone,
)


@dataclass(frozen=True, slots=True)
class Rule:
    """
    One kind of secret.

    Time must be linear: a quantifier is capped, or possessive behind a guard
    that lets a match start only once in a run of its characters.
    """

    name: str
    """What a marker and the counts call it."""

    pattern: re.Pattern[str]
    """The group ``secret`` goes if there is one, the whole match if not."""

    hints: tuple[str, ...]
    """One of these is in every text that can match; 0 stands for a digit."""

    yes: str
    """A text that holds one."""

    no: str
    """A text that looks alike and holds none."""

    check: Callable[[re.Match[str]], bool] | None = None
    """What the expression alone cannot decide."""


_LEFT = r"(?<![A-Za-z0-9])"
_RIGHT = r"(?![A-Za-z0-9])"
_CARD_HINTS = ("0" * 13, *(f"0000{s}0000" for s in " -\xa0"))
_SCHEME_HINTS = ("earer ", "EARER ", "oken ", "TOKEN ")


def _token(
    name: str,
    pattern: str,
    hints: tuple[str, ...],
    yes: str,
    no: str,
    check: Callable[[re.Match[str]], bool] | None = None,
) -> Rule:
    """Make the rule of a token that begins with a fixed prefix."""
    return Rule(name, re.compile(_LEFT + pattern), hints, yes, no, check)


# The examples are put together from pieces, so that no scanner of
# repositories takes them for secrets.
RULES: tuple[Rule, ...] = (
    Rule(
        "private-key",
        re.compile(
            r"-----BEGIN [A-Z0-9 ]{0,32}PRIVATE KEY(?: BLOCK)?-----"
            r"[^-]*+(?:-(?!----)[^-]*+)*+"
            r"(?:-----END [A-Z0-9 ]{0,60}+-----)?"
        ),
        ("-----BEGIN ",),
        "-----BEGIN RSA PRIVATE KEY-----\nMIIB\n-----END RSA PRIVATE KEY-----",
        "-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----",
    ),
    Rule(
        "url-password",
        re.compile(
            r"""(?<=://)[^\s:/?#"'<>]{0,256}+:"""
            r"""(?P<secret>[^\s/"'<>@]{1,512}+"""
            r"""(?:@[^\s/"'<>@]{1,256}+(?=@)){0,3})@"""
        ),
        ("://",),
        "postgresql://app:" + "hunter2@db:5432/shop",
        "http://localhost:3100/loki?at=@x",
    ),
    Rule(
        "email",
        re.compile(
            r"(?<![\w.+-])[\w.+-]++(?:@|%40)"
            r"[\w-]{1,63}+(?:\.[\w-]{1,63}+){1,8}+"
        ),
        ("@", "%00"),
        "from ann.lee+x@example.org.",
        "react@18.2.0 and @ann and icon@2x.png",
        is_email,
    ),
    Rule(
        "card",
        re.compile(
            rf"{_LEFT}(?<![0-9][.-])(?:[0-9]{{13,19}}+"
            r"|[0-9]{4}[ \-\xa0](?:[0-9]{4}[ \-\xa0][0-9]{4}[ \-\xa0][0-9]{4}"
            r"(?:[ \-\xa0][0-9]{3}(?![0-9]))?|[0-9]{6}[ \-\xa0][0-9]{4,5}))"
            rf"{_RIGHT}(?!\.[0-9])"
        ),
        _CARD_HINTS,
        "paid with 4111 1111 " + "1111 1111.",
        "order 4111111111111112 at 1700000000000",
        is_card,
    ),
    Rule(
        "iban",
        re.compile(f"{_LEFT}(?:{IBAN}){_RIGHT}"),
        ("0" * 8, "0000 0000", "0000-0000"),
        "to DE89 3704 0044 " + "0532 0130 00 today",
        "to DE89 3704 0044 0532 0130 01 today",
        is_iban,
    ),
    Rule(
        "ssn",
        re.compile(
            rf"{_LEFT}(?<![0-9]-)(?!000|666|9)[0-9]{{3}}-(?!00)[0-9]{{2}}"
            rf"-(?!0000)[0-9]{{4}}{_RIGHT}(?!-[0-9])"
        ),
        ("000-00-0000",),
        "born 1980, 123-45-" + "6789",
        "part 666-45-6789, 123-00-6789 and 123456789",
    ),
    Rule(
        "phone",
        re.compile(
            rf"(?<![A-Za-z0-9+])\+[1-9](?:[0-9]{{7,14}}{_RIGHT}"
            rf"|(?:[ .\-]?\(?[0-9]\)?){{7,13}}{_RIGHT})"
        ),
        ("+0",),
        "call +1 (555) 010-" + "9999 now",
        "5550109999, +5 2024-01-31, 10:00+02:00",
        is_phone,
    ),
    _token(
        "jwt",
        r"eyJ[A-Za-z0-9_-]*+(?:\.[A-Za-z0-9_-]++){0,4}",
        ("eyJ",),
        "eyJ" + "hbGciOiJIUzI1NiJ9.eyJ" + "zdWIiOiIxIn0.c2lnbmF0dXJl",
        "eyJhbGciOiJIUzI1NiJ9 alone",
        has_two_parts,
    ),
    _token(
        "authorization",
        r"(?i:bearer|token)[ ]{1,4}(?P<secret>[A-Za-z0-9._~+/-]{8,}+=*+)",
        _SCHEME_HINTS,
        "sent Bearer " + "abc123DEF456",
        "Bearer authentication and token validation failed",
        has_digit,
    ),
    _token(
        "authorization",
        r"(?i:basic)[ ]{1,4}(?P<secret>[A-Za-z0-9+/]{4,}+)={0,2}",
        ("asic ", "BASIC "),
        "sent Basic dXNlcjpw" + "YXNzd29yZA==",
        "Basic authentication failed",
        is_basic,
    ),
    _token(
        "authorization",
        r"(?i:digest)[ ](?=[a-z]{2,16}=)(?P<secret>[^\r\n]++)",
        ("igest ", "DIGEST "),
        'Digest username="ann", response="6629' + 'fae49393a"',
        "Digest mismatch",
    ),
    _token(
        "aws",
        rf"(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{{16}}{_RIGHT}",
        ("AKIA", "ASIA", "ABIA", "ACCA"),
        "AKIA" + "IOSFODNN7EXAMPLE",
        "AKIA and ASIA",
    ),
    _token(
        "github",
        r"(?:gh[pousr]_[A-Za-z0-9]{30,}+|github_pat_[A-Za-z0-9_]{22,}+)",
        ("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"),
        "ghp_" + "A1b2" * 9,
        "ghp_short",
    ),
    _token(
        "gitlab",
        r"gl(?:pat|ptt|dt|rt|cbt|ft|soat|agent)-[A-Za-z0-9_.-]{20,}+",
        (
            "glpat-",
            "glptt-",
            "gldt-",
            "glrt-",
            "glcbt-",
            "glft-",
            "glsoat-",
            "glagent-",
        ),
        "glpat-" + "A1b2" * 5,
        "glpat-short",
    ),
    _token(
        "slack",
        r"(?:xox[abeoprs]|xapp)-[A-Za-z0-9-]{10,}+",
        ("xox", "xapp-"),
        "xoxb-" + "1234567890-" + "A1b2" * 6,
        "xoxb-1",
    ),
    _token(
        "stripe",
        r"(?:[sr]k_(?:live|test)|whsec)_[A-Za-z0-9]{16,}+",
        ("k_live_", "k_test_", "whsec_"),
        "sk_" + "live_" + "A1b2" * 6,
        "sk_live_short",
    ),
    _token(
        "google",
        r"AIza[A-Za-z0-9_-]{35,}+",
        ("AIza",),
        "AIza" + "A1b2" * 8 + "A1b",
        "AIzaShort",
    ),
    _token(
        "anthropic",
        r"sk-ant-[A-Za-z0-9_-]{20,}+",
        ("sk-ant-",),
        "sk-" + "ant-api03-" + "A1b2" * 8,
        "sk-ant-",
    ),
    _token(
        "openai",
        r"sk-[A-Za-z0-9_-]{20,}+",
        ("sk-",),
        "sk-" + "proj-" + "A1b2" * 8,
        "class sk-folding-cube-animation-delayed",
        has_digit,
    ),
    _token(
        "huggingface",
        r"hf_[A-Za-z0-9]{30,}+",
        ("hf_",),
        "hf_" + "A1b2" * 8 + "Ab",
        "hf_hub_download",
    ),
    _token(
        "npm",
        r"npm_[A-Za-z0-9]{36,}+",
        ("npm_",),
        "npm_" + "A1b2" * 9,
        "npm_config_registry",
    ),
    _token(
        "pypi",
        r"pypi-[A-Za-z0-9_-]{32,}+",
        ("pypi-",),
        "pypi-" + "AgEIcHlwaS5vcmc" + "A1b2" * 8,
        "pypi-mirror",
        has_digit,
    ),
    _token(
        "sendgrid",
        r"SG\.[A-Za-z0-9_-]{16,}+\.[A-Za-z0-9_-]{16,}+",
        ("SG.",),
        "SG." + "A1b2" * 5 + "Ab." + "A1b2" * 10 + "Abc",
        "SG.1",
    ),
    _token(
        "twilio",
        rf"SK[0-9a-fA-F]{{32}}{_RIGHT}",
        ("SK",),
        "SK" + "a1b2" * 8,
        "SKU-12345",
    ),
)
"""All kinds; where two find the same text, the first one names it."""
