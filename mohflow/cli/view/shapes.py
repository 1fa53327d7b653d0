"""
Render lines of our own format without reading them as JSON.

Lines of one call in a program differ in their values only. So from a line
that was rendered the slow way comes a *shape*: a regular expression for such
lines, and a template with the places of their values. What a shape accepts is
narrow: plain ASCII, and numbers with one spelling, so that the bytes of the
line are those that the renderer would show. All else goes the slow way.

The renderer itself makes the templates, from an event with marks for values,
and a shape is only kept if it gives the text that the line already has.
"""

from __future__ import annotations

import re

from collections.abc import Callable, Iterable
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

_MAX_LINE = 8192
"""Bytes of a line from which a shape is made."""

_MAX_REMEMBERED = 4096
_MAX_TEMPLATES = 256
"""For one shape; each is for a level, a logger and so on."""

_HEAD_LENGTH = 256

_TIME = rb"(.{16}):([0-5]\d\.\d\d\d)\d\d\dZ"
_is_minute = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d").fullmatch
_HEAD_NAMES = ("level", "event", "logger", "service", "environment")
_is_head = re.compile(
    rb'("[a-z]+":"[ !#-\[\]-~]*",)*"[a-z]+":"[ !#-\[\]-~]*"'
).fullmatch

_PLAIN = (
    # Seldom more than one byte tells that this is no number, list and so on.
    rb'"(?:(?![-0-9{\[tfn])|(?!(?:[{\[][^"]*'
    rb"|-?[0-9]+(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?"
    rb'|true|false|null)"))([!#-&(-<>-\[\]-~]+)"'
)
_VALUES = (
    rb"(\"(?:(?=[^\"]*[ '=])[ !#-\[\]-~]*)?\")",  # shown with its quotes
    rb"(0|-?[1-9][0-9]{0,17})",
    # At most 15 digits, as orjson writes them.
    rb"((?!-?0\.0000)-?(?:0|[1-9][0-9]{0,8})\.(?:0|[0-9]{0,5}[1-9]))",
    rb"(true|false|null)",
)
_ITEM = rb'(?:"[ !#-\[\]-~]*"|%b)' % b"|".join(
    kind[1:-1] for kind in _VALUES[1:]
)
_LIST = rb"\[(?:%b(?:,%b)*)?\]" % (_ITEM, _ITEM)
_ID = rb'"[0-9a-fA-F-]{8,}([0-9a-fA-F-]{8})"'
_NO_ID = rb'(?!"[0-9a-fA-F-]{16,}")'

_KINDS = (_PLAIN, *_VALUES)
_KINDS_OF_IDS = (_ID, _NO_ID + _PLAIN, *_VALUES)

_MARK = re.compile(rb"@([0-9]+)@")
_FIRST = 4
"""The group of the first value: minute, second and head come before it."""


