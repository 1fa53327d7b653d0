"""Read what is appended to files, across rotation and truncation."""

from __future__ import annotations

import math
import os
import time

from collections.abc import Callable

from mohflow.cli.view.lines import BLOCK, Lines, Splitter


GRACE = 2.0
"""
Seconds for which a file is read on after it was renamed: a process that
rotates by itself, or logs once a second, notices by then.
"""


class _Part:
    """One file under a name: the one of now, or one that was renamed."""

    def __init__(self, descriptor: int, position: int) -> None:
        self.descriptor = descriptor
        self.retired = math.inf
        """When it was seen to be renamed."""
        self._position = position
        self._splitter = Splitter()

    def identity(self) -> tuple[int, int]:
        state = os.fstat(self.descriptor)
        return state.st_dev, state.st_ino

    def read(self) -> Lines:
        """Return the lines that were ended since."""
        if os.fstat(self.descriptor).st_size < self._position:
            self._position = 0
            self._splitter = Splitter()
        data = os.pread(self.descriptor, BLOCK, self._position)
        self._position += len(data)
        return self._splitter.lines(data) if data else []

    def close(self) -> Lines:
        """Return what has no end yet."""
        os.close(self.descriptor)
        return [self._splitter.rest] if self._splitter.rest else []


class Followed:
    """
    The lines that are appended to a file, whatever bears its name.

    Args:
        name: Of a plain file.
        descriptor: Of the file that bears it now; closed here.
        position: Where to begin in it.
        now: Gives seconds of a clock that never goes back.
    """

    def __init__(
        self,
        name: str,
        descriptor: int,
        position: int,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._name = name
        self._now = now
        self._parts = [_Part(descriptor, position)]

    def lines(self) -> Lines:
        """Return lines that were appended, at most a block; none: wait."""
        self._look()
        for part in list(self._parts):
            if lines := part.read():
                return lines
            if self._now() - part.retired > GRACE:
                self._parts.remove(part)
                if lines := part.close():
                    return lines
        return []

    def _look(self) -> None:
        """Open the file that bears the name now, if it is another one."""
        current = self._parts[-1] if self._parts else None
        try:
            state = os.stat(self._name)
            is_new = (
                current is None
                or (state.st_dev, state.st_ino) != current.identity()
            )
            if not is_new:
                return
            descriptor = os.open(self._name, os.O_RDONLY)
        except OSError:
            # It was moved away, and nobody has written since.
            return
        if current is not None:
            current.retired = self._now()
        self._parts.append(_Part(descriptor, 0))

    def close(self) -> None:
        """Close what is open."""
        for part in self._parts:
            part.close()
