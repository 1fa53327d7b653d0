"""
Several processes write one file's events, in their order.

The parts of the file go around: with two workers, the first has part 0, 2, 4.
Each makes the text of its part at once, and writes it when the one before has
written. So nothing is copied between processes, and each holds one part.
"""

from __future__ import annotations

import os
import signal
import traceback

from collections.abc import Callable
from contextlib import suppress
from typing import NoReturn


PART = 4 << 20
"""Bytes of a file that one worker makes text of at a time."""

WORTH_IT = 4 * PART
"""Bytes from which on it is faster than one process."""

MOST = 8

_GO = b"."
_CLOSED_PIPE = 3
_FAILED = 1


def count() -> int:
    """Return how many workers have a processor; 1 where none can be made."""
    if not hasattr(os, "fork"):
        return 1
    affinity = getattr(os, "sched_getaffinity", None)
    processors = len(affinity(0)) if affinity else os.cpu_count() or 1
    return min(processors, MOST)


def run(
    workers: int, parts: int, text: Callable[[int], Callable[[], None]]
) -> None:
    """
    Do *parts* parts of a work with *workers* processes.

    Args:
        workers: At least two.
        parts: Their number.
        text: Called with the number of a part; returns what writes it.

    Raises:
        BrokenPipeError: Nobody reads any more.
        OSError: A worker failed; it has said why.
    """
    pipes = [os.pipe() for _ in range(workers + 1)]
    children = []
    for number in range(workers):
        child = os.fork()
        if child == 0:
            _work(number, workers, parts, pipes, text)
        children.append(child)
    os.write(pipes[0][1], _GO)
    for reading, writing in pipes:
        os.close(writing)
        if reading != pipes[-1][0]:
            os.close(reading)
    try:
        is_done = os.read(pipes[-1][0], 1) == _GO
    except KeyboardInterrupt:
        for child in children:
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGTERM)
        raise
    finally:
        os.close(pipes[-1][0])
        codes = [_code(child) for child in children]
    if _CLOSED_PIPE in codes:
        raise BrokenPipeError
    if not is_done:
        msg = "a worker process has ended early"
        raise OSError(msg)


def _code(child: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _work(
    number: int,
    workers: int,
    parts: int,
    pipes: list[tuple[int, int]],
    text: Callable[[int], Callable[[], None]],
) -> NoReturn:
    """Be worker *number*, and end this process."""
    code = _FAILED
    own, following, result = number, (number + 1) % workers, workers
    for place, (reading, writing) in enumerate(pipes):
        if place != own:
            os.close(reading)
        if place not in (following, result):
            os.close(writing)
    try:
        for part in range(number, parts, workers):
            write = text(part)
            if os.read(pipes[own][0], 1) != _GO:
                break
            write()
            is_last = part == parts - 1
            os.write(pipes[result if is_last else following][1], _GO)
        else:
            code = 0
    except BrokenPipeError:
        code = _CLOSED_PIPE
    except KeyboardInterrupt:
        code = _FAILED
    except Exception:
        # The parent says so too, but knows no more.
        traceback.print_exc()
    finally:
        os._exit(code)