class Shape(NamedTuple):
    """The lines that have the same fields, with values of the same kinds."""

    match: Callable[[bytes], re.Match[bytes] | None]
    places: tuple[int, ...]
    """Which groups of a match stand in a template, in its order."""
    templates: dict[bytes, bytes]
    """What follows the minute, for each head; empty if it has none."""
    fields: bytes
    ids: bytes
    """The template's parts, between which stands the rest of the head."""


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
        self._minutes: dict[bytes, bytes] = {}

    def texts(
        self, lines: Iterable[bytes], slow: Callable[[bytes], bytes]
    ) -> list[bytes]:
        """Return the text of each line; of one without a shape, by *slow*."""
        shapes, minutes = self._shapes, self._minutes
        length = len(_EVENT)
        texts = []
        for line in lines:
            start = line.find(_EVENT, 0, _NEAR) + length
            name = line[start : line.find(b'"', start)]
            text = b""
            for shape in shapes.get(name, ()):
                match, places, templates, _, _ = shape
                found = match(line)
                if found is not None:
                    minute, head = found.group(1, 3)
                    template = templates.get(head) or self._new(shape, head)
                    before = minutes.get(minute) or self._minute(minute)
                    if before and template:
                        text = before + template % found.group(*places)
                    break
            texts.append(text or slow(line))
        return texts

    def learn(self, line: bytes, text: bytes) -> None:
        """Remember the shape of *line*, which is shown as *text*."""
        start = line.find(_EVENT, 0, _NEAR) + len(_EVENT)
        name = line[start : line.find(b'"', start)]
        tries = self._tries.get(name, 0)
        if start < len(_EVENT) or len(line) > _MAX_LINE:
            return
        if tries >= _MAX_TRIES:
            return
        if not tries and len(self._tries) >= _MAX_EVENTS:
            return
        self._tries[name] = tries + 1
        shape = self._shape(line)
        if shape is None:
            return
        known = self._shapes.setdefault(name, [])
        known.append(shape)
        if [text] != self.texts([line], lambda _: b""):
            known.remove(shape)

    def _minute(self, minute: bytes) -> bytes:
        """Return what is shown before the seconds; nothing if that is odd."""
        before = b""
        if _is_minute(minute):
            time = minute.decode() + ":00.000Z"
            text = self._render({"timestamp": time, "event": "@"})
            before, _, after = text.partition(b"00.000")
            # No such day is shown as it is; odd seconds are of old zones.
            if b"T" in before or not after:
                before = b""
        if len(self._minutes) >= _MAX_REMEMBERED:
            self._minutes.clear()
        self._minutes[minute] = before
        return before

    def _new(self, shape: Shape, head: bytes) -> bytes:
        """Return a template of *shape*; nothing if *head* allows none."""
        template = b""
        event = self._read(b"{%b}" % head) if _is_head(head) else None
        if event and len(head) <= _HEAD_LENGTH:
            mark = self._render({"event": "", "@": "@"}).strip()
            text = self._render({"@": "@", **event})[:-1]
            late = {n: event.pop(n) for n in [*event] if n in ON_EVERY_LINE}
            front = self._render({**event, "@": "@"})[: -len(mark) - 2]
            template = b"%b%b%b%b\n" % (
                self._after_time() + _literal(front),
                shape.fields,
                _literal(text[len(front) + len(mark) + 1 :]) if late else b"",
                shape.ids,
            )
        if len(shape.templates) >= _MAX_TEMPLATES:
            shape.templates.clear()
        shape.templates[head] = template
        return template

    def _after_time(self) -> bytes:
        """Return what is shown after the seconds of a time."""
        time = "2000-01-01T00:00:00.000Z"
        text = self._render({"timestamp": time, "event": "@"})
        _, _, after = text.rpartition(b".000")
        return b"%b" + _literal(after[: after.index(b" ") + 1])

    def _shape(self, line: bytes) -> Shape | None:
        event = orjson.loads(line)
        heads = _heads(event)
        names = [name for name in event if name not in heads][1:]
        kinds = [_kind(name, event[name]) for name in names]
        if heads[:2] != ["level", "event"] or not all(kinds):
            return None
        if not names and heads[-1] not in ON_EVERY_LINE:
            return None
        head = b",".join(b'"%b":"[^"]*"' % name.encode() for name in heads)
        pattern = rb'\{"timestamp":"' + _TIME + rb'",(' + head + rb")"
        for name, kind in zip(names, kinds, strict=True):
            pattern += b",%b:%b" % (re.escape(orjson.dumps(name)), kind)
        marks = {name: f"@{n}@" for n, name in enumerate(names, _FIRST)}
        late = {n: marks.pop(n) for n in names if n in ON_EVERY_LINE}
        shown = [self._fields(marks), self._fields(late)]
        places = [int(n) for text in shown for n in _MARK.findall(text)]
        if sorted(places) != list(range(_FIRST, len(names) + _FIRST)):
            return None

        def slot(mark: re.Match[bytes]) -> bytes:
            is_id = kinds[int(mark[1]) - _FIRST] == _ID
            return "…".encode() + b"%b" if is_id else b"%b"

        fields, ids = (_MARK.sub(slot, _literal(text)) for text in shown)
        match = re.compile(pattern + rb"\}").fullmatch
        return Shape(match, (2, *places), {}, fields, ids)

    def _fields(self, marks: Event) -> bytes:
        """Return how fields are shown, with a space before each."""
        if not marks:
            return b""
        return b" " + self._render({"event": "", **marks}).strip()


def _heads(event: Event) -> list[str]:
    """Return the names that follow the time and stand before the fields."""
    names = list(event)[1:]
    heads = [name for name in _HEAD_NAMES if name in names]
    while names[: len(heads)] != heads:
        heads.pop()
    return heads


def _literal(text: bytes) -> bytes:
    return text.replace(b"%", b"%%")


def _kind(name: str, value: Any) -> bytes:
    """Return the pattern for values like *value*; empty if there is none."""
    kinds: tuple[bytes, ...] = _KINDS
    if name in ON_EVERY_LINE:
        kinds = _KINDS_OF_IDS
    if isinstance(value, list | dict):
        kinds = (b"(%b)" % _nested(value),)
    spelled = orjson.dumps(value)
    return next((kind for kind in kinds if re.fullmatch(kind, spelled)), b"")


def _nested(value: Any) -> bytes:
    """Return a pattern for what is inside of a value, shown as it is."""
    if isinstance(value, dict):
        members = [
            b"%b:%b" % (re.escape(orjson.dumps(name)), _nested(member))
            for name, member in value.items()
        ]
        return rb"\{%b\}" % b",".join(members)
    return _LIST if isinstance(value, list) else _ITEM
