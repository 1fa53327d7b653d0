"""
Where the chain, the renderers and the sinks meet.

structlog is given one list of processors, :data:`CHAIN`, for the life of the
process. Its last processor, :data:`STAGE`, reads one reference: the pipeline
that is configured now. An event therefore passes the steps and reaches the
sinks of a single configuration, and loggers that were cached or bound earlier
follow the next one.
"""

from __future__ import annotations

import time
import weakref

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Self

from structlog import DropEvent
from structlog.typing import EventDict, Processor

from mohflow._event import Event
from mohflow._faults import run_contained, withheld
from mohflow._finish import in_order, number_of, settle_time
from mohflow._levels import NUMBERS, WARNING, level_name
from mohflow._routes import FastPath, Route, Steps, by_renderer, never
from mohflow._thresholds import Gate, Thresholds
from mohflow.delivery import LedgerSnapshot
from mohflow.diagnostics import complain
from mohflow.processors.context import merge_contextvars
from mohflow.processors.timestamp import SECOND
from mohflow.settings import Settings


OWN = "mohflow"
"""The logger of the events that we make."""


class Pipeline:
    """
    One configuration at work: the steps of the chain, and the sinks.

    Args:
        steps: The processors, in three parts.
        routes: The sinks.
        watch: Called once a second at most, while events are written.
        shutdown: Called at the end of ``with mohflow.configure():``; the
            pipelines of one ``configure()`` share it.
    """

    def __init__(
        self,
        steps: Steps,
        routes: Sequence[Route],
        watch: Callable[[], None] = lambda: None,
        shutdown: Callable[[], object] = lambda: None,
    ) -> None:
        self.steps = steps
        self.routes = tuple(routes)
        self.fast: FastPath = never
        self.settings: Settings | None = None
        self._watch = watch
        self._shutdown = shutdown
        self._watched_ns = 0
        self.groups = by_renderer(self.routes)
        self._needs = [
            step.needs_level
            for step in steps.user
            if hasattr(step, "needs_level")
        ]
        for index, step in enumerate(steps.user, 1):
            attach = getattr(step, "attach", None)
            if attach is not None:
                # A pipeline that is replaced ends with its last call.
                attach(partial(_write_later, weakref.ref(self), index))

    def __repr__(self) -> str:
        sinks = ", ".join(route.delivery.name for route in self.routes)
        return f"<Pipeline(sinks=[{sinks}], steps={self.steps!r})>"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Shut down, unless another configuration has taken over."""
        if STAGE.pipeline._shutdown is self._shutdown:  # noqa: SLF001 - ours
            self._shutdown()

    def process(
        self, output: Gate, method_name: str, event_dict: EventDict
    ) -> Event:
        """
        Return the finished event, masked and plain.

        Raises:
            structlog.DropEvent: A processor of the user dropped the event.
        """
        steps = self.steps
        event_dict = run_contained(
            steps.before + steps.user, output, method_name, event_dict
        )
        if not self.is_wanted(output, number_of(event_dict, method_name)):
            raise DropEvent
        return self.finish(settle_time(event_dict), event_dict, method_name)

    def is_wanted(self, gate: Gate, number: int) -> bool:
        """
        Return whether a sink may want an event of level *number*.

        Others are made for a processor that needs to see them.
        """
        return not self._needs or any(
            number >= (gate.inherited if route.level is None else route.level)
            for route in self.routes
        )

    def finish(
        self, time_ns: int, event_dict: EventDict, method_name: str
    ) -> Event:
        """Return the event of what the processors of the user have left."""
        number = number_of(event_dict, method_name)
        try:
            for step in self.steps.after:
                event_dict = step(None, method_name, event_dict)  # type: ignore[assignment]
        except Exception as error:  # the line says so, and stderr
            event_dict = withheld(event_dict, error)
        return Event(time_ns, number, in_order(event_dict, method_name))

    @property
    def levels(self) -> list[int | None]:
        """The sinks' own levels, and those that processors need to see."""
        return [route.level for route in self.routes] + self._needs

    def write_later(
        self, position: int, gate: Any, fields: Any, *, unwanted: bool = False
    ) -> None:
        """
        Write what the step before *position* has kept back, or has made.

        What was *unwanted* goes to the sinks that have no level of their own:
        the others have got it before, or do not want it.
        """
        steps = self.steps.user[position:]
        gate = gate if isinstance(gate, Gate) else THRESHOLDS.gate_of(OWN)
        name = fields.get("level", level_name(WARNING))
        if "timestamp" not in fields:
            steps = self.steps.before + steps
            fields = {k: v for k, v in fields.items() if k != "level"}
        try:
            fields = run_contained(steps, gate, name, fields)
        except DropEvent:
            return
        event = self.finish(settle_time(fields), fields, name)
        self.write(event, gate, unwanted=unwanted)

    def write(
        self, event: Event, gate: Gate, *, unwanted: bool = False
    ) -> None:
        """
        Render *event* once for each format and hand it to the sinks.

        One that was *unwanted* goes to those that follow the level of *gate*,
        now whatever its level, and to no other.
        """
        self.look(event.time_ns)
        for render, routes in self.groups:
            rendered = None
            for route in routes:
                level = gate.inherited if route.level is None else route.level
                if route.level is None if unwanted else event.level >= level:
                    if rendered is None:
                        line = render(None, "", dict(event.fields))
                        rendered = Event(
                            event.time_ns, event.level, event.fields, line
                        )
                    route.delivery.put(rendered)

    def look(self, time_ns: int) -> None:
        """Look after the surroundings, once a second at most."""
        if time_ns - self._watched_ns > SECOND:
            self._watched_ns = time_ns
            self._watch()

    def flush(self, timeout: float) -> bool:
        """Return whether all that was accepted is settled in *timeout* s."""
        deadline = time.monotonic() + timeout
        for route in self.routes:
            route.delivery.expedite()
        return all([route.delivery.flush(deadline) for route in self.routes])

    def close(self, timeout: float) -> dict[str, LedgerSnapshot]:
        """Deliver what can be in *timeout* seconds, and close the sinks."""
        deadline = time.monotonic() + timeout
        self.steps.settle()
        for route in self.routes:
            route.delivery.expedite()
        for route in self.routes:
            route.delivery.close(deadline)
        return self.ledger()

    def ledger(self) -> dict[str, LedgerSnapshot]:
        """Return the counts of each sink, by its name."""
        return {
            route.delivery.name: route.delivery.ledger.snapshot()
            for route in self.routes
        }

    @property
    def masked(self) -> dict[str, int]:
        """Return how often each masking rule has hidden something."""
        counts: Counter[str] = Counter()
        for step in self.steps.after:
            counts.update(getattr(step, "counts", {}))
        return dict(counts)

    @property
    def complaints(self) -> dict[str, int]:
        """Return how often each kind of fault was met, said or held back."""
        return complain.counts()

    def after_fork(self) -> None:
        """Make the child of a fork independent of its parent."""
        self.steps.after_fork()
        for route in self.routes:
            route.delivery.after_fork()


