"""Which names of fields, and words before ``=`` or ``:``, hide values."""

from __future__ import annotations

import re

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple


KEY = "key"
"""The rule name under which a value goes that was found by its key."""

SECRET_NAMES = """
    password, passwords, passwd, passphrase, passcode, pwd, pass, secret,
    secrets, token, credential, credentials, creds, auth, authorization,
    bearer, cookie, cookies, jwt, otp, totp, pin, cvv, cvc, ssn, iban, apikey,
    sig, passport, session id, jsessionid, phpsessid, sessid,
    api tokens, access tokens, auth tokens, refresh tokens,
    api key, api keys, access key, access keys, account key, auth key,
    client key, consumer key, encryption key, hash key, hmac key, jwt key,
    license key, master key, private key, private keys, rsa key, secret key,
    secret keys, service key, session key, shared key, signing key, ssh key,
    ssl key, storage key, tls key, webhook key, access signature,
    amz signature, credit card, debit card, card number, card no, card num,
    security code, social security, bank account, account iban
"""  # noqa: S105 - names of secrets, not a secret
"""Words and phrases that end a name whose value is hidden."""

_TAILS = """
    number no num code value val text plain raw hash digits string header hex
    b64 base64 encoded encrypted
"""
TAILS = frozenset(_TAILS.split())
"""Words behind a secret name that do not change what it names."""

GLUED = (
    "password",
    "passwd",
    "passphrase",
    "apikey",
    "secretkey",
    "privatekey",
    "accesskey",
    "accesstoken",
    "authtoken",
    "refreshtoken",
    "sessiontoken",
    "clientsecret",
)
"""Ends of run-together names; no ordinary word ends in one of them."""

_STATES = """
    yes no ok missing invalid valid expired required empty unset wrong
    incorrect changed reset set not is was has are the a an must should cannot
    failed denied updated rotated revoked rejected accepted unknown absent
    present str int bytes bool string
"""
NULLS = frozenset({"none", "null", "nil", "true", "false", "undefined"})
"""Words behind ``password=`` that say that there is none."""

STATES = NULLS | frozenset(_STATES.split())
"""Words behind ``password:`` and the like that say how it is, not what."""

MAX_CACHED = 4096
"""Names whose verdict is remembered; all are dropped when it is full."""

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_WORD_OF_ANY_SCRIPT = re.compile(r"[^\W\d_]+|\d+")


class Span(NamedTuple):
    """What of a text has to go, and by which rule."""

    start: int
    end: int
    rule: str


def words(name: str) -> tuple[str, ...]:
    """Split *name* at case changes, digits and punctuation."""
    if name.isascii():
        return tuple(word.lower() for word in _WORD.findall(name[-256:]))
    return tuple(_WORD_OF_ANY_SCRIPT.findall(name[-256:].casefold()))


class KeyRules:
    """
    Tell whether the value under a name is hidden.

    Args:
        extra: Further names or phrases, compared like the built-in ones.
        allowed: Whole names, in any spelling, that are never hidden.
    """

    def __init__(
        self, extra: Iterable[str] = (), allowed: Iterable[str] = ()
    ) -> None:
        phrases = {words(name) for name in (*SECRET_NAMES.split(","), *extra)}
        phrases |= {("".join(phrase),) for phrase in phrases}
        self._phrases = frozenset(phrases - {(), ("",)})
        self._longest = max(map(len, self._phrases))
        self._allowed = frozenset(words(name) for name in allowed)
        self._verdicts: dict[str, bool] = {}

    def __call__(self, name: str) -> bool:
        verdict = self._verdicts.get(name)
        if verdict is None:
            verdict = self._judge(words(name))
            if len(self._verdicts) >= MAX_CACHED:
                self._verdicts.clear()
            if len(name) <= 128:
                self._verdicts[name] = verdict
        return verdict

    def _judge(self, parts: tuple[str, ...]) -> bool:
        if parts in self._allowed:
            return False
        while parts:
            if parts[-1].endswith(GLUED) or any(
                parts[-count:] in self._phrases
                for count in range(1, self._longest + 1)
            ):
                return True
            if parts[-1] not in TAILS and not parts[-1].isdigit():
                return False
            parts = parts[:-1]
        return False


_SEPARATOR = re.compile(r"[=:][=>]{0,2}")

# Read backwards from the separator: blanks, the end of a quoted key or of a
# subscript, then up to three words.
_YEK = re.compile(
    r"""[ \t]{0,4}+\]?(?:["'`]\\{0,7}+)?"""
    r"""([\w.\-]{1,64}(?:[ ][\w.\-]{1,64}){0,2})"""
)

_VALUE = re.compile(
    r"""
    [ \t]{0,8}+
    (?:
        [bBrRuU]{0,2}
        (?:
            "(?P<double>(?:[^"\\]|\\.)++)
          | '(?P<single>(?:[^'\\]|\\.)++)
          | (?P<quote>\\++["'])(?P<nested>(?:(?!(?<!\\)(?P=quote)).)++)
        )
      | (?P<group>[\[{(][^\]})\r\n]*+[\]})]?)
      | (?P<digest>(?i:digest|aws4-hmac-sha256)[ ][^\r\n]++)
      | (?P<bare>
            (?:(?i:bearer|basic|token|apikey|negotiate)[ \t]{1,4}+)?
            [^\s"'<>,;&]++
        )
    )
    """,
    re.VERBOSE | re.DOTALL,
)
_LINE = re.compile(r"""[ \t]{0,8}+(?P<line>[^\r\n"']++)""")
_HIDDEN_ALREADY = re.compile(r"\*++|Secret(?:Str|Bytes)\(?")


def find_pairs(
    text: str, is_secret: Callable[[str], bool], *, whole: bool = False
) -> Iterator[Span]:
    """
    Find the values of pairs as in ``password=x`` and ``"api_key": "x"``.

    The word before ``=`` or ``:`` decides, so the values of query strings,
    headers, connection strings and broken JSON are found alike.

    Args:
        whole: Whether a span begins at the name instead of the value.
    """
    position = 0
    while separator := _SEPARATOR.search(text, position):
        position = separator.end()
        yek = _YEK.match(
            text[max(0, separator.start() - 210) : separator.start()][::-1]
        )
        if yek is None or yek.string.startswith("//:", yek.end()):
            continue
        name = yek[1][::-1]
        if not is_secret(name):
            continue
        start, end = _value_span(text, name, separator)
        if start < end:
            position = end
            first = separator.start() - yek.end() if whole else start
            yield Span(first, end, KEY)


def _value_span(
    text: str, name: str, separator: re.Match[str]
) -> tuple[int, int]:
    """Return where the value is; an empty span if it says nothing secret."""
    last_word = name.rpartition(" ")[2].lower()
    is_line = separator[0] == ":" and last_word.endswith(("cookie", "cookies"))
    match = (_LINE if is_line else _VALUE).match(text, separator.end())
    if match is None or match.lastgroup is None:
        return 0, 0
    value = match[match.lastgroup]
    if match.lastgroup == "bare":
        value = value.rstrip(".:!?)]}")
    if _HIDDEN_ALREADY.fullmatch(value):
        return 0, 0
    said = STATES if separator[0] == ":" else NULLS
    if match.lastgroup == "bare" and value.lower() in said:
        return 0, 0
    # "PASS: test_login" and "pass=12 fail=3" are reports of tests.
    if last_word == "pass" and (separator[0] != "=" or value.isdigit()):
        return 0, 0
    start = match.start(match.lastgroup)
    return start, start + len(value)
