"""
One object as a builtin value, by the first rule that fits its type.

The rules may raise; :func:`mohflow.processors.plain.to_plain` does not.
"""

from __future__ import annotations

import dataclasses
import re

from collections.abc import (
    Callable,
    Iterable,
    Mapping,
    Sequence,
    ValuesView,
)
from collections.abc import (
    Set as AbstractSet,
)
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from itertools import islice
from pathlib import PurePath
from typing import Any
from uuid import UUID

from mohflow._expression import expression


MAX_NODES = 10_000
"""Values inside the containers of one event."""

MAX_TEXT = 264_192
"""Characters of one string."""

MAX_REPR = 10_000
"""Characters of what ``repr`` says about an object."""

SIZE_LIMIT = "<size limit>"

_MARKER = expression(r"\.\.\. \[cut ([\d,]{1,30}) characters\]\Z")


def cut_text(text: str, size: int) -> str:
    """Return *text* with at most *size* characters before a marker."""
    if len(text) <= size:
        return text
    earlier = _MARKER.search(text, max(len(text) - 60, 0))
    if earlier is None:
        return f"{text[:size]}... [cut {len(text) - size:,} characters]"
    size = min(size, earlier.start())
    lost = earlier.start() - size + int(earlier[1].replace(",", ""))
    return f"{text[:size]}... [cut {lost:,} characters]"


def convert(value: Any) -> object:
    """Apply the first rule that fits the type of *value*."""
    kind = type(value)
    if kind in _RULES_BY_TYPE:
        return _RULES_BY_TYPE[kind](value)
    if issubclass(kind, Enum):
        return value.value
    if hasattr(kind, "__structlog__"):
        return value.__structlog__()
    for kinds, rule in _RULES:
        if issubclass(kind, kinds):
            return rule(value)
    if hasattr(kind, "get_secret_value"):
        return str.__str__(str(value))
    if hasattr(kind, "tolist") and hasattr(kind, "item"):
        return _array(value)
    return _show(value)


def _show(value: object) -> str:
    return cut_text(str.__str__(repr(value)), MAX_REPR)


def _content(value: Any) -> str:
    """Return the text of a str or bytes, unless its class hides it."""
    kind = type(value)
    base = next(base for base in _TEXTS if issubclass(kind, base))
    if kind.__str__ is not base.__str__:  # type: ignore[comparison-overlap]
        return str.__str__(str(value))
    if kind.__repr__ is not base.__repr__:  # type: ignore[comparison-overlap]
        return str.__str__(repr(value))
    if base is str:
        return str.__str__(value)
    raw = bytes(value)
    return raw.decode(_encoding(raw), "backslashreplace")


def _encoding(raw: bytes) -> str:
    """Return how *raw* is read: as UTF-16 if every other byte is a zero."""
    if b"\0" in raw and len(raw) >= 4 and len(raw) % 2 == 0:
        half = len(raw) // 2
        if raw[1::2].count(0) * 10 >= half * 9:
            return "utf-16-le"
        if raw[::2].count(0) * 10 >= half * 9:
            return "utf-16-be"
    return "utf-8"


def _number(value: int) -> int | str:
    number = int.__int__(value)
    if is_64_bit(number):
        return number
    # Decimal digits cost quadratic time, and Python refuses them beyond a
    # limit that may be as low as 640.
    if number.bit_length() < 2000:
        return str(number)
    return cut_text(hex(number), MAX_REPR)


def is_64_bit(number: int) -> bool:
    """Return whether every JSON reader can be trusted with *number*."""
    return -(1 << 63) <= number < (1 << 64)


def _error(value: BaseException) -> str:
    name, message = type(value).__qualname__, str.__str__(str(value))
    return cut_text(f"{name}: {message}" if message else name, MAX_TEXT)


def _qualified(kind: type) -> str:
    if kind.__module__ == "builtins":
        return kind.__qualname__
    return f"{kind.__module__}.{kind.__qualname__}"


def _moment(value: datetime) -> str:
    if value.utcoffset() is None:
        return value.isoformat()
    try:
        text = value.astimezone(UTC).isoformat(timespec="microseconds")
    except (OverflowError, ValueError):
        # The offset leads out of the years 1 to 9999.
        return value.isoformat()
    return text.removesuffix("+00:00") + "Z"


