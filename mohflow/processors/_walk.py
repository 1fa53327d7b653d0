"""One pass over one event: where texts are, and where names decide."""

from __future__ import annotations

import json

from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

from mohflow.diagnostics import complain
from mohflow.processors._keys import KEY
from mohflow.processors._objects import SIZE_LIMIT
from mohflow.processors.plain import (
    CYCLE,
    DEPTH_LIMIT,
    MAX_DEPTH,
    MAX_NODES,
    MAX_TEXT,
    cut_text,
    distinct,
    plain_key,
    to_plain,
)
from mohflow.typing import EventDict


MAX_JSON: Final = 65_536
"""Characters of a text that is read as JSON when it looks like it."""

FAILED: Final = "<masking failed>"
"""What stands for a value that could not be masked."""

_CONTROL = frozenset({"timestamp", "level", "logger"})
_NEVER_LEFT_OUT = _CONTROL | {"event"}
_ATOMS = frozenset({bool, type(None)})
_SCALARS = frozenset({str, int, float})


class Hider(Protocol):
    """What a walk asks about the texts and names that it meets."""

    drops: bool
    """Whether a field with a secret name is left out."""

    hides: bool
    """Whether anything is hidden; if not, it is only counted."""

    clean: set[str]
    """Texts that are known to hold nothing that has to go."""

    def is_secret(self, name: str, /) -> bool: ...

    def text(self, text: str, /) -> str: ...

    def hide(self, rule: str, secret: str, /) -> str: ...


