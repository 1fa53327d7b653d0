"""Numbers that states give to persons, told by their check digits."""

from __future__ import annotations

import re

from collections.abc import Callable

from mohflow._expression import expression
from mohflow.processors._national_checks import (
    is_aadhaar,
    is_ahv,
    is_belgian,
    is_chinese,
    is_codice_fiscale,
    is_cpf,
    is_curp,
    is_dni,
    is_hetu,
    is_nir,
    is_norwegian,
    is_personnummer,
    is_rrn,
    is_south_african,
)
from mohflow.processors._rule import LEFT, RIGHT, Rule


_NUMBERS = (
    r"nhs|nino|national insurance|sin"
    r"|social insurance|ssn|social security|itin|aadh?aar|pesel|bsn|sofi"
    r"|burgerservicenummer|tfn|tax file|cpf|cnpj|dni|nie|nif|tckn|kimlik"
    r"|steuer-?id\w*|idnr|tax id|taxpayer id|personnummer|f.dselsnummer"
    r"|nir|insee|medicare|curp|national id|identity|id[- ]card|tin|rrn"
    r"|passport|driver.?s? licen[cs]e"
)
CALLS_NUMBER = rf"n\.?i\.?|{_NUMBERS}"
"""Words behind which a number may be that of a person."""

_CALLED = expression(
    rf"(?<![a-z])(?:n\.?i\.?(?= n| ?:|#)|{_NUMBERS})"
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
    number = expression(
        f"{LEFT}(?<![0-9][.-])(?:{pattern}){RIGHT}(?![.-][0-9])"
    )
    return Rule(
        "national-id",
        number,
        hints,
        yes,
        no,
        check,
        "shape",
        is_called=check is is_called,
    )


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
        ("0" * 8, "00000000-A", "A0000000A", "A0000000-A", "A-0000000-A"),
        "DNI 12345" + "678Z",
        "SKU 12345678A",
        is_dni,
    ),
    _row(
        r"[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z](?: [0-9]{2}){3} [A-D]",
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
        ("0" * 17, "0" * 18),
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
        # Ten digits that begin with 1 are seconds since 1970.
        r"(?!1[0-9]{9}(?![0-9]))(?:[0-9]{9,12}"
        r"|\(?[0-9]{3}\)?[ .-]?[0-9]{3}[ .-]?[0-9]{3,5}"
        r"|[0-9]{3}\.[0-9]{3}\.[0-9]{3}-[0-9]{2}"
        r"|[0-9]{3} ?[0-9]{2} ?[0-9]{4}"
        r"|[0-9]{4}[ -]?[0-9]{4}[ -]?[0-9]{4})",
        (
            *("0" * size for size in range(9, 13)),
            "000.000.000-00",
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
