"""
Notice that the files of the settings have changed, or that SIGHUP came.

A thread of its own looks at the files; log calls pay nothing for it. Whether
it is time to read them is decided by :class:`Lookout`, which does no I/O.
"""

from __future__ import annotations

import os
import signal
import threading

from collections.abc import Callable, Iterable
from pathlib import Path
from queue import Empty, SimpleQueue
from types import FrameType
from typing import Final

from mohflow.diagnostics import complain


SETTLE: Final = 0.2
"""Seconds that a changed file must stay as it is: an editor may be writing."""

_STOP: Final = "stop"
_LOOK: Final = "look"

Sight = tuple[tuple[int, ...] | None, ...]
"""What changes when a file is written, replaced, or reached by another link;
``None`` for a file that is not there."""


def sight(paths: Iterable[Path]) -> Sight:
    """Return how the files look now, through all links."""
    return tuple(map(_identity, paths))


def _identity(path: Path) -> tuple[int, ...] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return (
        found.st_dev,
        found.st_ino,
        found.st_size,
        found.st_mtime_ns,
        found.st_ctime_ns,
    )


class Lookout:
    """Decide, from what is seen at each look, when to read again."""

    def __init__(self) -> None:
        self._known: Sight | None = None
        self._unsettled: Sight | None = None

    def wait(self, interval: float) -> float:
        """Return the seconds until the next look."""
        return interval if self._unsettled is None else min(SETTLE, interval)

    def is_due(self, seen: Sight) -> bool:
        """Return whether the files have changed, and have settled since."""
        if seen == self._known:
            self._unsettled = None
        elif seen == self._unsettled:
            self.read(seen)
            return True
        else:
            self._unsettled = seen
        return False

    def read(self, seen: Sight) -> None:
        """Note that the files are read as they are in *seen*."""
        self._known, self._unsettled = seen, None


class Watcher:
    """
    Call *reload* after a change of the files, or SIGHUP.

    Args:
        files: Returns the files; asked before each look.
        reload: Reads them; raises nothing.
    """

    def __init__(
        self,
        files: Callable[[], list[Path]],
        reload: Callable[[], object],
    ) -> None:
        self._files = files
        self._reload = reload
        self._interval = 0.0
        self._lookout = Lookout()
        # Its put() may be called by a signal handler at any time.
        self._bell: SimpleQueue[str] = SimpleQueue()
        self._thread: threading.Thread | None = None

    def start(self, interval: float) -> None:
        """Look each *interval* seconds from now on."""
        self._interval = interval
        if self._thread is None:
            self._lookout = Lookout()
            self._begin()
        if _may_handle_sighup():
            signal.signal(signal.SIGHUP, self._on_sighup)

    def stop(self) -> None:
        """Look no more, and give SIGHUP back if it still is ours."""
        if self._thread is not None:
            self._thread = None
            self._bell.put(_STOP)
        if _is_main() and signal.getsignal(signal.SIGHUP) == self._on_sighup:
            signal.signal(signal.SIGHUP, signal.SIG_DFL)

    def after_fork(self) -> None:
        """Look in the child, too: threads stay with the parent."""
        if self._thread is not None:
            self._begin()

    def _begin(self) -> None:
        self._bell = SimpleQueue()
        thread = threading.Thread(
            target=self._run,
            args=(self._bell,),
            name="mohflow-watch",
            daemon=True,
        )
        try:
            thread.start()
        except RuntimeError as error:
            complain("watch", f"changed settings go unnoticed: {error}.")
        self._thread = thread

    def _on_sighup(self, number: int, frame: FrameType | None) -> None:
        self._bell.put(_LOOK)

    def _run(self, bell: SimpleQueue[str]) -> None:
        while True:
            try:
                call = bell.get(timeout=self._lookout.wait(self._interval))
            except Empty:
                call = None
            if call == _STOP:
                return
            paths = self._files()
            seen = sight(paths)
            if call == _LOOK or self._lookout.is_due(seen):
                self._lookout.read(seen)
                self._reload()
                if self._files() != paths:
                    # What was just read was not seen before.
                    self._lookout = Lookout()


def _may_handle_sighup() -> bool:
    """
    Return whether SIGHUP is free to mean "read the settings again".

    With a terminal it says that the terminal is gone, and the program should
    end, as it does by default.
    """
    return (
        hasattr(signal, "SIGHUP")
        and _is_main()
        and signal.getsignal(signal.SIGHUP) == signal.SIG_DFL
        and not _has_terminal()
    )


def _is_main() -> bool:
    is_main = threading.current_thread() is threading.main_thread()
    return is_main and hasattr(signal, "SIGHUP")


def _has_terminal() -> bool:
    try:
        os.close(os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY))
    except OSError:
        return False
    return True
