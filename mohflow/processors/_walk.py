"""One pass over one event: where texts are, and where names decide."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from mohflow._expression import expression
from mohflow.diagnostics import complain
from mohflow.processors._json_text import Number, read_json, write_json
from mohflow.processors._keys import KEY
from mohflow.processors._leaves import (
    VALUES,
    Hider,
    in_key_block,
    is_option,
    is_pair,
    mask_literal,
    mask_number,
    named_by,
    named_in_turn,
    says_something,
    secret_name,
)
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

ANY_TEXT: Final = "any text"
"""What a name hides that hides everything."""

_WORD = expression(r"[A-Za-z]{1,20}(?:_[A-Za-z]{1,20}){0,5}")
_NAME = expression(r"[\w .\[\]:/-]{1,80}")
_CONTROL = frozenset({"timestamp", "level", "logger"})
_NEVER_LEFT_OUT = _CONTROL | {"event"}
_ATOMS = frozenset({bool, type(None)})
_SCALARS = frozenset({str, int, float})


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
        name = text if is_word(text) else self._text(text, MAX_DEPTH)
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
        if name.startswith(FAILED):
            fields[name] = FAILED
            return
        secret = secret_name(self._hider, key)
        if secret is None:
            fields[name] = self.value(value, depth)
            return
        shown = self._under(secret, value, depth)
        if not (self._hider.drops and shown == ""):
            fields[name] = shown
        elif not says_something(value):
            fields[name] = value

    def _under(self, name: str, value: object, depth: int) -> object:
        """Return what is shown of *value* under a name that may hide it."""
        if not says_something(value):
            return value
        plain = value if type(value) is str else to_plain(value)
        if type(plain) in _SCALARS:
            text = str(plain)
            if not self._hider.hides_under(name, text):
                return self.value(plain, depth)
            if not self._hider.hides_under(name, ANY_TEXT):
                # A number or a token; the marker tells its kind if it can.
                by_shape = self.value(plain, depth)
                if by_shape != plain:
                    return by_shape
            shown = self._hider.hide(KEY, text)
            return self.value(plain, depth) if shown == text else shown
        if not self._hider.hides_under(name, ANY_TEXT):
            # The name hides only some values: each item is judged alone.
            if isinstance(plain, list):
                return self._inside(value, plain, depth, name)
            return self.value(value, depth)
        shown = self._hider.hide(KEY, "")
        return shown if self._hider.hides else self.value(value, depth)

    def value(self, value: object, depth: int) -> object:
        """Return a masked copy of *value*."""
        kind = type(value)
        if kind in _ATOMS:
            return value
        if isinstance(value, Number):
            return mask_literal(self._hider, value)
        if id(value) in self._path:
            return CYCLE
        exact = kind is str or kind is dict or kind is list
        plain = value if exact else to_plain(value)
        if isinstance(plain, str):
            return self._text(plain, depth)
        if isinstance(plain, dict | list):
            return self._inside(value, plain, depth)
        return mask_number(self._hider, plain)

    def _inside(
        self,
        value: object,
        plain: dict[Any, Any] | list[Any],
        depth: int,
        name: str | None = None,
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
            if isinstance(value, tuple) and is_pair(plain):
                return self._pair(plain[0], plain[1], depth + 1)
            return self._sequence(plain, depth + 1, name)
        finally:
            self._path -= entered

    def _mapping(self, value: Mapping[str, Any], depth: int) -> dict[str, Any]:
        fields: dict[str, Any] = {}
        named = named_by(value) if len(value) <= 6 else None
        for key, item in list(value.items()):
            if self.left <= 0:
                self.cut = True
                fields[SIZE_LIMIT] = SIZE_LIMIT
                break
            name = self._name(fields, key)
            by = named if named is not None and key in VALUES else key
            self._field(fields, name, by, item, depth)
        return fields

    def _sequence(
        self, value: Sequence[Any], depth: int, name: str | None
    ) -> list[Any]:
        items: list[Any] = []
        are_pairs = all(map(is_pair, value[:MAX_NODES]))
        option = name
        secrets = named_in_turn(self._hider, value) if name is None else {}
        in_key = False
        for number, item in enumerate(value[: self.left + 1]):
            if self.left <= 0:
                self.cut = True
                items.append(SIZE_LIMIT)
                break
            self.left -= 1
            in_key = in_key_block(item, inside=in_key)
            if in_key:
                items.append(self._hider.hide("private-key", str(item)))
            elif are_pairs:
                items.append(self._pair(item[0], item[1], depth))
            elif option is not None:
                items.append(self._under(option, item, depth))
            else:
                items.append(self.value(item, depth))
            option = secrets.get(number, name)
            if option is None and is_option(item):
                option = secret_name(self._hider, item)
        return items

    def _pair(self, name: object, value: object, depth: int) -> list[Any]:
        """Return what may be a header: its name and its value."""
        self.left -= 2
        shown = self.value(name, depth)
        secret = secret_name(self._hider, name)
        if secret is None or not _NAME.fullmatch(secret):
            return [shown, self.value(value, depth)]
        masked = self._under(secret, value, depth)
        if self._hider.drops and masked == "" and says_something(value):
            return [shown]
        return [shown, masked]

    def _text(self, text: str, depth: int) -> str:
        if len(text) <= 128 and text in self._hider.clean:
            return text
        if len(text) > MAX_TEXT:
            self.cut = True
            text = cut_text(text, MAX_TEXT)
        if depth < MAX_DEPTH and len(text) <= MAX_JSON:
            body = text.strip()
            if body[:1] + body[-1:] in ("{}", "[]"):
                return _json(self._hider, text, depth)
        return self._hider.text(text)


def is_word(name: str) -> bool:
    """Return whether *name* cannot hold a secret, and is not worth a scan."""
    return _WORD.fullmatch(name) is not None


def _json(hider: Hider, text: str, depth: int) -> str:
    """Mask *text* by its parts if it is JSON, as a text if not."""
    if not any(mark in text for mark in ("\\", '["', "alue")) and (
        hider.is_clean(text)
    ):
        return text
    try:
        parsed = read_json(text)
    except (ValueError, RecursionError):
        return hider.text(text)
    walk = Walk(hider)
    masked = walk.value(parsed, depth)
    if walk.cut:
        return hider.text(text)
    return text if masked == parsed else write_json(masked, text)
