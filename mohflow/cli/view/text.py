"""Turn lines of a log into text for people."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from mohflow.cli.view.conditions import Condition
from mohflow.cli.view.events import Event, Reader
from mohflow.cli.view.screens import Screen
from mohflow.cli.view.shapes import Shapes
from mohflow.processors.console import ConsoleRenderer, escaped


MAX_SHOWN = 256_000
"""Bytes of a line that is no event; the longest line that we write."""

_CUT = " … ({} more bytes)"


class Writer:
    """
    Write events as the console does, and other lines as they are.

    Args:
        renderer: Gives an event its look.
        conditions: What an event must fulfil, all of them. With any, a line
            that is no event is left out.
        screens: Leave out lines that do not fulfil the conditions, as far
            as they can tell without reading them as events.
        encoding: Of the text; what it has not becomes an escape.
    """

    def __init__(
        self,
        renderer: ConsoleRenderer,
        conditions: Sequence[Condition] = (),
        screens: Iterable[Screen] = (),
        encoding: str = "utf-8",
    ) -> None:
        self._renderer = renderer
        self._conditions = tuple(conditions)
        self._screens = tuple(screens)
        self._encoding = encoding
        self._read = Reader().read
        self._shapes = Shapes(self._read, self._rendered)

    def texts(self, lines: list[bytes]) -> list[bytes]:
        """Return what is shown of *lines*, which end without a newline."""
        for screen in self._screens:
            lines = screen(lines)
        if self._conditions:
            lines = list(filter(self._is_chosen, lines))
        return self._shapes.texts(lines, self._text)

    def _is_chosen(self, line: bytes) -> bool:
        event = self._read(line)
        return event is not None and all(
            [condition(event) for condition in self._conditions]
        )

    def _text(self, line: bytes) -> bytes:
        event = self._read(line)
        if event is None:
            return self._encoded(raw(line))
        try:
            text = self._rendered(event)
        except TypeError:
            return self._encoded(raw(line))
        self._shapes.learn(line, text)
        return text

    def _rendered(self, event: Event) -> bytes:
        return self._encoded(self._renderer.text(event))

    def _encoded(self, text: str) -> bytes:
        return text.encode(self._encoding, "backslashreplace")


def raw(line: bytes) -> str:
    """Return *line* as it is, but for what a terminal would obey."""
    text = line[:MAX_SHOWN].decode("utf-8", "backslashreplace")
    text = escaped(text.rstrip("\r").expandtabs(4))
    rest = len(line) - MAX_SHOWN
    return text + (_CUT.format(rest) if rest > 0 else "") + "\n"
