"""Lines of a bounded length that stay valid in their format."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import orjson

from mohflow.processors.plain import Plain, cut_text, distinct
from mohflow.processors.render import dump_plain


if TYPE_CHECKING:
    from structlog.typing import EventDict

    from mohflow.typing import Renderer


MIN_LINE_BYTES = 1024

_HEAD = ("timestamp", "level", "event")
_MARK = 40
"""Bytes that the text of a cut needs, quotes included."""

_MAX_KEY = 100
"""Characters that a key keeps in a line that has to be cut."""

_RENDERS = 8


class LineLimit:
    """
    Render with *renderer*, and cut the longest fields of a line too long.

    An event that was cut says so in its values and by ``truncated: true``.
    Fields that do not fit at all are counted in ``fields_omitted``.

    Args:
        renderer: Renders the fields, up to ten times for one event.
        max_line_bytes: The newline is included.

    Raises:
        ValueError: *max_line_bytes* is below :data:`MIN_LINE_BYTES`.
    """

    def __init__(
        self, renderer: Renderer, max_line_bytes: int = 256_000
    ) -> None:
        if max_line_bytes < MIN_LINE_BYTES:
            msg = (
                f"max_line_bytes is {max_line_bytes}."
                f" Use {MIN_LINE_BYTES} or more."
            )
            raise ValueError(msg)
        self.renderer = renderer
        self.max_line_bytes = max_line_bytes

    def __call__(
        self, logger: Any, method_name: str, event_dict: EventDict, /
    ) -> bytes:
        # A copy, because renderers of structlog take fields out.
        line = self.renderer(logger, method_name, dict(event_dict))
        if len(line) <= self.max_line_bytes:
            return line
        fields = Plain()(logger, method_name, event_dict)
        return self._shorter(logger, method_name, fields)

    def _shorter(
        self, logger: Any, method_name: str, fields: EventDict
    ) -> bytes:
        """Give the fields less room until the line is short enough."""
        room = self.max_line_bytes - _MARK
        for _ in range(_RENDERS):
            smaller = _fit_mapping(fields, room, _HEAD)
            smaller["truncated"] = True
            line = self.renderer(logger, method_name, smaller)
            if len(line) <= self.max_line_bytes:
                return line
            # A renderer may need more bytes than JSON does.
            fair = room * self.max_line_bytes * 19 // (len(line) * 20)
            room = min(fair, room * 3 // 4)
        return self._shortest(logger, method_name, fields)

    def _shortest(
        self, logger: Any, method_name: str, fields: EventDict
    ) -> bytes:
        head = {key: fit(fields[key], 100) for key in _HEAD if key in fields}
        head["truncated"] = True
        line = self.renderer(logger, method_name, dict(head))
        if len(line) <= self.max_line_bytes:
            return line
        # The renderer itself adds more than the limit.
        return dump_plain(head)


def _bytes(value: object) -> int:
    return len(orjson.dumps(value))


def fit(value: Any, room: int) -> Any:
    """Return *value* or what of it takes about *room* bytes of JSON."""
    if isinstance(value, str) and _bytes(value) > room:
        return _fit_text(value, room - _MARK)
    if isinstance(value, dict) and _bytes(value) > room:
        return _fit_mapping(value, room)
    if isinstance(value, list) and _bytes(value) > room:
        return _fit_sequence(value, room)
    return value


def _fit_text(text: str, room: int) -> str:
    size = min(len(text), max(room, 0))
    while size > 0 and (needed := _bytes(text[:size])) > room:
        size = min(size - 1, size * room // needed)
    return cut_text(text, size)


def _fit_mapping(
    fields: Mapping[str, Any], room: int, head: Sequence[str] = ()
) -> dict[str, Any]:
    """Keep as many fields as possible, the smallest first."""
    room -= _MARK
    names: dict[str, str] = {}
    for key in fields:
        names[distinct(cut_text(key, _MAX_KEY), names)] = key
    costs = {
        name: (_bytes(name) + 2, _bytes(fields[key]))
        for name, key in names.items()
    }
    order = sorted(
        costs, key=lambda name: (name not in head, sum(costs[name]))
    )
    # A field is worth showing when an eighth of the room can be read.
    readable = min(256, max(64, room // 8))
    chosen = _choose([costs[name] for name in order], room, readable)
    kept = set(order[:chosen])
    level = _level(
        sorted(costs[name][1] for name in kept),
        room - sum(costs[name][0] for name in kept),
    )
    smaller = {
        name: fit(fields[key], level)
        for name, key in names.items()
        if name in kept
    }
    if len(kept) < len(fields):
        smaller["fields_omitted"] = len(fields) - len(kept)
    return smaller


def _fit_sequence(items: Sequence[Any], room: int) -> list[Any]:
    """Keep items of both ends."""
    room -= _MARK
    costs = [(1, _bytes(item)) for item in items]
    middle = (len(costs) + 1) // 2
    order = [*costs]
    order[::2], order[1::2] = costs[:middle], costs[middle:][::-1]
    chosen = _choose(order, room, min(256, max(64, room // 2)))
    level = _level(sorted(cost for _, cost in order[:chosen]), room - chosen)
    first, last = (chosen + 1) // 2, chosen // 2
    lost = len(items) - chosen
    return [
        *(fit(item, level) for item in items[:first]),
        *([f"... [cut {lost:,} items]"] if lost else []),
        *(fit(item, level) for item in items[len(items) - last :]),
    ]


def _choose(costs: Sequence[tuple[int, int]], room: int, readable: int) -> int:
    """Return how many values may stay, each in a readable size at least."""
    for number, (key, value) in enumerate(costs):
        room -= key + min(value, readable)
        if room < 0:
            return number
    return len(costs)


def _level(costs: Sequence[int], room: int) -> int:
    """
    Return the bytes that each value may take so that all take *room*.

    Args:
        costs: Bytes of each value, in rising order.
    """
    left, rest = len(costs), room
    for cost in costs:
        if cost * left > rest:
            return rest // left
        rest -= cost
        left -= 1
    return room
