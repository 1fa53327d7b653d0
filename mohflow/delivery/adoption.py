"""
Whose folder is whose: one process each, and what dead processes left.

Below the folder of a sink every process has a folder of its own, and holds
the ``flock`` on the file ``lock`` in it until it dies. Whoever gets the lock
of another folder knows that its process is dead, and moves its segments, one
``rename`` each; so a segment is in one folder at every instant.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import time

from collections.abc import Iterator
from contextlib import ExitStack
from functools import lru_cache
from itertools import islice
from pathlib import Path
from urllib.parse import quote

from mohflow.delivery import _segment
from mohflow.delivery._files import identify, lock, unlock
from mohflow.delivery._segment_file import SUFFIX, segment_name
from mohflow.diagnostics import complain


LOCK = "lock"
_ATTEMPTS = 10
_AT_ONCE = 100
"""Folders that are taken over in one go; each costs a descriptor."""


def sink_folder(spool_dir: Path, sink: str) -> Path:
    """Return the folder for the sink of that name, whatever is in it."""
    return Path(spool_dir) / quote(sink, safe="").replace(".", "%2E")


class Claim:
    """
    A folder below *folder* that belongs to this process until it dies.

    Raises:
        OSError: It cannot be made, or files cannot be locked there.
    """

    def __init__(self, folder: Path) -> None:
        make_private(folder)
        for _ in range(_ATTEMPTS):
            name = f"{os.getpid()}-{time.time_ns()}-{secrets.token_hex(4)}"
            self.path = folder / name
            os.mkdir(self.path, 0o700)
            if self._take():
                return
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    def _take(self) -> bool:
        """Lock the new folder, unless another process tidied it away."""
        try:
            self._descriptor = _open_lock(self.path)
        except FileNotFoundError:
            return False
        self._identity = identify(os.fstat(self._descriptor))
        if lock(self._descriptor) and self.is_intact():
            return True
        self.leave()
        return False

    def is_intact(self) -> bool:
        """Tell whether the folder is there and nobody can adopt it."""
        try:
            return self._is_open() and _leads_to(self.path, self._descriptor)
        except OSError:
            return False

    def leave(self) -> None:
        """Let others adopt what is in the folder; remove it if it is empty."""
        if self._is_open():
            _leave(self.path, self._descriptor)
        self._descriptor = -1

    def after_fork(self) -> None:
        """
        Let go, in a child, of what belongs to the parent.

        The lock is of the parent and its children together, until each has
        closed its copy; so it must be closed, and must not be unlocked.
        """
        if self._is_open():
            os.close(self._descriptor)
        self._descriptor = -1

    def _is_open(self) -> bool:
        """Tell whether the program has not closed our descriptor."""
        try:
            return identify(os.fstat(self._descriptor)) == self._identity
        except OSError:
            return False


def has_siblings(folder: Path, claim: Claim | None) -> bool:
    """Return whether another process has, or had, a folder in *folder*."""
    own = claim.path.name if claim else None
    return folder.is_dir() and any(name != own for name in os.listdir(folder))


def adopt(own_folder: Path, before: int) -> list[Path]:
    """
    Move the segments of dead processes into *own_folder*.

    Siblings are the folders beside it. What another version wrote stays
    where it is, and stderr is told once.

    Args:
        own_folder: Claimed by this process.
        before: The number that the numbers of the new segments stay below.

    Returns:
        The new paths, in the order of the times of their first records.

    Raises:
        OSError: The folder of all cannot be read.
    """
    moved: list[Path] = []
    with ExitStack() as held:
        dead = list(islice(_dead_folders(own_folder, held), _AT_ONCE))
        found = sorted(
            (time_ns, path)
            for folder in dead
            for time_ns, path in _readable(folder)
        )
        for number, (_, path) in enumerate(found, before - len(found)):
            with _said(path):
                moved.append(path.rename(own_folder / segment_name(number)))
    return moved


def _dead_folders(own_folder: Path, held: ExitStack) -> Iterator[Path]:
    """Yield folders of dead processes, locked until *held* is closed."""
    for folder in sorted(own_folder.parent.iterdir()):
        if folder == own_folder or not folder.is_dir():
            continue
        with _said(folder):
            descriptor = _open_lock(folder)
            if lock(descriptor):
                held.callback(_leave, folder, descriptor)
                yield folder
            else:
                os.close(descriptor)


def _leave(folder: Path, descriptor: int) -> None:
    """Remove *folder* if nothing is left in it, and unlock it."""
    try:
        # A folder that cannot be removed now is removed by the next one.
        with contextlib.suppress(OSError):
            os.unlink(folder / LOCK)
            os.rmdir(folder)
    finally:
        unlock(descriptor)


def _readable(folder: Path) -> Iterator[tuple[int, Path]]:
    """Yield the segments that we can read, each with its first time."""
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        data = b""
        with _said(path), open(path, "rb") as file:
            data = file.read(_segment.HEADER_BYTES)
            if not data:
                # Its process died before it wrote the first record.
                path.unlink()
        header = _segment.decode_header(data)
        if header is not None:
            yield header.time_ns, path
        elif data:
            _say_unknown(path)


@contextlib.contextmanager
def _said(path: Path) -> Iterator[None]:
    """Go on after a fault at *path*; silently if it is gone by now."""
    try:
        yield
    except FileNotFoundError:
        return
    except OSError as error:
        complain(
            f"spool {path}",
            f"cannot take over {str(path)!r} from a dead process: "
            f"{error.strerror}. It stays there.",
        )


@lru_cache(maxsize=1000)
def _say_unknown(path: Path) -> None:
    complain(
        f"spool {path}",
        f"the spool segment {str(path)!r} is damaged, or from another "
        "version. It stays; send it with that version, or delete it.",
    )


def _open_lock(folder: Path) -> int:
    return os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o600)


def _leads_to(folder: Path, descriptor: int) -> bool:
    """Tell whether the lock file is the one that others would lock."""
    try:
        named = os.stat(folder / LOCK)
    except FileNotFoundError:
        return False
    return identify(named) == identify(os.fstat(descriptor))


def make_private(folder: Path) -> None:
    """Make *folder* and its parents, for this user only where new."""
    if not folder.is_dir():
        make_private(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)
