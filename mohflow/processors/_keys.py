"""Which names of fields hide their values."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from mohflow._expression import expression
from mohflow.processors._endings import Endings
from mohflow.processors._values import (
    is_credential,
    is_number,
    is_random,
    is_said,
)


KEY: Final = "key"
"""The rule name under which a value goes that was found by its key."""

SECRET_NAMES = """
    password, passwords, passwd, passwort, passphrase, passcode, passkey,
    pswd, psw, pwd, secret, secrets, pin, cvv, cvc, csc, ssn, iban, passport,
    apikey, otp, totp, jsessionid, phpsessid, sessid, dbpass, userpass,
    session id, session token, api tokens, access tokens, auth tokens,
    refresh tokens,
    api key, api keys, app key, access key, access keys, account key,
    admin key, application key, auth key, client key, consumer key,
    encryption key, functions key, hash key, hmac key, jwt key, license key,
    master key, private key, private keys, rsa key, secret key, secret keys,
    secret key base, server key, service key, session key, shared key,
    signing key, ssh key, ssl key, storage key, subscription key, tls key,
    instrumentation key, psk,
    webhook key, write key, access signature, amz signature, goog signature,
    credit card, debit card, card number, card no, card num,
    cc number, cc num, cc no,
    security code, social security, bank account, account iban,
    mfa code, 2fa code, verification code, sms code, one time code,
    recovery code, recovery codes, backup code, backup codes, code verifier,
    seed phrase, recovery phrase, saml response, saml assertion,
    client assertion, kennwort, contraseña, contrasena, mot de passe,
    motdepasse, senha, wachtwoord, пароль, 密码, 密碼, パスワード
"""  # noqa: S105 - names of secrets, not a secret
"""Words and phrases that end a name whose value is hidden."""

CREDENTIAL_NAMES = """
    pass, token, credential, credentials, creds, auth, authorization, bearer,
    cookie, cookies, jwt, openai key, anthropic key, stripe key, sendgrid key,
    twilio key, aws key, azure key, google key, github key, gitlab key,
    slack key, datadog key, mailgun key
"""
"""Names whose value is hidden unless it only says how things are."""

NUMBER_NAMES = """
    phone, telephone, mobile, msisdn, cell, cellphone, fax, whatsapp, card,
    pan, sin, nhs, nino, cpf, cnpj, dni, nie, nif, nir, bsn, pesel,
    aadhaar, aadhar, curp, tfn, tckn, itin, tin, national id, tax id,
    ni number, national insurance, social insurance, personnummer,
    codice fiscale, steuer id, medicare, driver license, drivers license,
    driving licence, phone number, mobile number, account number
"""
"""Names whose value is hidden if it is a number of seven digits or more."""

RANDOM_NAMES = """
    sig, signature, hmac, sid, session, sess, nonce secret, csrf, xsrf
"""
"""Names whose value is hidden if it looks like chance made it."""

PUBLIC_NAMES = """
    page token, next token, continuation token, cancel token,
    cancellation token, stop token, eos token, bos token, pad token,
    unk token, mask token, cls token, sep token, special token, first token,
    last token, unexpected token, per token, idempotency token,
    no auth, auto pin
"""
"""Names that end like those of secrets and are none."""

_TAILS = """
    code val value text plain plaintext raw hash string header hex b64 base64
    encoded encrypted confirmation confirm again repeat new old current prod
    production staging live test dev default is
"""
TAILS = frozenset(_TAILS.split())
"""Words behind a secret name that do not change what it names."""

_OF_NUMBERS = frozenset({"number", "no", "num", "nr", "digits"})
_NUMBERED_NAMES = """
    card passport ssn pin iban phone mobile cc cvv cvc nhs security insurance
    account id license licence medicare fax cell telephone
