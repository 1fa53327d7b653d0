"""
Several processes write one file's events, in their order.

The parts of the file go around: with two workers, the first has part 0, 2, 4.
Each makes the text of its parts, and writes it when the part before is
written. So nothing is copied between processes. A worker whose turn has not
come goes on, but is never more than ``AHEAD`` parts ahead.
"""

from __future__ import annotations

import gc
import os
import select
import signal
import traceback

from collections import deque
from collections.abc import Callable
from typing import NoReturn


PART = 2 << 20
"""Bytes of a file that one worker makes text of at a time."""

AHEAD = 4
"""Parts whose text a worker holds before it waits for its turn."""

WORTH_IT = 16 << 20
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
            _work(number, range(number, parts, workers), pipes, text)
        children.append(child)
    os.write(pipes[0][1], _GO)
    result = pipes[-1][0]
    _close(pipes, {result})
    try:
        is_done = os.read(result, 1) == _GO
    except KeyboardInterrupt:
        for child in children:
            os.kill(child, signal.SIGTERM)
        raise
    finally:
        os.close(result)
        codes = [_code(child) for child in children]
    if _CLOSED_PIPE in codes:
        raise BrokenPipeError
    if not is_done:
        msg = "a worker process has ended early"
        raise OSError(msg)


def _code(child: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _close(pipes: list[tuple[int, int]], kept: set[int]) -> None:
    for descriptor in {end for pipe in pipes for end in pipe} - kept:
        os.close(descriptor)


def _work(
    number: int,
    parts: range,
    pipes: list[tuple[int, int]],
    text: Callable[[int], Callable[[], None]],
) -> NoReturn:
    """Be worker *number*, and end this process."""
    code = _FAILED
    turn = pipes[number][0]
    following = pipes[(number + 1) % (len(pipes) - 1)][1]
    result = pipes[-1][1]
    _close(pipes, {turn, following, result})
    # To look for cycles among lines, which form none, takes a twentieth.
    gc.disable()
    try:
        _write(parts, text, (turn, following, result))
        code = 0
    except BrokenPipeError:
        code = _CLOSED_PIPE
    except (EOFError, KeyboardInterrupt):
        # Another worker has ended, or all shall.
        pass
    except Exception:
        # The parent says so too, but knows no more.
        traceback.print_exc()
    finally:
        os._exit(code)


def _write(
    parts: range,
    text: Callable[[int], Callable[[], None]],
    ends: tuple[int, int, int],
) -> None:
    """
    Make the text of *parts*, and write each when its turn has come.

    Raises:
        EOFError: Another worker has ended early.
    """
    turn, following, result = ends
    waiting: deque[tuple[int, Callable[[], None]]] = deque()

    def write_next() -> None:
        if os.read(turn, 1) != _GO:
            raise EOFError
        part, write = waiting.popleft()
        write()
        try:
            os.write(result if part == parts.stop - 1 else following, _GO)
        except BrokenPipeError as error:
            # Not for want of a reader of the text: the other has ended.
            raise EOFError from error

    for part in parts:
        waiting.append((part, text(part)))
        while waiting and (len(waiting) > AHEAD or _is_readable(turn)):
            write_next()
    while waiting:
        write_next()


def _is_readable(descriptor: int) -> bool:
    return bool(select.select([descriptor], [], [], 0)[0])
