"""The fields of a call in their final order, where nothing is to convert."""

from __future__ import annotations

import sys

from collections.abc import Callable, Iterable, Mapping
from itertools import compress, product
from typing import Any

from mohflow._finish import HEAD
from mohflow._thresholds import Gate
from mohflow.processors.context import add_trace_ids, context_fields
from mohflow.processors.masking import Masker


MAX_NAMES = 4096
"""Names of fields that are remembered; beyond it the chain takes new ones."""

MAX_TEXT = 4096
"""Characters of the texts that are taken."""

MAX_NUMBER = 10**12
"""A larger number may be that of a card."""

RESERVED = frozenset(
    {
        "event",
        "exc_info",
        "level",
        "level_number",
        "logger",
        "stack_info",
        "timestamp",
    }
)
"""Names of fields that mean more than what they say."""

_BEGIN_JSON = frozenset("{[ \t\n\r\v\f")

Fields = dict[str, Any]
Values = Mapping[str, Any]
Assemble = Callable[[Gate, Values, str, Values], Fields | None]


class _Names:
    """The names of fields that are written as they are, masked by nobody."""

    def __init__(self, masker: Masker | None) -> None:
        self.known: set[str] = set()
        self._masker = masker

    def learn(self, names: Iterable[str]) -> bool:
        """Return whether all *names* are, or now get, known."""
        return all(map(self._is_known, names))

    def _is_known(self, name: str) -> bool:
        if name in self.known:
            return True
        if (
            type(name) is not str
            or name in RESERVED
            or not name.isascii()
            or len(name) > 128
            or len(self.known) >= MAX_NAMES
        ):
            return False
        masker = self._masker
        # That the text of the name is clean is for the chain to find out.
        if masker and (name not in masker.clean or masker.is_secret(name)):
            return False
        self.known.add(name)
        return True


def assembling(static: Values, masker: Masker | None) -> Assemble:
    """
    Return what makes the fields of a call, or nothing if it is unusual.

    The function returned may raise, before it has changed anything.

    Args:
        static: The fields of the process.
        masker: Masks texts; ``None``: they are written as they are.
    """
    names = _Names(masker)
    check = _masked(masker) if masker else _plain()
    heads = _heads(static)
    has_service, has_environment = "service" in static, "environment" in static
    knows, learn = names.known.issuperset, names.learn
    modules = sys.modules

    def assemble(
        gate: Gate, context: Values, event: str, values: Values
    ) -> Fields | None:
        bound = context_fields()
        if not (
            (knows(values) or learn(values))
            and (knows(context) or learn(context))
            and (knows(bound) or learn(bound))
        ):
            return None
        head = heads[
            bool(gate.name),
            has_service
            or "service" in context
            or "service" in values
            or "service" in bound,
            has_environment
            or "environment" in context
            or "environment" in values
            or "environment" in bound,
        ]
        fields: Fields = {**head, **bound, **context, **values}
        fields["event"] = event
        if "opentelemetry.trace" in modules:
            for name, value in add_trace_ids(None, "", {}).items():
                fields.setdefault(name, value)
        return fields if check(fields) else None

    return assemble


def _heads(static: Values) -> dict[tuple[bool, ...], Fields]:
    """
    Return what events begin with, by what they have of the names in HEAD.

    ``None`` keeps the place of a value that comes later.
    """
    heads: dict[tuple[bool, ...], Fields] = {}
    for has in product((False, True), repeat=3):
        names = [*HEAD[:3], *compress(HEAD[3:], has)]
        heads[has] = {name: static.get(name) for name in names}
    return heads


def _masked(masker: Masker) -> Callable[[Fields], bool]:
    """Return what masks texts in place, unless there is more to be done."""
    mask = masker.text

    def check(fields: Fields) -> bool:
        clean = masker.clean
        new: list[str] = []
        for name, value in fields.items():
            if value is None:
                continue
            kind = type(value)
            if kind is str:
                if value not in clean:
                    if len(value) > MAX_TEXT or value[:1] in _BEGIN_JSON:
                        return False
                    new.append(name)
            elif kind is int or kind is float:
                if not -MAX_NUMBER < value < MAX_NUMBER:
                    return False
            elif kind is not bool:
                return False
        # Only now, because masking counts what it hides.
        for name in new:
            fields[name] = mask(fields[name])
        return True

    return check


def _plain() -> Callable[[Fields], bool]:
    """Return what tells whether all values are plain."""

    def check(fields: Fields) -> bool:
        for value in fields.values():
            kind = type(value)
            if kind is str:
                if len(value) > MAX_TEXT:
                    return False
                if not value.isascii():
                    value.encode()  # raises if a lone surrogate is in it
            elif kind is int or kind is float:
                if not -MAX_NUMBER < value < MAX_NUMBER:
                    return False
            elif value is not None and kind is not bool:
                return False
        return True

    return check
