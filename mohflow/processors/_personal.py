"""Who somebody is, and what they pay with."""

from __future__ import annotations

from mohflow._expression import expression
from mohflow.processors._checks import (
    IBAN,
    is_called_phone,
    is_card,
    is_email,
    is_iban,
    is_phone,
)
from mohflow.processors._national import NATIONAL_IDS
from mohflow.processors._rule import (
    LEFT,
    RIGHT,
    Rule,
)


PERSONAL: tuple[Rule, ...] = (
    Rule(
        "email",
        expression(
            r"[\w.+-]{1,64}+(?:@|%40)[\w-]{1,63}+(?:\.[\w-]{1,63}+){1,8}+"
        ),
        ("@", "%40"),
        "from ann.lee+x@example.org.",
        "react@18.2.0 and @ann and icon@2x.png",
        is_email,
        lead=expression(r"[\w.+-]{1,64}+\Z"),
    ),
    Rule(
        "card",
        expression(
            rf"{LEFT}(?<![0-9][.-])(?=[2-6]|1800|0604)(?:[0-9]{{12,19}}+"
            r"|[0-9]{4}([ .\-\xa0])(?:[0-9]{4}\1[0-9]{4}"
            r"(?:\1[0-9]{1,4}(?:\1[0-9]{3}(?![0-9]))?)?"
            r"|[0-9]{6}\1[0-9]{4,5}))"
            rf"{RIGHT}(?!\.[0-9])"
        ),
        (
            "0000 0000 0000",
            "0000-0000-0000",
            "0000.0000.0000",
            "0000 000000 0000",
            "0000-000000-0000",
            *("0" * size for size in range(12, 20)),
        ),
        "paid with 4111 1111 " + "1111 1111.",
        "order 4111111111111112 at 1700000000000",
        is_card,
        "shape",
    ),
    Rule(
        "iban",
        expression(f"{LEFT}(?:{IBAN}){RIGHT}"),
        ("AA00",),
        "to DE89 3704 0044 " + "0532 0130 00 today",
        "to DE89 3704 0044 0532 0130 01 today",
        is_iban,
        "shape",
    ),
    Rule(
        "ssn",
        expression(
            rf"{LEFT}(?<![0-9]-)(?:(?!000|666|9)[0-9]{{3}}-(?!00)[0-9]{{2}}"
            r"|9[0-9]{2}-(?:5[0-9]|6[0-5]|7[0-9]|8[0-8]|9[0-24-9]))"
            rf"-(?!0000)[0-9]{{4}}{RIGHT}(?!-[0-9])"
        ),
        ("000-00-0000",),
        "born 1980, 123-45-" + "6789",
        "part 666-45-6789, 123-00-6789 and 123456789",
        None,
        "shape",
    ),
    Rule(
        "phone",
        expression(
            r"\+(?<![A-Za-z0-9+]\+)[1-9]"
            rf"(?:[ .\-/\xa0]{{0,2}}\(?[0-9]\)?){{7,14}}{RIGHT}"
        ),
        ("+",),
        "call +1 (555) 010-" + "9999 now",
        "5550109999, +5 2024-01-31, 10:00+02:00, +52.520008",
        is_phone,
        "scan",
    ),
    Rule(
        "phone",
        expression(
            rf"{LEFT}00[1-9](?:[ .\-/\xa0]{{0,2}}\(?[0-9]\)?){{8,14}}{RIGHT}"
            rf"|%2[Bb][1-9](?:(?:%20|[ .-])?[0-9]){{8,14}}{RIGHT}"
        ),
        ("000-000-000-0000", "0000 00 ", "0000 000 ", "%0A0", "%0a0"),
        "dial 0044 20 7946 " + "0958",
        "0044207946 and 0001 2024",
        is_phone,
        "shape",
    ),
    Rule(
        "phone",
        expression(
            rf"{LEFT}(?<![0-9][.-])(?!1[0-9]{{9}}(?![0-9]))"
            r"(?:[0-9]{9,12}|\(?[0-9]{3}\)?[ .-]?[0-9]{3}[ .-]?[0-9]{4})"
            rf"{RIGHT}(?![.-][0-9])"
        ),
        (
            *("0" * size for size in range(9, 13)),
            "000 000 0000",
            "000-000-0000",
            "000.000.0000",
            "(000) 000-0000",
            "(000)000-0000",
        ),
        "phone 555-010-" + "9999",
        "item 555-010-9999",
        is_called_phone,
        "shape",
        is_called=True,
    ),
    *NATIONAL_IDS,
)
"""Who somebody is, and what they pay with."""
