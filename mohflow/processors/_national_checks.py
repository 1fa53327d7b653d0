"""Check digits of the numbers that states give to persons."""

from __future__ import annotations

import re

from mohflow.processors._checks import luhn


def _digits(text: str) -> str:
    return re.sub(r"[^0-9]", "", text)


def _weighted(digits: str, weights: str) -> int:
    """Return the sum of products; a weight is one character, A is 10."""
    return sum(
        int(digit) * int(weight, 36)
        for digit, weight in zip(digits, weights, strict=False)
    )


def _has_date(year_month_day: str) -> bool:
    month, day = int(year_month_day[-4:-2]), int(year_month_day[-2:])
    return 1 <= month <= 12 and 1 <= day <= 31


# https://en.wikipedia.org/wiki/CPF_number
def is_cpf(match: re.Match[str]) -> bool:
    digits = _digits(match[0])
    first = _weighted(digits[:9], "A98765432") * 10 % 11 % 10
    second = _weighted(digits[:10], "BA98765432") * 10 % 11 % 10
    return digits[9:] == f"{first}{second}" and len(set(digits)) > 1


# https://en.wikipedia.org/wiki/INSEE_code
def is_nir(match: re.Match[str]) -> bool:
    text = re.sub(r"[^0-9AB]", "", match[0])
    corsica = {"2A": "19", "2B": "18"}
    body = text[:5] + corsica.get(text[5:7], text[5:7]) + text[7:13]
    return body.isdigit() and 97 - int(body) % 97 == int(text[13:])


_ODD_VALUES = """
    1 0 5 7 9 13 15 17 19 21 1 0 5 7 9 13 15 17 19 21 2 4 18 20 11 3 6 8 12 14
    16 10 22 25 24 23
"""
_ODD = {
    character: int(value)
    for character, value in zip(
        "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ",
        _ODD_VALUES.split(),
        strict=True,
    )
}


# https://en.wikipedia.org/wiki/Italian_fiscal_code
def is_codice_fiscale(match: re.Match[str]) -> bool:
    text = match[0].upper()
    odd = sum(_ODD[c] for c in text[0:15:2])
    even = sum(int(c) if c.isdigit() else ord(c) - 65 for c in text[1:15:2])
    return (odd + even) % 26 == ord(text[15]) - 65


# https://en.wikipedia.org/wiki/Unique_Population_Registry_Code
def is_curp(match: re.Match[str]) -> bool:
    letters = "0123456789ABCDEFGHIJKLMNÑOPQRSTUVWXYZ"
    text = match[0]
    total = sum(
        letters.index(character) * (18 - place)
        for place, character in enumerate(text[:17])
    )
    return str(-total % 10) == text[17] and _has_date(text[4:10])


# https://en.wikipedia.org/wiki/National_identity_card_(Spain)
def is_dni(match: re.Match[str]) -> bool:
    text = match[0].replace("-", "")
    number = text[:-1].translate(str.maketrans("XYZ", "012"))
    return "TRWAGMYFPDXBNJZSQVHLCKE"[int(number) % 23] == text[-1]


_PRODUCTS = """
    0123456789 1234067895 2340178956 3401289567 4012395678
    5987604321 6598710432 7659821043 8765932104 9876543210
"""
_PERMUTED = """
    0123456789 1576283094 5803796142 8916043527
    9453126870 4286573901 2793806415 7046913258
"""
_D5, _P8 = _PRODUCTS.split(), _PERMUTED.split()


# https://en.wikipedia.org/wiki/Verhoeff_algorithm
def is_aadhaar(match: re.Match[str]) -> bool:
    total = 0
    for place, digit in enumerate(reversed(_digits(match[0]))):
        total = int(_D5[total][int(_P8[place % 8][int(digit)])])
    return total == 0


# https://en.wikipedia.org/wiki/National_identification_number#Belgium
def is_belgian(match: re.Match[str]) -> bool:
    digits = _digits(match[0])
    checks = {97 - int(c + digits[:9]) % 97 for c in ("", "2")}
    return int(digits[9:]) in checks


# https://en.wikipedia.org/wiki/National_identification_number#Switzerland
def is_ahv(match: re.Match[str]) -> bool:
    return _weighted(_digits(match[0]), "1313131313131") % 10 == 0


# https://en.wikipedia.org/wiki/National_identification_number#Finland
def is_hetu(match: re.Match[str]) -> bool:
    text = match[0]
    number = int(text[:6] + text[7:10])
    right = "0123456789ABCDEFHJKLMNPRSTUVWXY"[number % 31]
    return right == text[10] and _has_date(text[2:4] + text[:2])


# https://en.wikipedia.org/wiki/Personal_identity_number_(Sweden)
def is_personnummer(match: re.Match[str]) -> bool:
    digits = _digits(match[0])[-10:]
    return _has_date(digits[:6]) and luhn(digits)


# https://en.wikipedia.org/wiki/Resident_registration_number
def is_rrn(match: re.Match[str]) -> bool:
    digits = _digits(match[0])
    check = (11 - _weighted(digits, "234567892345") % 11) % 10
    return _has_date(digits[:6]) and check == int(digits[12])


# https://en.wikipedia.org/wiki/Resident_Identity_Card
def is_chinese(match: re.Match[str]) -> bool:
    text = match[0].upper()
    total = sum(int(d) * pow(2, 17 - i, 11) for i, d in enumerate(text[:17]))
    return "10X98765432"[total % 11] == text[17] and _has_date(text[6:14])


# https://en.wikipedia.org/wiki/South_African_identity_card
def is_south_african(match: re.Match[str]) -> bool:
    return _has_date(match[0][:6]) and luhn(match[0])


# https://en.wikipedia.org/wiki/National_identity_number_(Norway)
def is_norwegian(match: re.Match[str]) -> bool:
    digits = match[0]
    return (
        _has_date(digits[2:4] + digits[:2])
        and _weighted(digits, "3761894521") % 11 == 0
        and _weighted(digits, "54327654321") % 11 == 0
    )
