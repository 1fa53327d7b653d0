"""What a walk asks about single values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

from mohflow._expression import expression
from mohflow.processors._json_text import Number
from mohflow.processors.plain import plain_key


MAX_HEADERS: Final = 256
"""Items of a flat list that are read as names and values."""

_HEADER = expression(r"[A-Za-z][A-Za-z_-]{1,63}")
_NAMES = frozenset({"name", "key", "Name", "Key", "header", "field", "k"})
VALUES = frozenset({"value", "Value", "val", "v"})
"""Fields that hold what another field of the same mapping names."""

_ATOMS = frozenset({bool, type(None)})


class Hider(Protocol):
    """What a walk asks about the texts and names that it meets."""

    drops: bool
    """Whether a field with a secret name is left out."""

    hides: bool
    """Whether anything is hidden; if not, it is only counted."""

    clean: set[str]
    """Texts that are known to hold nothing that has to go."""

    def is_secret(self, name: str, /) -> bool: ...

    def hides_under(self, name: str, value: str, /) -> bool: ...

    def is_clean(self, text: str, /) -> bool: ...

    def text(self, text: str, /) -> str: ...

    def hide(self, rule: str, secret: str, /) -> str: ...


def mask_number(hider: Hider, number: Any) -> object:
    """Return *number*, or a marker if it is a card number."""
    if type(number) is bool or number is None:
        return number
    if not 10**11 <= abs(number) < 10**19:
        return number
    text = str(int(number))
    # Times since 1970 begin with 1, and so does only one kind of cards.
    if text[0] == "1" and not text.startswith("1800"):
        return number
    masked = hider.text(text)
    return number if masked == text else masked


def mask_literal(hider: Hider, number: Number) -> object:
    """Return a number of JSON as it was written, or a marker."""
    shown = mask_number(hider, float(number))
    return number if isinstance(shown, float) else shown


def secret_name(hider: Hider, key: object) -> str | None:
    """Return the name that *key* is, if it may hide its value."""
    name = key if type(key) is str else plain_key(key)
    return name if hider.is_secret(name) else None


def in_key_block(line: object, *, inside: bool) -> bool:
    """Return whether *line*, one of a list, belongs to a private key."""
    if type(line) is not str or "[redacted" in line:
        return False
    begins = "PRIVATE KEY" in line and "-----BEGIN " in line
    return (begins and "-----END " not in line) or (
        inside and "-----END " not in line
    )


def is_option(item: object) -> bool:
    """Return whether *item* may name the next word of a command."""
    return type(item) is str and item[:2] == "--" and "=" not in item


def is_pair(value: object) -> bool:
    return (
        isinstance(value, tuple | list)
        and len(value) == 2
        and isinstance(value[0], str | bytes)
    )


def named_by(fields: Mapping[str, Any]) -> str | None:
    """Return the name in ``{"name": "password", "value": "x"}``."""
    if not VALUES.isdisjoint(fields):
        for key in _NAMES.intersection(fields):
            name = fields[key]
            if isinstance(name, str):
                return str.__str__(name)
    return None


def named_in_turn(hider: Hider, items: Sequence[object]) -> dict[int, str]:
    """
    Return which items name the next one, in a flat list of headers.

    In ``["cookie", "a=b", "accept", "*/*"]`` each second item is a name, and
    some other is none. A list of names alone says nothing about any.
    """
    if len(items) < 4 or len(items) % 2 or len(items) > MAX_HEADERS:
        return {}
    if not all(isinstance(item, str | bytes) for item in items):
        return {}
    texts = [item if type(item) is str else plain_key(item) for item in items]
    if not all(map(_HEADER.fullmatch, texts[::2])) or all(
        map(_HEADER.fullmatch, texts[1::2])
    ):
        return {}
    return {
        number: texts[number]
        for number in range(0, len(texts), 2)
        if hider.is_secret(texts[number])
    }


def says_something(value: object) -> bool:
    """Return whether *value* may be secret, as None, True and "" are not."""
    return type(value) not in _ATOMS and not (
        type(value) is str and value == ""
    )