def _write_later(
    of: weakref.ref[Pipeline],
    position: int,
    gate: Any,
    fields: Any,
    *,
    unwanted: bool = False,
) -> None:
    pipeline = of()
    if pipeline is not None:
        pipeline.write_later(position, gate, fields, unwanted=unwanted)


class Output(Gate):
    """The wrapped logger of structlog: where an event leaves the chain."""

    __slots__ = ()

    def msg(self, event: Any = None, *rest: Any, **fields: Any) -> None:
        """Hand over what the last processor of the chain returned."""
        if isinstance(event, Event):
            rest[0].write(event, self)
        else:
            self._foreign("info", event, fields)

    trace = debug = info = warning = error = critical = msg

    def _foreign(self, method_name: str, event: Any, fields: Any) -> None:
        """Take the line of a chain that does not end in ours."""
        (finished, pipeline), _ = STAGE(
            self, method_name, {**fields, "event": event}
        )
        pipeline.write(finished, self)

    def __reduce__(self) -> tuple[Any, ...]:
        return THRESHOLDS.gate_of, (self.name,)


class Stage:
    """The last processor: runs the steps of the pipeline of this moment."""

    def __init__(self, pipeline: Pipeline) -> None:
        self.pipeline = pipeline

    def __repr__(self) -> str:
        return f"<Stage({self.pipeline!r})>"

    def __call__(
        self, logger: Any, method_name: str, event_dict: EventDict
    ) -> tuple[tuple[Event, Pipeline], dict[str, Any]]:
        pipeline = self.pipeline
        if isinstance(logger, Output):
            event = pipeline.process(logger, method_name, event_dict)
            return (event, pipeline), {}
        # A logger that was bound before we were configured.
        output = THRESHOLDS.gate_of(None)
        if NUMBERS.get(method_name, 0) >= output.level:
            event = pipeline.process(output, method_name, event_dict)
            pipeline.write(event, output)
        raise DropEvent


THRESHOLDS = Thresholds(Output)
"""The level rules of this process."""

STAGE = Stage(Pipeline(Steps((), (), ()), ()))
"""The one reference that a new configuration replaces."""

CHAIN: list[Processor] = [merge_contextvars, STAGE]
"""The list that structlog holds for the life of the process."""
