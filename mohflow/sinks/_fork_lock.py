"""
Let a fork wait until no lock is held that its child could never get.

A library below Python, as OpenSSL is, takes locks inside its calls. A child
that is forked meanwhile has one thread, and a copy of each lock as it was: it
waits for ever for the one that a thread of its parent held.
"""

from __future__ import annotations

import os
import threading

from collections.abc import Iterator
from contextlib import contextmanager


PATIENCE = 2.0
"""Seconds that a fork waits at most. To make a TLS context, the longest of
what is guarded, takes about 20 ms (OpenSSL 3.0, 140 authorities)."""


class ForkLock:
    """What is done within :meth:`held` is done before a fork, or after it."""

    def __init__(self) -> None:
        # Reentrant: a signal handler may fork in the middle of it.
        self._lock = threading.RLock()
        self._forking: set[int] = set()

    def follow_forks(self) -> None:
        """Let the forks of this process wait, from now on."""
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(
                before=self._before,
                after_in_parent=self._after,
                after_in_child=self._renew,
            )

    @contextmanager
    def held(self) -> Iterator[None]:
        """Do the block without a fork in between; it must not wait."""
        with self._lock:
            yield

    def _before(self) -> None:
        if self._lock.acquire(timeout=PATIENCE):
            self._forking.add(threading.get_ident())

    def _after(self) -> None:
        ident = threading.get_ident()
        if ident in self._forking:
            self._forking.discard(ident)
            self._lock.release()

    def _renew(self) -> None:
        self._lock = threading.RLock()
        self._forking.clear()


FORK_LOCK = ForkLock()
"""The one of this process; it is imported with the first remote sink."""

FORK_LOCK.follow_forks()
