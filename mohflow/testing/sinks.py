"""Sinks that do as a test wants."""

from __future__ import annotations

import threading

from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any

from mohflow._event import Event
from mohflow.typing import Partial, Sink


class RecordingSink(Sink):
    """Keep everything that is written."""

    def __init__(self) -> None:
        self.batches: list[tuple[Event, ...]] = []
        self.closed = 0
        """How often :meth:`close` was called."""

    @property
    def events(self) -> list[Event]:
        """The events of all batches."""
        return [event for batch in list(self.batches) for event in batch]

    @property
    def fields(self) -> list[dict[str, Any]]:
        """The fields of all events."""
        return [dict(event.fields) for event in self.events]

    def write(self, batch: Sequence[Event]) -> Partial | None:
        self.batches.append(tuple(batch))
        return None

    def close(self) -> None:
        self.closed += 1


class FailingSink(Sink):
    """
    Fail once with each of *errors*, then do as another sink does.

    Args:
        errors: What :meth:`write` raises, or the :class:`~mohflow.Partial`
            that it returns; endless if the iterable is.
        then: Gets the batches after that; a :class:`RecordingSink` if it is
            left out.
    """

    def __init__(
        self,
        errors: Iterable[BaseException | Partial],
        then: Sink | None = None,
    ) -> None:
        self._errors = iter(errors)
        self.then = RecordingSink() if then is None else then
        self.attempts: list[tuple[Event, ...]] = []
        """Every batch that :meth:`write` was called with."""

    def write(self, batch: Sequence[Event]) -> Partial | None:
        self.attempts.append(tuple(batch))
        error = next(self._errors, None)
        if isinstance(error, BaseException):
            raise error
        return self.then.write(batch) if error is None else error

    def close(self) -> None:
        self.then.close()


class SuspendableSink(RecordingSink):
    """Keep what is written, but hold each write back while suspended."""

    def __init__(self, *, suspended: bool = True) -> None:
        super().__init__()
        self.held: deque[tuple[Event, ...]] = deque()
        """The batches that are held back now."""
        self._open = threading.Event()
        self._entered = threading.Event()
        if not suspended:
            self._open.set()

    def suspend(self) -> None:
        """Hold back the writes that follow."""
        self._entered.clear()
        self._open.clear()

    def release(self) -> None:
        """Let writes through, those that are held back first."""
        self._open.set()

    def wait_until_held(self, timeout: float = 5.0) -> bool:
        """Return whether a write is held back, or was, in time."""
        return self._entered.wait(timeout)

    def write(self, batch: Sequence[Event]) -> Partial | None:
        self.held.append(tuple(batch))
        self._entered.set()
        self._open.wait()
        self.held.popleft()
        return super().write(batch)

    def after_fork(self) -> None:
        is_open = self._open.is_set()
        self._open, self._entered = threading.Event(), threading.Event()
        self.held.clear()
        if is_open:
            self._open.set()
