"""
How MohFlow complains: to stderr, once a minute per kind, and never in a loop.

A complaint never enters the pipeline, never raises and never waits for a lock
that another thread may hold for ever.
"""

from __future__ import annotations

import sys
import threading
import time

from collections import Counter
from collections.abc import Callable
from typing import TextIO


INTERVAL = 60.0
"""Seconds between two complaints of one kind."""

MAX_KINDS = 1000
"""Kinds remembered; beyond it the oldest is forgotten."""


class Complaints:
    """
    Say each kind of fault at most once in :data:`INTERVAL`.

    Args:
        clock: Returns seconds; only differences count.
        stream: Returns where to write, looked up at each complaint.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        stream: Callable[[], TextIO | None] = lambda: sys.stderr,
    ) -> None:
        self._clock = clock
        self._stream = stream
        self._lock = threading.Lock()
        self._kinds: dict[str, tuple[float, int]] = {}
        self._counts: Counter[str] = Counter()

    def forget(self) -> None:
        """Say the next fault of every kind at once, and count from zero."""
        self._kinds.clear()
        self._counts.clear()

    def after_fork(self) -> None:
        """Replace a lock that another thread of the parent may have held."""
        self._lock = threading.Lock()

    def __call__(self, kind: str, message: str) -> None:
        """
        Write *message* unless this *kind* was written less than a minute ago.

        Args:
            kind: What counts as the same fault, as in ``"sink file"``.
            message: What happened and what becomes of the events, one line.
        """
        if not self._lock.acquire(blocking=False):
            # Another thread complains now; a signal handler must not wait.
            return
        try:
            self._counts[kind] += 1
            held_back = self._due(kind)
        finally:
            self._lock.release()
        if held_back is not None:
            self._write(message, held_back)

    def counts(self) -> dict[str, int]:
        """Return how often each kind happened, said or held back."""
        return dict(self._counts)

    def _due(self, kind: str) -> int | None:
        """Return how many were held back if *kind* may be said now."""
        now = self._clock()
        said, held_back = self._kinds.get(kind, (-INTERVAL, 0))
        if now - said < INTERVAL:
            self._kinds[kind] = (said, held_back + 1)
            return None
        self._kinds.pop(kind, None)
        self._kinds[kind] = (now, 0)
        if len(self._kinds) > MAX_KINDS:
            forgotten = next(iter(self._kinds))
            del self._kinds[forgotten], self._counts[forgotten]
        return held_back

    def _write(self, message: str, held_back: int) -> None:
        more = f" ({held_back} more since the last time)" if held_back else ""
        text = f"mohflow: {message}{more}".translate(_CONTROL)
        try:
            stream = self._stream()
            if stream is not None:
                stream.write(text + "\n")
                stream.flush()
        except (OSError, ValueError, UnicodeError):
            # stderr is closed, full or cannot encode: nobody is left to tell.
            return


_CONTROL = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160))}

complain = Complaints()
"""The one voice of this process."""
