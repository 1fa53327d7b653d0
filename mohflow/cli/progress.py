"""A bar on stderr while a person watches; nothing otherwise."""

from __future__ import annotations

import sys
import time

from typing import Self


WIDTH = 30
EVERY = 0.1
"""Seconds between two drawings."""


class Progress:
    """
    Show how much of something is done.

    Args:
        what: One word for it.
    """

    def __init__(self, what: str) -> None:
        self._what = what
        self._is_shown = sys.stderr is not None and sys.stderr.isatty()
        self._next = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Take the bar away."""
        if self._is_shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()

    def show(self, done: int, total: int) -> None:
        """Draw the bar, unless it was drawn a moment ago."""
        now = time.monotonic()
        if not self._is_shown or not total or now < self._next:
            return
        self._next = now + EVERY
        bar = ("#" * (WIDTH * done // total)).ljust(WIDTH, ".")
        sys.stderr.write(f"\r{self._what} [{bar}] {done}/{total}\x1b[K")
        sys.stderr.flush()
