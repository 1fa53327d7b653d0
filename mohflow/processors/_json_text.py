"""JSON inside of a text, read and written so that what is kept stays."""

from __future__ import annotations

import json

from typing import Any, NoReturn


class Number(float):
    """A number of JSON that is written as it was read."""

    __slots__ = ("written",)

    written: str

    def __repr__(self) -> str:
        return self.written


def read_json(text: str) -> Any:
    """
    Return what *text* says, numbers with a point or an exponent as Number.

    Raises:
        ValueError: It is no JSON, or a name comes twice in an object, so
            that the result would not hold all of it.
        RecursionError: It is too deep.
    """
    return json.loads(
        text,
        object_pairs_hook=_unique,
        parse_float=_number,
        parse_constant=_refuse,
    )


def write_json(value: Any, like: str) -> str:
    """Return *value* as JSON in the style of the text *like*."""
    comma = ", " if '", "' in like or '": ' in like else ","
    colon = ": " if '": ' in like else ":"
    parts: list[str] = []
    encode = json.JSONEncoder(ensure_ascii=like.isascii()).encode

    def write(item: Any) -> None:
        if isinstance(item, dict):
            parts.append("{")
            for number, (name, child) in enumerate(item.items()):
                parts.extend((comma if number else "", encode(name), colon))
                write(child)
            parts.append("}")
        elif isinstance(item, list):
            parts.append("[")
            for number, child in enumerate(item):
                parts.append(comma if number else "")
                write(child)
            parts.append("]")
        else:
            parts.append(
                item.written if isinstance(item, Number) else encode(item)
            )

    write(value)
    return "".join(parts)


def _number(text: str) -> Number:
    number = Number(text)
    number.written = text
    return number


def _refuse(name: str) -> NoReturn:
    raise ValueError(name)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError
    return fields
