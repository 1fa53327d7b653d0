"""What decides whether a text of the right shape is the real thing."""

from __future__ import annotations

import re

from base64 import b64decode

from mohflow._expression import expression


# https://www.iban.com/structure
_IBAN_COUNTRIES = {
    15: "NO",
    16: "BE",
    18: "DK|FI|FK|FO|GL|NL|SD",
    19: "MK|SI",
    20: "AT|BA|EE|KZ|LT|LU|MN|XK",
    21: "CH|CR|HR|LI|LV",
    22: "BG|BH|DE|GB|GE|IE|ME|RS|VA",
    23: "AE|GI|IL|IQ|OM|SO|TL",
    24: "AD|CZ|ES|MD|PK|RO|SA|SE|SK|TN|VG",
    25: "LY|PT|ST",
    26: "IS|TR",
    27: "BI|DJ|FR|GR|IT|MC|MR|SM",
    28: "AL|AZ|BY|CY|DO|GT|HU|LB|NI|PL|SV",
    29: "BR|EG|PS|QA|UA",
    30: "JO|KW|MU|YE",
    31: "MT|SC",
    32: "LC",
    33: "RU",
}
IBAN = "|".join(
    rf"(?:{countries})[0-9]{{2}}(?:[ \xa0-]?[A-Z0-9]){{{length - 4}}}+"
    for length, countries in _IBAN_COUNTRIES.items()
)

# https://en.wikipedia.org/wiki/Payment_card_number
_ISSUERS = expression(
    r"4(?:\d{12}|\d{15}|\d{18})"
    r"|5[1-5]\d{14}"
    r"|(?:222[1-9]|22[3-9]\d|2[3-6]\d\d|27[01]\d|2720)\d{12}"
    r"|3[47]\d{13}"
    r"|(?:30[0-5]|309|36\d|3[89]\d)\d{11}"
    r"|35\d{14}"
    r"|(?:2131|1800)\d{11}"
    r"|(?:6011|64[4-9]\d|65\d\d)\d{12}"
    r"|62\d{14,17}"
    r"|220[0-4]\d{12}"
    r"|(?:50(?:18|20|38)|5[6-8]\d\d|6304|6390|6759|676[1-3]|0604)\d{8,15}"
)
_DOUBLED = str.maketrans("0123456789", "0246813579")
_ENDINGS = """
    png jpg jpeg gif webp svg ico css scss js jsx ts tsx json html htm txt csv
    xml yaml yml log gz tgz zip pdf mp4 woff ttf map service socket timer
    target mount slice scope device path
"""
_FILE_ENDINGS = frozenset(_ENDINGS.split())
_DATE_OR_IP = expression(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?![0-9])"
)
_DECIMAL = expression(
    r"\+[0-9]{1,3}\.(?:[0-9]{1,8}|[0-9]{12,})(?:[ +/-].*)?"
    r"|\+[0-9 ]{1,12}\.[0-9]{1,2}"
)


def luhn(digits: str) -> bool:
    """Return whether the last digit is right (ISO/IEC 7812-1)."""
    doubled = digits[-2::-2].translate(_DOUBLED)
    return sum(map(int, digits[-1::-2] + doubled)) % 10 == 0


def is_card(match: re.Match[str]) -> bool:
    """Issuer, length and the Luhn sum are right."""
    digits = re.sub(r"[^0-9]", "", match[0])
    return bool(_ISSUERS.fullmatch(digits)) and luhn(digits)


def is_iban(match: re.Match[str]) -> bool:
    """The remainder modulo 97 is 1 (ISO 13616)."""
    text = re.sub(r"[ \xa0-]", "", match[0])
    return int("".join(str(int(c, 36)) for c in text[4:] + text[:4])) % 97 == 1


