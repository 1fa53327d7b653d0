"""The contracts between the parts of MohFlow."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal, Protocol

from pydantic import BeforeValidator
from structlog.typing import EventDict, Processor

from mohflow._event import Event
from mohflow._levels import level_number


__all__ = [
    "EventDict",
    "Format",
    "Level",
    "Limits",
    "Partial",
    "Processor",
    "Renderer",
    "Sink",
]


Format = Literal["json", "console", "logfmt", "ecs", "gcp", "otel", "datadog"]
"""The names of the formats that a sink's lines can have."""

Level = Annotated[int | str, BeforeValidator(level_number)]
"""A level in a model of options: a number, or a name in any case; the model
holds the number."""


class Renderer(Protocol):
    """
    A structlog processor that ends a chain: it returns the line as bytes.

    The line ends in exactly one newline. Lines of a text format may hold
    further newlines only where the format is meant for people.
    """

    def __call__(
        self, logger: Any, method_name: str, event_dict: EventDict, /
    ) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Limits:
    """How large one batch of a sink may become."""

    max_events: int = 500
    """Events in a batch."""

    max_bytes: int = 1_000_000
    """Sum of the rendered lines of a batch, in bytes."""

    max_age: float = 1.0
    """Seconds that the first event of a batch waits for company."""


@dataclass(frozen=True, slots=True)
class Partial:
    """What a back end answers that took some events of a batch only."""

    retry: Sequence[Event] = ()
    """Events that were not stored and may be sent again."""

    rejected: Sequence[tuple[Event, str]] = ()
    """Events that will never be stored, each with a reason."""


class Sink:
    """
    A destination of events. A subclass writes one method: :meth:`write`.

    A sink owns no thread, no queue, no timer, no lock and no retry; the
    delivery engine has them. Its methods are called by one thread at a time.
    """

    limits: ClassVar[Limits] = Limits()

    def write(self, batch: Sequence[Event]) -> Partial | None:
        """
        Store *batch*.

        Returns:
            ``None`` when all events are stored, a :class:`Partial` when the
            back end took some of them.

        Raises:
            mohflow.Unavailable: Nothing was stored; it may be tried again.
            mohflow.Rejected: The batch will never be stored.
        """
        raise NotImplementedError

    def partition(self, event: Event) -> Hashable:
        """Return a key; only events with equal keys share a batch."""
        return None

    def check(self) -> str | None:
        """
        Raise if the destination cannot be reached.

        Returns:
            What was found to work, for ``mohflow doctor``; ``None`` if there
            is nothing to say.
        """
        return None

    def after_fork(self) -> None:
        """Give the child of a fork locks and connections of its own."""

    def close(self) -> None:
        """Let go of files and connections; :meth:`write` may reopen them."""