def _array(value: Any) -> object:
    """Return a numpy value as lists and numbers, a large one as its repr."""
    if not isinstance(value.size, int) or value.size > MAX_NODES:
        return _show(value)
    plain = value.tolist()
    return _show(value) if type(plain) is type(value) else plain


def _tuple(value: Any) -> object:
    kind = type(value)
    if not hasattr(kind, "_fields"):
        return _items(value)
    if getattr(kind.__repr__, "__module__", "") != "collections":
        return _show(value)
    return dict(zip(kind._fields, value, strict=True))


def _set(value: Any) -> list[object]:
    items = list(islice(value, MAX_NODES + 1))
    if len(items) > MAX_NODES:
        return _items(items)
    by_name = _sorted(items, lambda item: (type(item).__name__, repr(item)))
    return _sorted(items) or by_name or items


def _sorted(
    items: list[Any], key: Callable[[Any], Any] | None = None
) -> list[Any] | None:
    try:
        return sorted(items, key=key)
    except Exception:
        # Items without an order, or without a repr: the next best order.
        return None


def _items(value: Iterable[object]) -> list[object]:
    items = list(islice(value, MAX_NODES + 1))
    if len(items) > MAX_NODES:
        items[-1] = SIZE_LIMIT
    return items


def _mapping(value: Mapping[object, object]) -> dict[object, object]:
    fields = dict(islice(value.items(), MAX_NODES))
    if len(value) > MAX_NODES:
        fields[SIZE_LIMIT] = SIZE_LIMIT
    return fields


def _declared(value: Any) -> object:
    """
    Return the fields of a dataclass, attrs or pydantic object.

    Only those that its repr shows; a class with a repr of its own is shown
    by that, because it may be there to hide something.
    """
    shown = type(value).__repr__
    code = getattr(getattr(shown, "__wrapped__", shown), "__code__", None)
    origin = getattr(code, "co_filename", "")
    if hasattr(type(value), "__repr_args__"):
        if shown.__module__.partition(".")[0] == "pydantic":
            return {name or "": item for name, item in value.__repr_args__()}
    elif hasattr(type(value), "__attrs_attrs__"):
        if origin.startswith("<attrs generated"):
            return _attributes(value)
    elif origin == "<string>" and hasattr(shown, "__wrapped__"):
        fields = [f.name for f in dataclasses.fields(value) if f.repr]
        return {n: getattr(value, n) for n in fields if hasattr(value, n)}
    return _show(value)


def _attributes(value: Any) -> dict[str, object]:
    fields: dict[str, object] = {}
    for field in type(value).__attrs_attrs__:
        if field.repr and hasattr(value, field.name):
            item = getattr(value, field.name)
            fields[field.name] = (
                field.repr(item) if callable(field.repr) else item
            )
    return fields


class _DeclaresFields(type):
    """Recognises classes whose fields are declared, without importing them."""

    _MARKS = ("__dataclass_fields__", "__attrs_attrs__", "__repr_args__")

    def __subclasscheck__(cls, kind: type) -> bool:
        return any(hasattr(kind, mark) for mark in cls._MARKS)


class _Declared(metaclass=_DeclaresFields):
    pass


_TEXTS = (str, bytes, bytearray)
_Rule = Callable[[Any], object]
_RULES: tuple[tuple[type | tuple[type, ...], _Rule], ...] = (
    (_TEXTS, _content),
    (int, _number),
    (float, float.__float__),
    (BaseException, _error),
    (type, _qualified),
    (_Declared, _declared),
    (datetime, _moment),
    ((date, time, timedelta, Decimal, UUID, PurePath), str),
    (tuple, _tuple),
    ((set, frozenset), _set),
    (Mapping, _mapping),
    (memoryview, bytes),
    (re.Pattern, lambda pattern: pattern.pattern),
    ((Sequence, AbstractSet, ValuesView), _items),
)
_RULES_BY_TYPE: dict[type, _Rule] = {
    datetime: _moment,
    tuple: _items,
    UUID: str,
    Decimal: str,
    bytes: _content,
}