def is_email(match: re.Match[str]) -> bool:
    """It is no version, file, unit, git remote or user of a URL."""
    local, _, domain = match[0].replace("%40", "@").partition("@")
    ending = domain.rpartition(".")[2].lower()
    is_domain = ending.startswith("xn--") or (
        ending.isalpha() and len(ending) > 1
    )
    if not is_domain or ending in _FILE_ENDINGS or local == "git":
        return False
    if re.match(r"v?[0-9]+\.[0-9]+\.", domain):
        return False
    before = match.string[max(0, match.start() - 300) : match.start()]
    _, scheme, user = before.rpartition("://")
    if not scheme or re.search(r"[\s/]", user) or "%40" in match[0]:
        return True
    # The user of a URL, unless it is an address with a password behind it.
    behind = match.string[match.end() : match.end() + 200]
    is_user = not user and not re.match(r":[^\s/@]+@", behind)
    return not (is_user or ":" in user)


def is_phone(match: re.Match[str]) -> bool:
    """It has the digits of E.164, and is no date, address or decimal."""
    number = match[0]
    digits = sum(map(str.isdigit, number))
    least = 10 if number[1:].isdigit() else 8
    return (
        least <= digits <= 15
        and not _DATE_OR_IP.search(number)
        and not _DECIMAL.fullmatch(number)
    )


def is_basic(match: re.Match[str]) -> bool:
    """It decodes to ``user:password``."""
    try:
        return b":" in b64decode(match["secret"].rstrip("=") + "==")
    except ValueError:
        return False


def is_jwt(match: re.Match[str]) -> bool:
    """It has three parts, or the second is an object too."""
    parts = match[0].split(".")
    return len(parts) > 2 or (parts[-1].startswith("eyJ") and len(parts) > 1)


def has_digit(match: re.Match[str]) -> bool:
    """It is no name made of words."""
    group = "secret" if "secret" in match.re.groupindex else 0
    return any(map(str.isdigit, match[group]))


def is_mixed(match: re.Match[str]) -> bool:
    """It has digits, small and capital letters, as chance makes them."""
    text = match[match.lastgroup or 0]
    return (
        any(map(str.isdigit, text))
        and any(map(str.isupper, text))
        and any(map(str.islower, text))
    )


def is_bearer(match: re.Match[str]) -> bool:
    """It has a digit, or is as long and mixed as no word is."""
    text = match["secret"]
    if any(map(str.isdigit, text)):
        return True
    return len(text) >= 20 and text.isalpha() and not text.islower()


_TERM = expression(
    r"(?i:n?(?:var)?char\(|text\b|(?:var)?binary|blob|sha|md5|argon|bcrypt|scrypt|pbkdf|v[0-9]|base|aes|rsa|utf|http|n[0-9]"
    r"|max|min|level|[0-9]+(?:th|st|nd|rd|s|ms|h|d|x|-)|[(<\[{$%])"
)


def is_no_term(match: re.Match[str]) -> bool:
    """It is neither an algorithm nor a version, an amount, a placeholder."""
    return _TERM.match(match["secret"]) is None


def is_spoken_key(match: re.Match[str]) -> bool:
    """It is random: letters and digits change more than once, or in case."""
    text = match["secret"].rstrip(".,;!?")
    changes = len(re.findall(r"[0-9]+|[A-Za-z]+", text))
    is_joined = not re.search(r"[-_./]", text)
    return is_no_term(match) and (
        (is_joined and (changes > 2 or len(text) > 15)) or is_mixed(match)
    )


def is_no_port(match: re.Match[str]) -> bool:
    """It is not what ``-p`` means to most programs."""
    return re.match(r"[0-9]{1,5}(?::|$)", match["secret"]) is None


CALLS_PHONE = "phone|mobile|tel|telephone|fax"
"""Words behind which a number is that of a phone."""

_PHONE = expression(rf"(?<![a-z])(?:{CALLS_PHONE})(?![a-z])[^0-9\n]{{0,14}}\Z")


def is_called_phone(match: re.Match[str]) -> bool:
    """The words before it say that it is one."""
    before = match.string[max(0, match.start() - 32) : match.start()]
    return _PHONE.search(before.lower()) is not None


_LOGIN_CODE = expression(
    r"(?:verification|security|confirmation|log-?in|sign-?in|access"
    r"|one[- ]time|otp|sms|authentication|recovery|reset|2fa|mfa)[ ]\Z"
)


def is_login_code(match: re.Match[str]) -> bool:
    """The word before it says that it lets somebody in."""
    before = match.string[max(0, match.start() - 24) : match.start()]
    return _LOGIN_CODE.search(before.lower()) is not None
