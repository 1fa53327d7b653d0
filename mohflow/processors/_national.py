"""Numbers that states give to persons, told by their check digits."""

from __future__ import annotations

import re

from collections.abc import Callable

from mohflow.processors._checks import luhn
from mohflow.processors._rule import LEFT, RIGHT, Rule


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
    body = text[:13].replace("2A", "19").replace("2B", "18")
    return 97 - int(body) % 97 == int(text[13:])


_ODD = dict(
    zip(
        "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ",
        (1, 0, 5, 7, 9, 13, 15, 17, 19, 21)
        + (1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18)
        + (20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23),
        strict=True,
    )
)


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


_D5 = ["0123456789", "1234067895", "2340178956", "3401289567", "4012395678", "5987604321", "6598710432", "7659821043", "8765932104", "9876543210"]
_P8 = ["0123456789", "1576283094", "5803796142", "8916043527", "9453126870", "4286573901", "2793806415", "7046913258"]


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


_CALLED = re.compile(
    r"(?<![a-z])(?:nhs|nino|n\.?i\.?(?= n| ?:|#)|national insurance|sin|s\.i\.n"
    r"|social insurance|ssn|social security|itin|aadh?aar|pesel|bsn|sofi"
    r"|burgerservicenummer|tfn|tax file|cpf|cnpj|dni|nie|nif|tckn|kimlik"
    r"|steuer-?id\w*|idnr|tax id|taxpayer id|personnummer|f.dselsnummer"
    r"|nir|insee|medicare|curp|national id|identity|id[- ]card|tin|rrn"
    r"|passport|driver.?s? licen[cs]e|phone|mobile|tel|telephone|fax)"
    r"(?![a-z])[^0-9\n]{0,14}$"
)


def is_called(match: re.Match[str]) -> bool:
    """The words before it say that it is such a number."""
    before = match.string[max(0, match.start() - 48) : match.start()]
    return _CALLED.search(before.lower()) is not None


def _row(
    pattern: str,
    hints: tuple[str, ...],
    yes: str,
    no: str,
    check: Callable[[re.Match[str]], bool] | None,
) -> Rule:
    expression = re.compile(
        f"{LEFT}(?<![0-9][.-])(?:{pattern}){RIGHT}(?![.-][0-9])"
    )
    return Rule("national-id", expression, hints, yes, no, check, "shape")


NATIONAL_IDS: tuple[Rule, ...] = (
    _row(
        r"[0-9]{3}\.[0-9]{3}\.[0-9]{3}-[0-9]{2}",
        ("000.000.000-00",),
        "CPF 529.982." + "247-25",
        "529.982.247-26",
        is_cpf,
    ),
    _row(
        r"[12]( ?)[0-9]{2}\1(?:0[1-9]|1[0-2]|[2-9][0-9])\1[0-9][0-9AB]"
        r"\1[0-9]{3}\1[0-9]{3}\1[0-9]{2}",
        ("0" * 15, "0 00 00 00 000 000 00", "000000A00000000"),
        "2 55 08 14 168 " + "025 38",
        "2 55 08 14 168 025 39",
        is_nir,
    ),
    _row(
        r"[A-Z]{6}[0-9]{2}[ABCDEHLMPRST][0-9]{2}[A-Z][0-9]{3}[A-Z]",
        ("AAAAAA00A00A000A",),
        "RSSMRA85T10" + "A562S",
        "RSSMRA85T10A562T",
        is_codice_fiscale,
    ),
    _row(
        r"[A-Z]{4}[0-9]{6}[HMX][A-Z]{5}[A-Z0-9][0-9]",
        ("AAAA000000AAAAAA",),
        "BOXW310820H" + "NERXN09",
        "BOXW310820HNERXN08",
        is_curp,
    ),
    _row(
        r"(?:[0-9]{8}|[XYZ]-?[0-9]{7})-?[A-Z]",
        ("00000000A", "00000000-A", "A0000000A", "A0000000-A", "A-0000000-A"),
        "DNI 12345" + "678Z",
        "SKU 12345678A",
        is_dni,
    ),
    _row(
        r"[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] [0-9]{2} [0-9]{2} [0-9]{2} [A-D]",
        ("AA 00 00 00 A",),
        "NI number AB 12 " + "34 56 C",
        "AB 12 34 56 X",
        None,
    ),
    _row(
        r"[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?[0-9]{6} ?[A-D]",
        ("AA000000A", "AA 000000 A"),
        "NINO AB123" + "456C",
        "SKU AB123456C",
        is_called,
    ),
    _row(
        r"[2-9][0-9]{3} [0-9]{4} [0-9]{4}(?! [0-9])",
        ("0000 0000 0000",),
        "2341 2341 " + "2346",
        "2341 2341 2345",
        is_aadhaar,
    ),
    _row(
        r"[0-9]{2}\.(?:[024][0-9]|[135][0-2])\.[0-3][0-9]-[0-9]{3}\.[0-9]{2}",
        ("00.00.00-000.00",),
        "93.05.18-" + "223.61",
        "93.05.18-223.62",
        is_belgian,
    ),
    _row(
        r"756\.[0-9]{4}\.[0-9]{4}\.[0-9]{2}",
        ("000.0000.0000.00",),
        "756.9217.0769" + ".85",
        "756.9217.0769.84",
        is_ahv,
    ),
    _row(
        r"[0-9]{6}[-+A-FU-Y][0-9]{3}[0-9A-FHJ-NPR-Y]",
        ("000000-000", "000000A000", "000000+000"),
        "131052-" + "308T",
        "131052-308U",
        is_hetu,
    ),
    _row(
        r"(?:19)?[0-9]{6}[-+][0-9]{4}",
        ("000000-0000", "000000+0000", "00000000-0000"),
        "811218-" + "9876",
        "811218-9877 and 240131-0001",
        is_personnummer,
    ),
    _row(
        r"[0-9]{6}-[1-8][0-9]{6}",
        ("000000-0000000",),
        "900101-" + "1234568",
        "900101-1234567",
        is_rrn,
    ),
    _row(
        r"[1-9][0-9]{5}(?:19|20)[0-9]{9}[0-9Xx]",
        ("0" * 17,),
        "11010519491" + "231002X",
        "110105194912310021 1700000000000000000",
        is_chinese,
    ),
    _row(
        r"[0-9]{10}[01][89][0-9]",
        ("0" * 13,),
        "8001015" + "009087",
        "8001015009088 and 1700000000000",
        is_south_african,
    ),
    _row(
        r"[0-9]{11}",
        ("0" * 11,),
        "01010" + "123476",
        "01010123477",
        is_norwegian,
    ),
    _row(
        r"\(?[0-9]{3}\)?[ .-]?[0-9]{3}[ .-]?[0-9]{3,5}|[0-9]{9,12}"
        r"|[0-9]{3} ?[0-9]{2} ?[0-9]{4}|[0-9]{4}[ -]?[0-9]{4}[ -]?[0-9]{4}",
        (
            "0" * 9,
            "000 000 0000",
            "000-000-0000",
            "000.000.0000",
            "000 000 000",
            "000-000-000",
            "000 00 0000",
            "0000-0000-0000",
            "0000 0000 0000",
            "(000) 000-0000",
            "(000)000-0000",
        ),
        "NHS number 943 476 " + "5919",
        "in 943 476 5919 bytes at 1700000000",
        is_called,
    ),
)
