"""Write to a terminal, a pager, a pipe or a file."""

from __future__ import annotations

import os
import select
import shlex
import shutil
import subprocess
import sys

from collections.abc import Iterator
from contextlib import contextmanager, suppress


def write(descriptor: int, text: bytes) -> None:
    """Write all of *text*."""
    data = memoryview(text)
    while data:
        try:
            data = data[os.write(descriptor, data) :]
        except BlockingIOError:
            # Somebody who shares the terminal has made it non-blocking.
            select.select([], [descriptor], [])


@contextmanager
def paged() -> Iterator[int]:
    """
    Start a pager; yield the descriptor of what it reads.

    It is ``PAGER``, or ``less``, which gets the options that git gives it:
    ``LESS=FRX`` and ``LV=-c`` unless they are set. Without one, with an empty
    one and with ``cat``, it is stdout.
    """
    command = shlex.split(os.environ.get("PAGER", "less"))
    program = shutil.which(command[0]) if command else None
    if program is None or command == ["cat"]:
        yield sys.stdout.fileno()
        return
    environ = {"LESS": "FRX", "LV": "-c", **os.environ}
    with (
        subprocess.Popen(  # noqa: S603 - the command of the user
            [program, *command[1:]], stdin=subprocess.PIPE, env=environ
        ) as pager
    ):
        assert pager.stdin is not None  # noqa: S101 - it is a pipe
        try:
            yield pager.stdin.fileno()
        finally:
            with suppress(BrokenPipeError):
                pager.stdin.close()
            _wait(pager)


def _wait(pager: subprocess.Popen[bytes]) -> None:
    """Wait for the pager, which a Ctrl-C does not end."""
    while True:
        with suppress(KeyboardInterrupt):
            pager.wait()
            return
