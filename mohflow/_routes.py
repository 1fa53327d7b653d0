"""What a pipeline is made of: processors, a short cut, ways to the sinks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from structlog.typing import Processor

from mohflow._event import Event
from mohflow._thresholds import Gate
from mohflow.delivery import Ledger, Sight
from mohflow.diagnostics import complain
from mohflow.typing import Renderer, Sink


class Carrier(Protocol):
    """What brings events to a sink: at once, or through a queue."""

    name: str
    sink: Sink
    ledger: Ledger
    is_queued: bool

    def put(self, event: Event) -> None: ...

    def put_line(
        self, time_ns: int, level: int, fields: Mapping[str, Any], line: bytes
    ) -> None: ...

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


class Steps(NamedTuple):
    """The processors of a configuration, in three parts."""

    before: tuple[Processor, ...]
    """Ours: level, static fields, timestamp."""

    user: tuple[Processor, ...]
    """What was given as ``configure(processors=...)``."""

    after: tuple[Processor, ...]
    """Ours: exceptions, masking. An event that one of them fails on is
    withheld, because it might hold what should have been hidden."""

    def settle(self) -> None:
        """Let the processors write what they have still to say."""
        for step in self.user:
            finish = getattr(step, "finish", None)
            if finish is None:
                continue
            try:
                finish()
            except Exception as error:  # said on stderr
                complain("finish", f"{step!r}.finish() raised {error!r}.")

    def after_fork(self) -> None:
        """Make the child of a fork independent of its parent."""
        for step in self.before + self.user + self.after:
            renew = getattr(step, "after_fork", None)
            if renew is not None:
                renew()


FastPath = Callable[
    [Gate, int, Mapping[str, Any], Any, Mapping[str, Any]], bool
]
"""Takes the gate, the level, the fields that are bound, the event and the
fields of a call; tells whether the event was written. It is tried before the
chain, which must give the same bytes; see :mod:`mohflow._fastpath`."""


def never(*_: Any) -> bool:
    """Leave every call to the chain."""
    return False


def by_renderer(
    routes: Iterable[Route],
) -> tuple[tuple[Renderer, tuple[Route, ...]], ...]:
    """Return the renderers, each with the sinks that want its lines."""
    groups: dict[Renderer, tuple[Route, ...]] = {}
    for route in routes:
        groups[route.render] = (*groups.get(route.render, ()), route)
    return tuple(groups.items())
