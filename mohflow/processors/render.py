"""JSON lines, whatever the program logs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

import orjson

from mohflow.processors.plain import (
    MAX_DEPTH,
    MAX_NODES,
    Plain,
    plain_tree,
)


if TYPE_CHECKING:
    from structlog.typing import EventDict


_EXACT = (
    orjson.OPT_PASSTHROUGH_DATACLASS
    | orjson.OPT_PASSTHROUGH_DATETIME
    | orjson.OPT_PASSTHROUGH_SUBCLASS
)
LINE = _EXACT | orjson.OPT_APPEND_NEWLINE
"""How orjson renders a line of plain values."""
_ATOMS = frozenset({str, int, float, bool, type(None)})
_EXACT_TYPES = _ATOMS | {dict, list}


def dump_plain(fields: Mapping[str, Any]) -> bytes:
    """
    Return fields that are known to be plain as one line.

    Raises:
        TypeError: They are not plain. But an Enum whose ``value`` raises ends
            the process, and an ``orjson.Fragment`` may hold anything.
    """
    return orjson.dumps(fields, None, LINE)


class JsonRenderer:
    """
    Render an event as one line of JSON; ends a chain.

    Fields that are not plain JSON values pass through
    :class:`~mohflow.processors.plain.Plain` first. It never raises.
    """

    def __call__(
        self, logger: Any, method_name: str, event_dict: EventDict, /
    ) -> bytes:
        try:
            # orjson must not see an Enum or a Fragment, at any depth; see
            # dump_plain.
            values = event_dict.values()
            if _ATOMS.issuperset(map(type, values)) or _is_exact(values):
                try:
                    return orjson.dumps(event_dict, None, LINE)
                except TypeError:
                    # A large int, a lone surrogate or a key that is no str:
                    # the line below shows it.
                    pass
            return dump_plain(Plain()(logger, method_name, event_dict))
        except Exception as error:
            # The stack is full, so no function of ours may be called here.
            # The line itself tells its reader.
            fields: dict[str, Any] = {}
            for key, value in event_dict.items():
                if type(key) is str and type(value) in _ATOMS:
                    try:
                        orjson.dumps({key: value})
                    except TypeError:
                        continue
                    fields[key] = value
            fields["mohflow_error"] = type(error).__name__
            return orjson.dumps(fields, None, LINE)


def _is_exact(values: Iterable[Any]) -> bool:
    """Return whether there is nothing but plain values, at any depth."""
    level = list(values)
    for _ in range(MAX_DEPTH):
        kinds = set(map(type, level))
        if kinds <= _ATOMS:
            return True
        if not kinds <= _EXACT_TYPES:
            return False
        inside = (
            value.values() if type(value) is dict else value
            for value in level
            if type(value) is dict or type(value) is list
        )
        level = [*islice(chain.from_iterable(inside), MAX_NODES + 1)]
        if len(level) > MAX_NODES:
            return False
    return False


def json_text(value: object) -> str:
    """Return *value* as JSON for a place inside a line of text."""
    return orjson.dumps(plain_tree(value), None, _EXACT).decode()
