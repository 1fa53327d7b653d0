"""The fields of a call in their final order, where nothing is to convert."""

from __future__ import annotations

import re
import sys

from collections.abc import Callable, Iterable, Mapping
from itertools import compress, product
from typing import Any

from mohflow._fastpath_nested import CONTAINERS, ROOM, Copy, copying
from mohflow._finish import HEAD
from mohflow._thresholds import Gate
from mohflow.processors._walk import Walk, is_word
from mohflow.processors.context import add_trace_ids, context_fields
from mohflow.processors.masking import Masker
from mohflow.processors.plain import MAX_NODES


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

PLAIN = re.compile(
    "[0-9a-f]{32}"
    "|[A-Za-z_.-]{0,13}+[0-9]{0,6}+(?:/[A-Za-z_.-]{0,13}+[0-9]{0,6}+)*+"
)
"""
Texts in which masking finds nothing: ids of 32 hex digits, and names, numbers
and paths whose parts are too short for any secret that it knows. Most of them
are new with every event or request, so that remembering them is no use.
"""

_NOTHING = re.compile("(?!)")
_BEGIN_JSON = frozenset("{[ \t\n\r\v\f")

Fields = dict[str, Any]
Values = Mapping[str, Any]
Assemble = Callable[[Gate, Values, str, Values], Fields | None]
Check = Callable[[Fields], bool]
Finish = Callable[[Values], Fields | None]


class Names:
    """
    The names of fields that are written as they are, masked by nobody.

    Args:
        masker: Knows what is secret; ``None``: nothing is.
    """

    def __init__(self, masker: Masker | None) -> None:
        self._masker = masker
        self.known: set[str] = set()
        self.finished: set[str] = {"event", "level", "logger", "timestamp"}
        """Those, and what every finished event has."""

    def learn(self, names: Iterable[str]) -> bool:
        """Return whether all *names* are, or now get, known."""
        return all(map(self._is_known, names))

    def learn_finished(self, names: Iterable[str]) -> bool:
        """Return whether a finished event may have all of *names*."""
        return self.learn([n for n in names if n not in self.finished])

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
        if masker:
            # What a name hides, and that it is clean, the chain finds out.
            is_clean = is_word(name) or name in masker.clean
            if not is_clean or masker.verdicts.get(name, True):
                return False
        self.known.add(name)
        self.finished.add(name)
        return True


def assembling(static: Values, names: Names) -> Assemble:
    """
    Return what puts the fields of a call in their final order.

    It returns nothing if a name is new. It may raise; nothing has changed
    then. The time, the level and the name of the logger are left out.
    """
    heads = _heads(static)
    has_service, has_environment = "service" in static, "environment" in static
    knows, learn = names.known.issuperset, names.learn
    modules = sys.modules

    def assemble(
        gate: Gate, context: Values, event: str, values: Values
    ) -> Fields | None:
        fields = context_fields()
        fields.update(context)
        fields.update(values)
        if not (knows(fields) or learn(fields)):
            return None
        head = heads[
            bool(gate.name),
            has_service or "service" in fields,
            has_environment or "environment" in fields,
        ]
        fields = {**head, **fields}
        fields["event"] = event
        if "opentelemetry.trace" in modules:
            add_trace_ids(None, "", fields)
        return fields

    return assemble


def finishing(names: Names, check: Check) -> Finish:
    """
    Return what finishes what the processors of a user returned.

    The fields come out masked and in order, or nothing does.
    """
    heads = _heads({})
    knows = names.finished.issuperset
    control = ("timestamp", "level", "logger")

    def finish(event_dict: Values) -> Fields | None:
        if not (knows(event_dict) or names.learn_finished(event_dict)):
            return None
        kept = {name: event_dict.get(name) for name in control}
        is_text = [type(kept[name]) is str for name in control]
        has_logger = "logger" in event_dict
        if is_text != [True, True, has_logger]:
            return None
        if type(event_dict.get("event")) is not str:
            return None
        head = heads[
            has_logger, "service" in event_dict, "environment" in event_dict
        ]
        # What is not masked is not shown to the check.
        fields = {**head, **event_dict, **dict.fromkeys(control)}
        if not has_logger:
            del fields["logger"], kept["logger"]
        if not check(fields):
            return None
        fields.update(kept)
        return fields

    return finish


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


def checking(masker: Masker | None, names: Names) -> Check:
    """
    Return what masks values in place, and tells whether it could.

    It may raise. If it could not, or raises, the values are as they were.
    """
    return _masked(masker, names) if masker else _plain()


def _masked(masker: Masker, names: Names) -> Check:
    mask = masker.text
    # A pattern of the user may want anything.
    is_plain = (_NOTHING if masker.has_own else PLAIN).fullmatch
    copied = copying(
        names.learn,
        lambda text: text in masker.clean or is_plain(text) is not None,
        MAX_NUMBER,
    )

    def check(fields: Fields) -> bool:
        clean = masker.clean
        new: list[str] = []
        unusual: list[str] = []
        for name, value in fields.items():
            if value is None:
                continue
            kind = type(value)
            if kind is str:
                if value not in clean and not is_plain(value):
                    if len(value) <= MAX_TEXT and value[:1] not in _BEGIN_JSON:
                        new.append(name)
                    else:
                        unusual.append(name)
            elif kind is int or kind is float:
                if not -MAX_NUMBER < value < MAX_NUMBER:
                    unusual.append(name)
            elif kind is not bool:
                unusual.append(name)
        # Only now, because masking counts what it hides.
        if unusual and not _walked(masker, copied, fields, unusual):
            return False
        for name in new:
            fields[name] = mask(fields[name])
        return True

    return check


def _walked(
    masker: Masker, copied: Copy, fields: Fields, names: list[str]
) -> bool:
    """Mask in place what holds more than a short text; tell if it fits."""
    values = {
        name: copied(fields[name], ROOM)
        for name in names[:ROOM]
        if type(fields[name]) in CONTAINERS
    }
    walk = Walk(masker)
    for name in names:
        if values.get(name) is None:
            values[name] = walk.value(fields[name], 0)
    if walk.cut or walk.left < MAX_NODES * 3 // 4:
        return False
    fields.update(values)
    return True


def _plain() -> Check:
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