"""
_NUMBERED = frozenset(_NUMBERED_NAMES.split())

GLUED = (
    "password",
    "passwd",
    "passphrase",
    "pwd",
    "apikey",
    "secretkey",
    "privatekey",
    "accesskey",
    "signingkey",
    "encryptionkey",
    "masterkey",
    "authkey",
    "accesstoken",
    "authtoken",
    "apitoken",
    "bottoken",
    "csrftoken",
    "idtoken",
    "refreshtoken",
    "sessiontoken",
    "clientsecret",
    "appsecret",
    "apisecret",
    "sessionid",
    "creditcard",
    "cardnumber",
)
"""Ends of run-together names; no ordinary word ends in one of them."""

MAX_CACHED = 4096
"""Names whose verdict is remembered; all are dropped when it is full."""

_WORD = expression(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_WORD_OF_ANY_SCRIPT = expression(r"[^\W\d_]+|\d+")

Check = Callable[[str], bool]


def words(name: str) -> tuple[str, ...]:
    """Split *name* at case changes, digits and punctuation."""
    if name.isascii():
        return tuple(word.lower() for word in _WORD.findall(name[-256:]))
    return tuple(_WORD_OF_ANY_SCRIPT.findall(name[-256:].casefold()))


def phrases(names: str | Iterable[str]) -> set[tuple[str, ...]]:
    """Return the words of each of *names*, and each of them run together."""
    listed = names.split(",") if isinstance(names, str) else names
    found = {words(name) for name in listed} - {()}
    return found | {("".join(phrase),) for phrase in found}


_BY_CHECK: tuple[tuple[str, Check], ...] = (
    (RANDOM_NAMES, is_random),
    (NUMBER_NAMES, is_number),
    (CREDENTIAL_NAMES, is_credential),
    (SECRET_NAMES, is_said),
)


class KeyRules:
    """
    Tell whether a name hides the value under it.

    Args:
        extra: Further names or phrases, compared like the built-in ones.
        allowed: Whole names, in any spelling, that are never hidden.
    """

    def __init__(
        self, extra: Iterable[str] = (), allowed: Iterable[str] = ()
    ) -> None:
        self._checks: dict[tuple[str, ...], Check | None] = {}
        for names, check in _BY_CHECK:
            self._checks |= dict.fromkeys(phrases(names), check)
        self._checks |= dict.fromkeys(phrases(PUBLIC_NAMES))
        self._checks |= dict.fromkeys(phrases(tuple(extra)), is_said)
        self._longest = max(map(len, self._checks))
        self._allowed = frozenset(words(name) for name in allowed)
        self.verdicts: dict[str, bool] = {}
        """Whether a name may hide its value, for the names seen so far."""
        self._check_of: dict[str, Check | None] = {}
        self.phrases = frozenset(self._checks)
        """The words of every name that is known."""
        self._endings: Endings | None = None

    @property
    def endings(self) -> Endings:
        """Where in a text the names end that may hide what follows."""
        if self._endings is None:
            self._endings = Endings(
                [*self._checks, *((glued,) for glued in GLUED)],
                TAILS | _OF_NUMBERS,
            )
        return self._endings

    def __call__(self, name: str) -> bool:
        """Return whether *name* may hide the value under it."""
        verdict = self.verdicts.get(name)
        return self.check(name) is not None if verdict is None else verdict

    def check(self, name: str) -> Check | None:
        """Return what tells whether a text under *name* is hidden, if any."""
        if name in self._check_of:
            return self._check_of[name]
        check = self._judge(words(name))
        if len(self._check_of) >= MAX_CACHED:
            self.verdicts.clear()
            self._check_of.clear()
        if len(name) <= 128:
            self._check_of[name] = check
            self.verdicts[name] = check is not None
        return check

    def _judge(self, parts: tuple[str, ...]) -> Check | None:
        if parts in self._allowed:
            return None
        while parts:
            for count in range(self._longest, 0, -1):
                if parts[-count:] in self._checks:
                    return self._checks[parts[-count:]]
            if parts[-1].endswith(GLUED):
                return is_said
            last = parts[-1]
            parts = parts[:-1]
            is_number_of = (
                last in _OF_NUMBERS and parts[-1:] and (parts[-1] in _NUMBERED)
            )
            if not (last in TAILS or last.isdigit() or is_number_of):
                return None
        return None
