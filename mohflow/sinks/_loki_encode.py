"""From events to the body of a push; the same events make the same bytes."""

from __future__ import annotations

import zlib

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson

from mohflow._event import Event
from mohflow.sinks._loki_labels import in_letters


MAX_PAIRS = 128
"""``max_structured_metadata_entries_count``."""

MAX_METADATA = 65_536
"""Bytes of names and values; ``max_structured_metadata_size``."""

MARK = "...[cut]"
"""The end of a line that was too long."""

GZIP = 31
"""``wbits`` for gzip; the header that zlib writes has no time in it."""

Entry = list[Any]
"""``[nanoseconds, line, metadata]``, the last only if there is some."""


class Encoder:
    """
    Make entries of events.

    Args:
        metadata: The fields that become structured metadata.
        max_line: Bytes; longer lines are cut.
    """

    def __init__(self, metadata: Iterable[str], max_line: int) -> None:
        self._labels = {field: in_letters(field) for field in metadata}
        self._max_line = max_line

    def entries(
        self, labels: Mapping[str, str], batch: Sequence[Event]
    ) -> list[Entry]:
        """Return how each event is sent in the stream with *labels*."""
        names = [f for f, label in self._labels.items() if label not in labels]
        return [self._entry(event, names) for event in batch]

    def _entry(self, event: Event, names: Iterable[str]) -> Entry:
        line = event.line.removesuffix(b"\n")
        pairs = metadata_of(event.fields, names)
        try:
            text = line.decode()
        except UnicodeDecodeError:
            text = line.decode("utf-8", "replace")
            line = text.encode()
        if len(line) > self._max_line:
            text = cut(line, self._max_line)
            pairs = {"original_bytes": str(len(line)), **pairs}
        entry: Entry = [str(event.time_ns), text]
        return [*entry, within_limits(pairs)] if pairs else entry


def compress(labels: Mapping[str, str], entries: list[Entry]) -> bytes:
    """Return the body of a push of one stream."""
    body = _dumps({"streams": [{"stream": labels, "values": entries}]})
    return zlib.compress(body, level=1, wbits=GZIP)


def cut(line: bytes, limit: int) -> str:
    """Return the beginning of *line*, and a mark, in *limit* bytes."""
    beginning = line[: limit - len(MARK)].decode("utf-8", "ignore")
    return beginning + MARK


def metadata_of(
    fields: Mapping[str, Any], names: Iterable[str]
) -> dict[str, str]:
    """Return what of *fields* is there and not empty, as text."""
    pairs = {}
    for name in names:
        value = fields.get(name)
        if value is not None and value != "":
            pairs[name] = value if isinstance(value, str) else _text(value)
    return pairs


def within_limits(pairs: dict[str, str]) -> dict[str, str]:
    """Return the first of *pairs* that Loki takes with one line."""
    size = sum(map(size_of, pairs.items()))
    if len(pairs) <= MAX_PAIRS and size <= MAX_METADATA:
        return pairs
    kept: dict[str, str] = {}
    room = MAX_METADATA
    for pair in pairs.items():
        if len(kept) < MAX_PAIRS and size_of(pair) <= room:
            room -= size_of(pair)
            kept[pair[0]] = pair[1]
    return kept


def size_of(pair: tuple[str, str]) -> int:
    """Return the bytes of a name and its value."""
    return sum(
        len(text) if text.isascii() else len(text.encode("utf-8", "replace"))
        for text in pair
    )


def _text(value: Any) -> str:
    # type(): True is an integer too, and JSON writes it otherwise.
    return str(value) if type(value) is int else _dumps(value).decode()


def _dumps(value: Any) -> bytes:
    try:
        return orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS)
    except TypeError:
        # A lone surrogate, or an integer of more than 64 bits.
        return orjson.dumps(_plain(value))


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {_clean(str(k)): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, (bool, float)) or value is None:
        return value
    return _clean(str(value))


def _clean(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()
