"""Turn lines of a log into text for people."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from mohflow.cli.view.conditions import Condition
from mohflow.cli.view.events import Reader
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
        literals: Bytes that are on every line that fulfils the conditions,
            unless it has a backslash.
    """

    def __init__(
        self,
        renderer: ConsoleRenderer,
        conditions: Sequence[Condition] = (),
        literals: Iterable[bytes] = (),
    ) -> None:
        self._renderer = renderer
        self._conditions = tuple(conditions)
        self._literals = tuple(literals)
        self._read = Reader().read

    def texts(self, lines: list[bytes]) -> list[str]:
        """Return what is shown of *lines*, which end without a newline."""
        for literal in self._literals:
            lines = [
                line for line in lines if literal in line or b"\\" in line
            ]
        if self._conditions:
            return self._chosen(lines)
        read, render = self._read, self._renderer.text
        texts = []
        for line in lines:
            event = read(line)
            try:
                text = render(event) if event is not None else raw(line)
            except TypeError:
                text = raw(line)
            texts.append(text)
        return texts

    def _chosen(self, lines: list[bytes]) -> list[str]:
        read, render, conditions = (
            self._read,
            self._renderer.text,
            self._conditions,
        )
        texts = []
        for line in lines:
            event = read(line)
            if event is None:
                continue
            for condition in conditions:
                if not condition(event):
                    break
            else:
                try:
                    texts.append(render(event))
                except TypeError:
                    texts.append(raw(line))
        return texts


def raw(line: bytes) -> str:
    """Return *line* as it is, but for what a terminal would obey."""
    text = line[:MAX_SHOWN].decode("utf-8", "backslashreplace")
    text = escaped(text.rstrip("\r").expandtabs(4))
    rest = len(line) - MAX_SHOWN
    return text + (_CUT.format(rest) if rest > 0 else "") + "\n"
