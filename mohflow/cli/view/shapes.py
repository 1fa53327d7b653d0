"""
Render lines of our own format without reading them as JSON.

Lines of one call in a program differ in their values only. So from a line
that was rendered the slow way comes a *shape*: a regular expression for such
lines, and a template with the places of their values. What a shape accepts is
narrow: plain ASCII, and numbers with one spelling, so that the bytes of the
line are those that the renderer would show. All else goes the slow way.

The renderer itself makes the template, from an event with marks for values,
and a shape is only kept if it gives the text that the line already has.
"""

from __future__ import annotations

import re

from collections.abc import Callable
from typing import Any, NamedTuple

import orjson

from mohflow.cli.view.events import Event
from mohflow.processors.console import ON_EVERY_LINE


_EVENT = b'","event":"'
_NEAR = 80
"""Where the event's name begins at the latest, after time and level."""

_MAX_EVENTS = 256
"""Names from which shapes are made; to compile one takes about 1 ms."""

_MAX_TRIES = 4
"""For one name."""

_MAX_REMEMBERED = 4096
_HEAD_LENGTH = 128

_TIME = rb"(\d{4}-\d\d-\d\dT\d\d:\d\d):([0-5]\d\.\d{3})\d{3}Z"
_TEXT = rb'"[ !#-\[\]-~]*"'
_HEAD = rb'("level":%b,"event":%b(?:,"logger":%b)?)' % (_TEXT, _TEXT, _TEXT)
_PLAIN = (
    rb'"(?!(?:[{\[][^"]*|-?[0-9]+(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?'
    rb'|true|false|null)")([!#-&(-<>-\[\]-~]+)"'
)
_VALUES = (
    rb"(\"(?:(?=[^\"]*[ '=])[ !#-\[\]-~]*)?\")",  # shown with its quotes
    rb"(0|-?[1-9][0-9]{0,17})",
    # At most 15 digits, as orjson writes them.
    rb"((?!-?0\.0000)-?(?:0|[1-9][0-9]{0,8})\.(?:0|[0-9]{0,5}[1-9]))",
    rb"(true|false|null)",
)
_ID = rb'"[0-9a-fA-F-]{8,}([0-9a-fA-F-]{8})"'
_NO_ID = rb'(?!"[0-9a-fA-F-]{16,}")'

_KINDS = (_PLAIN, *_VALUES)
_KINDS_OF_IDS = (_ID, _NO_ID + _PLAIN, *_VALUES)

_HEAD_NAMES = ("timestamp", "level", "event", "logger")
_MARK = re.compile(rb"@([0-9]+)@")


class Shape(NamedTuple):
    """The lines that have the same fields, with values of the same kinds."""

    match: Callable[[bytes], re.Match[bytes] | None]
    template: bytes
    places: tuple[int, ...]
    """Which groups of a match stand in the template, in its order."""


class Shapes:
    """
    Render lines of known shapes; learn shapes.

    Args:
        read: Gives the event on a line.
        render: Gives the text of an event, in UTF-8.
    """

    def __init__(
        self,
        read: Callable[[bytes], Event | None],
        render: Callable[[Event], bytes],
    ) -> None:
        self._read = read
        self._render = render
        self._shapes: dict[bytes, list[Shape]] = {}
        self._tries: dict[bytes, int] = {}
        self._heads: dict[bytes, bytes] = {}
        self._minutes: dict[bytes, tuple[bytes, bytes] | None] = {}

    def text(self, line: bytes) -> bytes | None:
        """Return the text of *line*, or ``None`` if its shape is unknown."""
        start = line.find(_EVENT, 0, _NEAR) + len(_EVENT)
        name = line[start : line.find(b'"', start)]
        for shape in self._shapes.get(name, ()):
            found = shape.match(line)
            if found is not None:
                return self._filled(shape, found)
        return None

    def learn(self, line: bytes, text: bytes) -> None:
        """Remember the shape of *line*, which is shown as *text*."""
        start = line.find(_EVENT, 0, _NEAR) + len(_EVENT)
        name = line[start : line.find(b'"', start)]
        tries = self._tries.get(name, 0)
        if start < len(_EVENT) or tries >= _MAX_TRIES:
            return
        if not tries and len(self._tries) >= _MAX_EVENTS:
            return
        self._tries[name] = tries + 1
        shape = self._shape(line)
        found = shape.match(line) if shape else None
        if shape and found and self._filled(shape, found) == text:
            self._shapes.setdefault(name, []).append(shape)

    def _filled(self, shape: Shape, found: re.Match[bytes]) -> bytes | None:
        minute, second, head = found.group(1, 2, 3)
        around = self._minutes.get(minute) or self._minute(minute)
        if around is None:
            return None
        return b"%b%b%b%b%b" % (
            around[0],
            second,
            around[1],
            self._heads.get(head) or self._head(head),
            shape.template % found.group(*shape.places),
        )

    def _minute(self, minute: bytes) -> tuple[bytes, bytes] | None:
        """Return what is shown around the seconds of *minute*."""
        time = minute.decode() + ":00.000Z"
        text = self._render({"timestamp": time, "event": "@"})
        before, _, after = text.partition(b"00.000")
        if len(self._minutes) >= _MAX_REMEMBERED:
            self._minutes.clear()
        # No such day is shown as it is; odd seconds are of old zones.
        is_odd = b"T" in before or not after
        around = None if is_odd else (before, after[: after.index(b" ") + 1])
        self._minutes[minute] = around
        return around

    def _head(self, head: bytes) -> bytes:
        """Return how level, event and logger are shown before a field."""
        event = self._read(b"{%b}" % head) or {}
        end = self._render({"event": "", "@": "@"}).lstrip(b" ")
        text = self._render({**event, "@": "@"})[: -len(end)]
        if len(head) <= _HEAD_LENGTH:
            if len(self._heads) >= _MAX_REMEMBERED:
                self._heads.clear()
            self._heads[head] = text
        return text

    def _shape(self, line: bytes) -> Shape | None:
        event = orjson.loads(line)
        names = [name for name in event if name not in _HEAD_NAMES]
        kinds = [_kind(name, event[name]) for name in names]
        if not names or not all(kinds):
            return None
        pattern = rb'\{"timestamp":"' + _TIME + b'",' + _HEAD
        for name, kind in zip(names, kinds, strict=True):
            pattern += b",%b:%b" % (re.escape(orjson.dumps(name)), kind)
        marks = {name: f"@{n}@" for n, name in enumerate(names, 4)}
        shown = self._render({"event": "", **marks}).lstrip(b" ")
        shown = shown.replace(b"%", b"%%")
        places = tuple(int(place) for place in _MARK.findall(shown))
        if sorted(places) != list(range(4, len(names) + 4)):
            return None

        def slot(mark: re.Match[bytes]) -> bytes:
            is_id = kinds[int(mark[1]) - 4] == _ID
            return "…".encode() + b"%b" if is_id else b"%b"

        template = _MARK.sub(slot, shown)
        return Shape(re.compile(pattern + rb"\}").fullmatch, template, places)


def _kind(name: str, value: Any) -> bytes:
    """Return the pattern for values like *value*; empty if there is none."""
    kinds = _KINDS_OF_IDS if name in ON_EVERY_LINE else _KINDS
    if not isinstance(value, str | int | float | None):
        return b""
    spelled = orjson.dumps(value)
    return next((kind for kind in kinds if re.fullmatch(kind, spelled)), b"")
