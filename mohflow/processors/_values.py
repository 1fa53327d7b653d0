"""What a value says: a secret, or only how things are."""

from __future__ import annotations

import re

from mohflow._expression import expression


NULLS = frozenset({"none", "null", "nil", "true", "false", "undefined", "n/a"})
"""Words behind ``password=`` that say that there is none."""

_NO_VALUE = NULLS | {"yes", "no"}
_STATUS = """
    yes no ok missing invalid valid expired required empty unset wrong
    incorrect changed reset set failed denied updated rotated revoked rejected
    accepted unknown absent present str int bytes bool string mismatch
    optional enabled disabled disallowed granted success successful succeeded
    failure error object number char varchar hidden masked redacted filtered
    removed omitted loaded generated created deleted refreshed verified
    checking checked found sent received validation validated authentication
    authenticated reused mandatory supplied provided forgotten forgot recovery
    strength policy
"""
_GRAMMAR = """
    not is was has are the a an must should cannot at too weak does doesn't may
    can will for of in from with and or any
"""
STATES = NULLS | frozenset(_STATUS.split()) | frozenset(_GRAMMAR.split())
"""Words behind ``password:`` and the like that say how it is, not what."""

_WAYS = """
    basic digest bearer oauth oauth1 oauth2 ldap saml jwt password sso oidc
    kerberos ntlm mtls token api_key apikey api-key session cookie anonymous
    local github google okta auth0 cognito keycloak default negotiate pass
    fail refresh access id include same-origin omit cleartext pam peer trust
    scram-sha-256 md5 internal external public private on off
"""
_SAYS_HOW = NULLS | frozenset(_STATUS.split()) | frozenset(_WAYS.split())

_RANDOM = expression(r"[A-Za-z0-9+/=_.~%:-]{16,512}")
_NUMBER = expression(
    r"[+(#]{0,2}[A-Z0-9][A-Z0-9 ()./\xa0-]{5,28}[A-Z0-9]"
    r"(?:[ ]?(?:x|ext\.?)[ ]?[0-9]{1,6})?",
    re.IGNORECASE,
)
_DECIMAL = expression(r"-?[0-9]{1,6}\.[0-9]+")
_HIDDEN = expression(
    r"[*•x.#_-]{3,64}|\*+|[-_.|>+]{1,2}|Secret(?:Str|Bytes)\(.*"
)

_OWNERS = (
    "self|this|cls|config|conf|cfg|settings|os|process|env|environ|ctx|"
    "context|request|req|res|response|user|data|params|form|payload|body|"
    "args|kwargs|opts|options|app|client|session|event|state|props|obj|"
    "secrets|vars|var|local|module|input|account|auth|headers|row|record|"
    "item|credentials|creds|db|vault"
)
_PLACEHOLDER = (
    # Of a format, a template, a statement, a manual.
    r"%\(?\w{0,40}\)?[sdrf]?|[#$]?\{\{?[\w.:| '()\[\]-]{0,80}\}\}?|\{\}?"
    r"|\$[0-9]{1,2}|\?|\$\(?[A-Z_][A-Z0-9_]*\)?"
    r"|\$(?:[a-z]+_){0,3}(?:password|pass|token|secret|key|auth|pwd)"
    r"|<[a-zA-Z][\w -]{0,40}>?|\[[a-zA-Z][a-zA-Z _-]{0,40}\]?"
)
_FILLED_IN_LATER = expression(_PLACEHOLDER)
_CODE = expression(
    rf"{_PLACEHOLDER}|:[a-z_]{{2,40}}"
    # A call or a subscript, cut at a quote or a comma.
    r"|(?:[a-z_]{2,40}\.){0,6}[a-z]{2,30}(?:_[a-z]{1,30}|[A-Z][a-z]{1,30}){0,5}"
    r"[(\[](?:[a-zA-Z_.]{0,60}[)\]]{1,4}[.:!]?.{0,40})?"
    # An attribute of something well known, a type.
    rf"|(?:{_OWNERS})(?:(?:\.|->)[A-Za-z_]{{1,40}}){{1,6}}"
    r"|await|new|not|lambda|typeof"
    r"|(?:Optional|Union|Annotated|String|SecretStr|None|Any)(?:\[.{0,80})?"
    r"|(?:str|bytes|String|SecretStr|string)(?:\||\?|!)[\w|.\[\]]{0,80}",
    re.DOTALL,
)


def is_placeholder(value: str) -> bool:
    """It stands for a value that is filled in elsewhere."""
    return _FILLED_IN_LATER.fullmatch(value) is not None


def is_hidden(value: str) -> bool:
    """It was hidden before."""
    return _HIDDEN.fullmatch(value) is not None


def is_code(value: str) -> bool:
    """It is an expression, a type or a placeholder of a program."""
    return _CODE.fullmatch(value) is not None


def is_credential(value: str) -> bool:
    """It says more than how one logs in, how many, or that all is well."""
    is_count = value.isdigit() and len(value) < 4
    return not is_count and value.lower() not in _SAYS_HOW


def is_said(value: str) -> bool:
    """It is not the word for there being none, or one."""
    return value.lower() not in _NO_VALUE


def is_number(value: str) -> bool:
    """It has seven digits or more and little else."""
    return (
        _NUMBER.fullmatch(value) is not None
        and sum(map(str.isdigit, value)) >= 7
        and not _DECIMAL.fullmatch(value)
    )


def is_random(value: str) -> bool:
    """It is long, has digits and letters, and is no words or path."""
    return (
        _RANDOM.fullmatch(value) is not None
        and any(map(str.isdigit, value))
        and any(map(str.isalpha, value))
    )
