"""Show files: all of them, their last lines, and what is appended."""

from __future__ import annotations

import os
import select
import zlib

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack

from mohflow.cli.view import files, lines, merge, output, workers
from mohflow.cli.view.files import Source
from mohflow.cli.view.follow import Followed
from mohflow.cli.view.text import Writer


INTERVAL = 200
"""Milliseconds between two looks at files that do not grow."""


class Show:
    """
    Show files on one descriptor.

    Args:
        writer: Chooses events and gives them their look.
        descriptor: What is written to, each block of lines at once.
    """

    def __init__(self, writer: Writer, descriptor: int) -> None:
        self.failures: list[str] = []
        """What could not be read to its end, and why."""
        self._texts = writer.texts
        self._descriptor = descriptor

    def everything(self, name: str) -> None:
        """Show all of a file."""
        with files.opened(name) as source:
            self._all(source, source.size)

    def last(self, names: Sequence[str], count: int) -> None:
        """Show the last *count* events of files that follow each other."""
        found: deque[bytes] = deque()
        for name in reversed(names):
            with files.opened(name) as source:
                self._prepend(found, source, source.size, count)
        self._write(list(found))

    def merged(self, names: Sequence[str], count: int | None) -> None:
        """Show all or the last *count* events of files, ordered by time."""
        found: deque[bytes] = deque(maxlen=count)
        with ExitStack() as stack:
            opened = [stack.enter_context(files.opened(n)) for n in names]
            for block in merge.merged([self._forwards(s) for s in opened]):
                found += self._texts(block)
                if count is None:
                    self._write(list(found))
                    found.clear()
        self._write(list(found))

    def follow(self, names: Sequence[str], count: int | None) -> None:
        """Show the last *count* events, or all, then what is appended."""
        found: deque[bytes] = deque()
        followed = []
        for name in names:
            with files.opened(name) as source:
                if source.size is None or name == files.STDIN:
                    self._all(source, source.size)
                    continue
                end = lines.end_of_lines(source.descriptor)
                if count is None:
                    self._all(source, end)
                else:
                    recent: deque[bytes] = deque()
                    self._prepend(recent, source, end, count)
                    found += recent
                descriptor = os.dup(source.descriptor)
                followed.append(Followed(name, descriptor, end))
        self._write(list(found)[-count:] if count else [])
        self._wait_for_more(followed)

    def _wait_for_more(self, followed: list[Followed]) -> None:
        poll = select.poll()
        # Reports, without being asked, that nobody reads any more.
        poll.register(self._descriptor, 0)
        while followed:
            is_idle = True
            for file in followed:
                if new := file.lines():
                    self._write(self._texts(new))
                    is_idle = False
            if is_idle and poll.poll(INTERVAL):
                raise BrokenPipeError

    def _all(self, source: Source, size: int | None) -> None:
        if size is None:
            for block in self._forwards(source):
                self._write(self._texts(block))
            return
        many = workers.count() if size >= workers.WORTH_IT else 1
        if many > 1:
            self._in_parallel(source.descriptor, size, many)
            return
        for block in lines.between(source.descriptor, 0, size):
            self._write(self._texts(block))

    def _forwards(self, source: Source) -> Iterator[lines.Lines]:
        try:
            yield from lines.forwards(files.reader(source))
        except (EOFError, OSError, zlib.error) as error:
            self.failures.append(f"cannot read {source.name!r} on: {error}.")

    def _in_parallel(self, descriptor: int, size: int, many: int) -> None:
        def text(part: int) -> Callable[[], None]:
            start = part * workers.PART
            end = min(start + workers.PART, size)
            texts: list[bytes] = []
            for block in lines.between(descriptor, start, end):
                texts += self._texts(block)
            joined = [b"".join(texts)]
            return lambda: self._write(joined)

        workers.run(many, -(-size // workers.PART), text)

    def _prepend(
        self, found: deque[bytes], source: Source, size: int | None, count: int
    ) -> None:
        """Put the last events of *source* before *found*, up to *count*."""
        missing = count - len(found)
        if missing <= 0:
            return
        if size is not None:
            for block in lines.backwards(source.descriptor, size):
                found.extendleft(reversed(self._texts(block)[-missing:]))
                missing = count - len(found)
                if missing <= 0:
                    return
            return
        recent: deque[bytes] = deque(maxlen=missing)
        for block in self._forwards(source):
            recent += self._texts(block)
        found.extendleft(reversed(recent))

    def _write(self, texts: list[bytes]) -> None:
        if texts:
            output.write(self._descriptor, b"".join(texts))
