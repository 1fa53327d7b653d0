"""Names and values that no ``=`` or ``:`` joins: tags, options, columns."""

from __future__ import annotations

import re

from collections.abc import Iterator
from typing import Final

from mohflow._expression import expression
from mohflow.processors._keys import KEY, KeyRules
from mohflow.processors._span import LIMIT, Looks, Span
from mohflow.processors._values import is_placeholder


COST: Final = 12
"""What a look at one name costs, in us."""

MAX_CONTENT: Final = 4096
"""Characters between a tag and its end."""

# One character that must stand there is searched for four times faster than
# two; hence what follows it is only looked at.
_DASHES = expression("-(?=-)")
_ATTRIBUTES = expression(
    r"""<[A-Za-z]\w{0,32}[ ](?:[\w-]{1,32}="[^"<>]{0,64}"[ ]){0,3}?"""
    r"""(?:key|name)="(?P<name>[\w.:-]{1,64})"[ ]{1,4}"""
    r"""value="(?P<value>[^"<>]{1,512}+)\""""
)
_ENCODED = expression("%(?:25)?3[DdAa]")
_ENCODED_NAME = expression(r"(?:[27]2(?:52)?%)?([\w.-]{2,64})")
_ENCODED_VALUE = expression(
    r"(?:%(?:25)?2[027]|[+])*+"
    r"(?P<value>(?:(?!%(?:25)?(?:2[267C]|3B|7D))[^\s&\"'<>;,]){1,512}+)",
    re.IGNORECASE,
)
_OPENINGS = (
    expression(r"""\((?=[ ]?b?['"])"""),
    expression(r"""\[(?=[ ]?b?['"])"""),
)

_OPTION = expression(
    r"""(?<![\w-])--(?P<name>[A-Za-z][\w.-]{1,63})[ ]{1,4}"""
    r"""(?:"(?P<double>[^"\r\n]{1,512})"|'(?P<single>[^'\r\n]{1,512})'"""
    r"""|(?P<bare>[^\s"'|;&<>-][^\s"'|;<>]{0,511}))"""
)
_TUPLE = expression(
    r"""[(\[][ ]?b?(?P<left>['"])(?P<name>[\w. -]{1,64})(?P=left),[ ]?"""
    r"""b?(?P<right>['"])(?P<value>(?:(?!(?P=right))[^\\]|\\.){1,4096}+)"""
    r"""(?P=right)[ ]?[)\]]"""
)
_COLUMNS = expression(
    r"""\((?P<names>[\w\s,"`.\[\]]{1,2048})\)\s{0,8}VALUES\s{0,8}\(""",
    re.IGNORECASE,
)
_ITEM = expression(
    r"""\s{0,8}(?:[NEB]?'(?P<text>(?:[^'\\]|''|\\.)*+)'|(?P<bare>[^,()']++"""
    r"""(?:\([^()]{0,256}\))?))\s{0,8}(?P<end>[,)])?"""
)
_NEXT_ROW = expression(r"\s{0,8},\s{0,8}\(")


def find_encoded(text: str, names: KeyRules, looks: Looks) -> Iterator[Span]:
    """Find the values of pairs in what is quoted for a URL: ``%3D``."""
    for sign in _ENCODED.finditer(text):
        before = _ENCODED_NAME.match(
            text[max(0, sign.start() - 72) : sign.start()][::-1]
        )
        value = _ENCODED_VALUE.match(text, sign.end())
        check = names.check(before[1][::-1]) if before and value else None
        if check is None or value is None:
            continue
        if not looks(COST):
            yield Span(sign.start(), len(text), LIMIT)
            return
        if check(value["value"]) and not is_placeholder(value["value"]):
            yield Span(*value.span("value"), KEY)


def find_elements(text: str, names: KeyRules, looks: Looks) -> Iterator[Span]:
    """Find what stands in elements as ``<password>x</password>``."""
    at = text.find("</")
    while at >= 0:
        after = text[at + 2 : at + 66]
        name = after.partition(">")[0]
        check = names.check(name.rpartition(":")[2])
        if check is not None:
            if not looks(COST):
                yield Span(max(0, at - MAX_CONTENT), len(text), LIMIT)
                return
            start = text.rfind(">", max(0, at - MAX_CONTENT), at) + 1
            value = text[start:at]
            opened = text.rfind(f"<{name}", max(0, start - 256), start)
            if start and opened >= 0 and check(value.strip()):
                yield Span(start, at, KEY)
        at = text.find("</", at + 2)


def find_attributes(
    text: str, names: KeyRules, looks: Looks
) -> Iterator[Span]:
    """Find the values in ``<add key="ApiKey" value="x"/>``."""
    for element in _ATTRIBUTES.finditer(text):
        if not looks(COST):
            yield Span(element.start(), len(text), LIMIT)
            return
        check = names.check(element["name"])
        value = element["value"]
        if check and check(value) and not is_placeholder(value):
            yield Span(*element.span("value"), KEY)


def find_options(text: str, names: KeyRules, looks: Looks) -> Iterator[Span]:
    """Find the values of options as in ``--password x``."""
    dashes = _DASHES.search(text)
    while dashes is not None:
        at = dashes.start()
        option = _OPTION.match(text, at)
        if option is not None and option.lastgroup:
            if not looks(COST):
                yield Span(at, len(text), LIMIT)
                return
            check = names.check(option["name"])
            value = option[option.lastgroup]
            if check and check(value) and not is_placeholder(value):
                yield Span(*option.span(option.lastgroup), KEY)
        dashes = _DASHES.search(text, option.end() if option else at + 2)


def find_tuples(text: str, names: KeyRules, looks: Looks) -> Iterator[Span]:
    """Find the values in ``('x-api-key', 'x')`` and ``["cookie", "x"]``."""
    for opening in _OPENINGS:
        for begin in opening.finditer(text):
            pair = _TUPLE.match(text, begin.start())
            if pair is not None:
                if not looks(COST):
                    yield Span(begin.start(), len(text), LIMIT)
                    return
                check = names.check(pair["name"])
                if check and check(pair["value"]):
                    yield Span(*pair.span("value"), KEY)


def find_columns(text: str, names: KeyRules, looks: Looks) -> Iterator[Span]:
    """Find what ``INSERT`` puts into columns with secret names."""
    for columns in _COLUMNS.finditer(text):
        listed = [c.strip(' \t\r\n"`[]') for c in columns["names"].split(",")]
        checks = [names.check(column) for column in listed]
        if not any(checks):
            continue
        position = columns.end()
        while looks(COST):
            for check in checks:
                item = _ITEM.match(text, position)
                if item is None:
                    return
                value = item["text"] or item["bare"] or ""
                group = "bare" if item["text"] is None else "text"
                if check and check(value) and not _says_nothing(value):
                    yield Span(*item.span(group), KEY)
                position = item.end()
            more = _NEXT_ROW.match(text, position)
            if more is None:
                break
            position = more.end()
        else:
            yield Span(position, len(text), LIMIT)
            return


def _says_nothing(value: str) -> bool:
    word = value.strip()
    return is_placeholder(word) or word.upper() in ("NULL", "DEFAULT")