class Walk:
    """
    Build a masked copy of plain JSON types.

    ``cut`` tells whether something was left out because of its size.
    """

    __slots__ = ("_hider", "_path", "cut", "left")

    def __init__(self, hider: Hider) -> None:
        self._hider = hider
        self.left = MAX_NODES
        self._path: set[int] = set()
        self.cut = False

    def event(self, event_dict: Mapping[Any, Any]) -> EventDict:
        """Return the masked event; a field that fails hides only itself."""
        fields: dict[str, Any] = {}
        self._path.add(id(event_dict))
        for key, value in list(event_dict.items()):
            # Another type of key may raise when it is compared.
            known = key if type(key) is str else ""
            if self.left <= 0 and known not in _NEVER_LEFT_OUT:
                self.cut = True
            elif known in _CONTROL and type(value) in _SCALARS:
                fields[known] = value
            else:
                self._guarded_field(fields, key, value)
        if self.cut:
            fields["truncated"] = True
        return fields

    def _guarded_field(
        self, fields: dict[str, Any], key: object, value: object
    ) -> None:
        name = FAILED
        try:
            name = self._name(fields, key)
            self._field(fields, name, key, value, 0)
        except Exception as error:
            # A log call never raises. The marker takes the place of the
            # value, and the complaint does not quote it.
            fields[name] = FAILED
            complain(
                "masking",
                f"masking failed with {type(error).__name__}; "
                f"{FAILED} took the place of the value",
            )

    def _name(self, fields: Mapping[str, Any], key: object) -> str:
        text = key if type(key) is str else plain_key(key)
        name = self._text(text, MAX_DEPTH)
        return distinct(name, fields) if name in fields else name

    def _field(
        self,
        fields: dict[str, Any],
        name: str,
        key: object,
        value: object,
        depth: int,
    ) -> None:
        self.left -= 1
        if not self._is_secret(key):
            fields[name] = self.value(value, depth)
        elif not (self._hider.drops and _says_something(value)):
            fields[name] = self._secret(value, depth)

    def _is_secret(self, key: object) -> bool:
        return self._hider.is_secret(
            key if type(key) is str else plain_key(key)
        )

    def _secret(self, value: object, depth: int) -> object:
        """Return what is shown under a secret name."""
        if not _says_something(value):
            return value
        plain = to_plain(value)
        if type(plain) in _SCALARS:
            shown = self._hider.hide(KEY, str(plain))
            kept = shown == str(plain)
            return self.value(plain, depth) if kept else shown
        shown = self._hider.hide(KEY, "")
        return shown if self._hider.hides else self.value(value, depth)

    def value(self, value: object, depth: int) -> object:
        """Return a masked copy of *value*."""
        kind = type(value)
        if kind in _ATOMS:
            return value
        if id(value) in self._path:
            return CYCLE
        exact = kind is str or kind is dict or kind is list
        plain = value if exact else to_plain(value)
        if isinstance(plain, str):
            return self._text(plain, depth)
        if isinstance(plain, dict | list):
            return self._inside(value, plain, depth)
        return self._number(plain)

    def _number(self, number: Any) -> object:
        """Return *number*, or a marker if it is a card number."""
        if type(number) is bool or number is None:
            return number
        if not 10**12 <= abs(number) < 10**19:
            return number
        text = str(int(number))
        masked = self._hider.text(text)
        return number if masked == text else masked

    def _inside(
        self, value: object, plain: dict[Any, Any] | list[Any], depth: int
    ) -> object:
        """Return a masked copy of *plain*, which stands for *value*."""
        if depth >= MAX_DEPTH:
            self.cut = True
            return DEPTH_LIMIT
        entered = {id(value), id(plain)} - self._path
        self._path |= entered
        try:
            if isinstance(plain, dict):
                return self._mapping(plain, depth + 1)
            return self._sequence(plain, depth + 1)
        finally:
            self._path -= entered

    def _mapping(self, value: Mapping[Any, Any], depth: int) -> dict[str, Any]:
        fields: dict[str, Any] = {}
        for key, item in list(value.items()):
            if self.left <= 0:
                self.cut = True
                fields[SIZE_LIMIT] = SIZE_LIMIT
                break
            name = self._name(fields, key)
            self._field(fields, name, key, item, depth)
        return fields

    def _sequence(self, value: Sequence[Any], depth: int) -> list[Any]:
        if len(value) == 2 and isinstance(value[0], str | bytes):
            return self._pair(value[0], value[1], depth)
        items: list[Any] = []
        for item in value[: self.left + 1]:
            if self.left <= 0:
                self.cut = True
                items.append(SIZE_LIMIT)
                break
            self.left -= 1
            items.append(self.value(item, depth))
        return items

    def _pair(self, name: object, value: object, depth: int) -> list[Any]:
        """Return what may be a header: its name and its value."""
        self.left -= 2
        shown = self.value(name, depth)
        if not self._is_secret(name):
            return [shown, self.value(value, depth)]
        if self._hider.drops and _says_something(value):
            return [shown]
        return [shown, self._secret(value, depth)]

    def _text(self, text: str, depth: int) -> str:
        if text in self._hider.clean:
            return text
        if len(text) > MAX_TEXT:
            self.cut = True
            text = cut_text(text, MAX_TEXT)
        if depth < MAX_DEPTH and len(text) <= MAX_JSON:
            body = text.strip()
            if body[:1] + body[-1:] in ("{}", "[]"):
                return self._json(text, depth)
        return self._hider.text(text)

    def _json(self, text: str, depth: int) -> str:
        """Mask *text* by its parts if it is JSON, as a text if not."""
        try:
            parsed = json.loads(text, object_pairs_hook=_unique)
        except (ValueError, RecursionError):
            return self._hider.text(text)
        walk = Walk(self._hider)
        masked = walk.value(parsed, depth)
        if walk.cut:
            return self._hider.text(text)
        if masked == parsed:
            return text
        return json.dumps(masked, ensure_ascii=False, separators=(",", ":"))


def _says_something(value: object) -> bool:
    """Return whether *value* may be secret, as None, True and "" are not."""
    return type(value) not in _ATOMS and not (
        type(value) is str and value == ""
    )


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """
    Make an object of *pairs*.

    Raises:
        ValueError: A name comes twice, so the object would not hold all.
    """
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError
    return fields
