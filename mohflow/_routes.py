"""What a pipeline is made of: the processors, and the ways to the sinks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from structlog.typing import Processor

from mohflow._event import Event
from mohflow.delivery import Ledger, Sight
from mohflow.typing import Renderer, Sink


class Carrier(Protocol):
    """What brings events to a sink: at once, or through a queue."""

    name: str
    sink: Sink
    ledger: Ledger
    is_queued: bool

    def put(self, event: Event) -> None: ...

    def expedite(self) -> int: ...

    def flush(self, deadline: float) -> bool: ...

    def close(self, deadline: float) -> None: ...

    def look(self) -> Sight: ...

    def after_fork(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Route:
    """One sink, with its own level and its own format."""

    delivery: Carrier
    render: Renderer
    level: int | None = None
    """``None``: the level of the logger."""

    made_of: object = None
    """Equal for deliveries that do the same; such a one can go on."""


@dataclass(frozen=True, slots=True)
class Steps:
    """The processors of a configuration, in three parts."""

    before: tuple[Processor, ...]
    """Ours: level, static fields, timestamp."""

    user: tuple[Processor, ...]
    """What was given as ``configure(processors=...)``."""

    after: tuple[Processor, ...]
    """Ours: exceptions, masking. An event that one of them fails on is
    withheld, because it might hold what should have been hidden."""


def by_renderer(
    routes: Iterable[Route],
) -> tuple[tuple[Renderer, tuple[Route, ...]], ...]:
    groups: dict[Renderer, tuple[Route, ...]] = {}
    for route in routes:
        groups[route.render] = (*groups.get(route.render, ()), route)
    return tuple(groups.items())
