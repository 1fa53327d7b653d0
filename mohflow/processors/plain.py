"""
Any object as plain JSON values: dict, list, str, int, float, bool, None.

Nothing here raises an :class:`Exception`; a value that cannot be shown is
replaced by a text that says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

from mohflow.processors._objects import (
    MAX_NODES,
    MAX_TEXT,
    SIZE_LIMIT,
    convert,
    cut_text,
    is_64_bit,
)


if TYPE_CHECKING:
    from structlog.typing import EventDict


__all__ = [
    "MAX_DEPTH",
    "MAX_NODES",
    "MAX_TEXT",
    "Plain",
    "cut_text",
    "distinct",
    "plain_key",
    "plain_text",
    "plain_tree",
    "to_plain",
]

MAX_DEPTH = 32
"""Containers inside each other, the event itself included."""

DEPTH_LIMIT = "<depth limit>"
CYCLE = "<cycle>"

_ATOMS = frozenset({bool, float, type(None)})
_MIN_INT, _MAX_INT = -(1 << 63), (1 << 64) - 1


def plain_text(text: str) -> str:
    r"""Return *text* with lone surrogates written as ``\udXXX``."""
    if text.isascii():
        return text
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def plain_key(key: object) -> str:
    """Return the text that stands for *key* in a JSON object."""
    plain = to_plain(key)
    if type(plain) is list or type(plain) is dict:
        plain = plain_tree(key)
        if isinstance(key, tuple) and type(plain) is list:
            plain = tuple(plain)
    return plain_text(plain if type(plain) is str else str(plain))


def to_plain(value: object) -> object:
    """
    Return *value* as an exact builtin type; children may not be plain yet.

    Containers that are not already a dict or a list are cut at
    :data:`MAX_NODES` items.
    """
    plain = value
    try:
        for _ in range(MAX_DEPTH):
            if _is_plain(plain):
                return plain
            plain = _keyed(plain) if type(plain) is dict else convert(plain)
    except Exception as error:
        # The text takes the place of the value; the reader of it is told.
        return _placeholder(value, error)
    return DEPTH_LIMIT


def _placeholder(value: object, error: Exception) -> str:
    return f"<unrepresentable {type(value).__name__}: {type(error).__name__}>"


def _is_plain(value: object) -> bool:
    kind = type(value)
    if kind is int:
        return is_64_bit(value)  # type: ignore[arg-type]
    if kind is dict:
        return all(type(key) is str for key in value)  # type: ignore[attr-defined]
    return kind is str or kind is list or kind in _ATOMS


def _keyed(value: dict[object, object]) -> dict[str, object]:
    fields: dict[str, object] = {}
    for key, item in list(value.items()):
        fields[distinct(plain_key(key), fields)] = item
    return fields


def distinct(key: str, taken: Mapping[str, object]) -> str:
    """Return *key*, with underscores behind it while it is in *taken*."""
    name, tries = key, 0
    while name in taken:
        tries += 1
        # Thousands of equal keys must not make thousands of underscores.
        tail = "_" * tries if tries < 4 else f"_{len(taken) + tries}_"
        name = key + tail
    return name


class _Walk:
    """One tree on its way to plain values, and whether it had to be cut."""

    __slots__ = ("cut", "left", "path")

    def __init__(self, max_nodes: int = MAX_NODES) -> None:
        self.cut = False
        self.left = max_nodes
        self.path: set[int] = set()

    def fields(self, event_dict: Mapping[Any, Any]) -> dict[str, Any]:
        """Return every field; only what is inside of fields is counted."""
        plain: dict[str, Any] = {}
        self.path.add(id(event_dict))
        for key, item in list(event_dict.items()):
            # The common case calls no function of ours: it is faster, and it
            # works where the stack is nearly full.
            usual = type(key) is str and key.isascii() and len(key) <= MAX_TEXT
            new = usual and key not in plain
            name = key if new else self.name(key, plain)
            kind = type(item)
            if (
                kind in _ATOMS
                or (kind is int and _MIN_INT <= item <= _MAX_INT)
                or (kind is str and item.isascii() and len(item) <= MAX_TEXT)
            ):
                plain[name] = item
                continue
            try:
                plain[name] = self.value(item, 1)
            except Exception as error:
                # The stack is full; the text takes the place of the value.
                plain[name] = _placeholder(item, error)
        return plain

    def value(self, value: object, depth: int) -> object:
        kind = type(value)
        if kind is str:
            return self.text(value)  # type: ignore[arg-type]
        if kind in _ATOMS or (kind is int and is_64_bit(value)):  # type: ignore[arg-type]
            return value
        if id(value) in self.path:
            return CYCLE
        exact = kind is dict or kind is list
        plain = value if exact else to_plain(value)
        if type(plain) is str:
            return self.text(plain)
        if type(plain) is dict or type(plain) is list:
            return self.inside(value, plain, depth)
        return plain

    def text(self, text: str) -> str:
        text = plain_text(text)
        if len(text) <= MAX_TEXT:
            return text
        self.cut = True
        return cut_text(text, MAX_TEXT)

    def name(self, key: object, taken: Mapping[str, object]) -> str:
        return distinct(self.text(plain_key(key)), taken)

    def inside(
        self, value: object, plain: dict[Any, Any] | list[Any], depth: int
    ) -> object:
        """Return a copy of *plain*, which stands for *value*."""
        if depth >= MAX_DEPTH:
            self.cut = True
            return DEPTH_LIMIT
        entered = {id(value), id(plain)} - self.path
        self.path |= entered
        try:
            if isinstance(plain, dict):
                return self.mapping(plain, depth + 1)
            return self.sequence(plain, depth + 1)
        except Exception as error:
            # Another thread changes it, or the stack is full: the text takes
            # the place of the value.
            return _placeholder(value, error)
        finally:
            self.path -= entered

    def mapping(self, value: Mapping[Any, Any], depth: int) -> dict[str, Any]:
        fields: dict[str, Any] = {}
        for key, item in list(islice(value.items(), self.left + 1)):
            if self.left <= 0:
                self.cut = True
                fields[SIZE_LIMIT] = SIZE_LIMIT
                break
            self.left -= 1
            fields[self.name(key, fields)] = self.value(item, depth)
        return fields

    def sequence(self, value: Sequence[Any], depth: int) -> list[Any]:
        items: list[Any] = []
        for item in value[: self.left + 1]:
            if self.left <= 0:
                self.cut = True
                items.append(SIZE_LIMIT)
                break
            self.left -= 1
            items.append(self.value(item, depth))
        return items


def plain_tree(value: object, max_nodes: int = MAX_NODES) -> object:
    """
    Return *value* with everything inside of it plain, and within the limits.

    The result shares no dict or list with *value*.
    """
    return _Walk(max_nodes).value(value, 0)


class Plain:
    """
    Make every field plain; say ``truncated=True`` if that needed cutting.

    A :class:`~mohflow.processors.Masker` does the same on its way.
    """

    def __call__(
        self, logger: Any, method_name: str, event_dict: EventDict, /
    ) -> EventDict:
        walk = _Walk()
        fields = walk.fields(event_dict)
        if walk.cut:
            fields["truncated"] = True
        return fields
