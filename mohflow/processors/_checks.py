"""What decides whether a text of the right shape is the real thing."""

from __future__ import annotations

import re

from base64 import b64decode


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
    rf"(?:{countries})[0-9]{{2}}(?:[ -]?[A-Z0-9]){{{length - 4}}}+"
    for length, countries in _IBAN_COUNTRIES.items()
)

# https://en.wikipedia.org/wiki/Payment_card_number
_ISSUERS = re.compile(
    r"4(?:\d{12}|\d{15}|\d{18})"
    r"|5[1-5]\d{14}"
    r"|(?:222[1-9]|22[3-9]\d|2[3-6]\d\d|27[01]\d|2720)\d{12}"
    r"|3[47]\d{13}"
    r"|(?:30[0-5]|309|36\d|3[89]\d)\d{11}"
    r"|35(?:2[89]|[3-8]\d)\d{12,15}"
    r"|(?:6011|64[4-9]\d|65\d\d|62\d\d)\d{12,15}"
    r"|(?:50(?:18|20|38)|5893|6304|6759|676[1-3])\d{12,15}"
)
_DOUBLED = str.maketrans("0123456789", "0246813579")
_FILE_ENDINGS = ("png", "jpg", "jpeg", "gif", "webp", "svg", "py", "js", "css")
_DATE_OR_IP = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?![0-9])"
)


def is_card(match: re.Match[str]) -> bool:
    """Issuer, length and the Luhn sum are right."""
    digits = re.sub(r"[^0-9]", "", match[0])
    luhn = digits[-1::-2] + digits[-2::-2].translate(_DOUBLED)
    return bool(_ISSUERS.fullmatch(digits)) and sum(map(int, luhn)) % 10 == 0


def is_iban(match: re.Match[str]) -> bool:
    """The remainder modulo 97 is 1 (ISO 13616)."""
    text = re.sub(r"[ -]", "", match[0])
    return int("".join(str(int(c, 36)) for c in text[4:] + text[:4])) % 97 == 1


def is_email(match: re.Match[str]) -> bool:
    """It is no version, file, git remote or user information of a URL."""
    local, _, domain = match[0].replace("%40", "@").partition("@")
    ending = domain.rpartition(".")[2].lower()
    if local == "git" or ending in _FILE_ENDINGS or not ending.isalpha():
        return False
    before = match.string[max(0, match.start() - 300) : match.start()]
    _, scheme, user = before.rpartition("://")
    return not (scheme and ":" in user and not re.search(r"[\s/]", user))


def is_phone(match: re.Match[str]) -> bool:
    digits = sum(map(str.isdigit, match[0]))
    return 8 <= digits <= 15 and not _DATE_OR_IP.search(match[0])


def is_basic(match: re.Match[str]) -> bool:
    """It decodes to ``user:password``."""
    try:
        return b":" in b64decode(match["secret"] + "==")
    except ValueError:
        return False


def has_digit(match: re.Match[str]) -> bool:
    """It is no name made of words."""
    group = "secret" if "secret" in match.re.groupindex else 0
    return any(map(str.isdigit, match[group]))


def has_two_parts(match: re.Match[str]) -> bool:
    return "." in match[0]
