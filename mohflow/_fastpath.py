"""
The default chain as one function, for the events that most programs log.

It writes the same bytes as the chain or does nothing; then the chain takes
the call. It takes what needs no conversion: fields with names that the chain
has met before, whose values are short texts, numbers, booleans and ``None``,
and no exception. What it does not take costs a few comparisons. This is the
one place where cleverness is allowed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from orjson import dumps
from structlog import DropEvent
from structlog.typing import EventDict

from mohflow._emit import THREAD, catch_up, lost
from mohflow._event import Event
from mohflow._fastpath_fields import (
    RESERVED,
    Assemble,
    Check,
    Fields,
    Finish,
    Names,
    Values,
    assembling,
    checking,
    finishing,
)
from mohflow._faults import run_contained
from mohflow._finish import number_of, settle_time
from mohflow._levels import STANDARD
from mohflow._pipeline import CHAIN, THRESHOLDS, Pipeline
from mohflow._routes import FastPath, Route, never
from mohflow._thresholds import Gate
from mohflow.processors.context import (
    StaticFields,
    add_logger_name,
    add_trace_ids,
    context_fields,
)
from mohflow.processors.errors import StructuredExceptions
from mohflow.processors.level import add_level
from mohflow.processors.limits import LineLimit
from mohflow.processors.masking import Masker
from mohflow.processors.plain import Plain
from mohflow.processors.render import LINE, JsonRenderer
from mohflow.processors.timestamp import (
    SECOND,
    AddTimestamp,
    Timestamp,
    utc_text,
)
from mohflow.typing import Renderer


_WHOLE_CHAIN = list(CHAIN)
Put = Callable[[Event], None]
PutLine = Callable[[int, int, Fields, bytes], None]
End = tuple[int | None, Put, PutLine]
Write = Callable[[Gate, int, int, Fields, bytes], None]


def compiled(pipeline: Pipeline) -> FastPath:
    """Return one function for the steps and sinks of *pipeline*, if it can."""
    steps = pipeline.steps
    kinds = [type(step) for step in (*steps.before, *steps.after)]
    masks = kinds[-1:] == [Masker]
    expected = [
        type(add_level),
        type(add_logger_name),
        StaticFields,
        type(add_trace_ids),
        AddTimestamp,
        StructuredExceptions,
        Masker if masks else Plain,
    ]
    if kinds != expected:
        return never
    static, stamp = steps.before[2], steps.before[4]
    hide = steps.after[1]
    assert isinstance(static, StaticFields)  # noqa: S101 - tells the type checker
    assert isinstance(stamp, AddTimestamp)  # noqa: S101 - as above
    masker = hide if isinstance(hide, Masker) else None
    names = Names(masker)
    check = checking(masker, names)
    write = _written(pipeline)
    if steps.user:
        finish = finishing(names, check)
        return _guarded(_with_user(pipeline, stamp.now, finish, write))
    assemble = assembling(static.fields, names)
    return _guarded(_alone(assemble, check, stamp.now, write))


def _guarded(attempt: FastPath) -> FastPath:
    """Return *attempt*, guarded as the chain is."""

    def run(
        gate: Gate, number: int, context: Values, event: Any, values: Values
    ) -> bool:
        activity = THREAD.activity
        if (
            activity.is_busy
            or CHAIN != _WHOLE_CHAIN
            or type(event) is not str
            or THRESHOLDS.is_temporary
        ):
            return False
        activity.is_busy = True
        try:
            return attempt(gate, number, context, event, values)
        except Exception as error:  # said on stderr
            lost(error)
            return True
        finally:
            # Assigned here, as in emit().
            activity.is_busy = False
            if activity.deferred or activity.when_idle:
                catch_up(activity)

    return run


def _alone(
    assemble: Assemble, check: Check, now: Callable[[], int], write: Write
) -> FastPath:
    """Return the chain without processors of a user."""

    def attempt(
        gate: Gate, number: int, context: Values, event: Any, values: Values
    ) -> bool:
        try:
            fields = assemble(gate, context, event, values)
            if fields is None or not check(fields):
                return False
            time_ns = now()
            fields["timestamp"] = utc_text(time_ns)
            fields["level"] = STANDARD[number]
            if gate.name:
                fields["logger"] = gate.name
            line = dumps(fields, None, LINE)
        except Exception:  # the chain contains it and tells
            return False
        write(gate, number, time_ns, fields, line)
        return True

    return attempt


def _with_user(
    pipeline: Pipeline, now: Callable[[], int], finish: Finish, write: Write
) -> FastPath:
    """Return the chain with the processors of a user where they belong."""
    user = pipeline.steps.user
    static = pipeline.steps.before[2]
    is_free = RESERVED.isdisjoint

    def attempt(
        gate: Gate, number: int, context: Values, event: Any, values: Values
    ) -> bool:
        bound, name = context_fields(), STANDARD[number]
        if not (is_free(values) and is_free(context) and is_free(bound)):
            return False
        made: EventDict = {
            **bound,
            **context,
            **values,
            "event": event,
            "level": name,
        }
        if gate.name:
            made["logger"] = gate.name
        add_trace_ids(gate, name, static(gate, name, made))  # type: ignore[arg-type]
        made["timestamp"] = Timestamp.at(now())
        try:
            made = run_contained(user, gate, name, made)
        except DropEvent:
            return True
        number = number_of(made, name)
        if not pipeline.is_wanted(gate, number):
            return True
        time_ns = settle_time(made)
        try:
            fields = finish(made)
            line = dumps(fields, None, LINE)
        except Exception:  # the chain contains it and tells
            fields = None
        if fields is None:
            pipeline.write(pipeline.finish(time_ns, made, name), gate)
        else:
            write(gate, number, time_ns, fields, line)
        return True

    return attempt


def _written(pipeline: Pipeline) -> Write:
    """Return what hands an event to the sinks, given its line of JSON."""
    groups = [
        (render, _json_limit(render), [_end(route) for route in routes])
        for render, routes in pipeline.groups
    ]
    if len(groups) == len(groups[0][2] if groups else ()) == 1:
        return _written_once(pipeline, *groups[0])
    look_at = 0

    def write(
        gate: Gate, number: int, time_ns: int, fields: Fields, json: bytes
    ) -> None:
        nonlocal look_at
        if time_ns > look_at:
            look_at = time_ns + SECOND
            pipeline.look(time_ns)
        for render, limit, ends in groups:
            line = b""
            for level, put, put_line in ends:
                if number < (gate.inherited if level is None else level):
                    continue
                if len(json) <= limit:
                    put_line(time_ns, number, fields, json)
                else:
                    line = line or render(None, "", dict(fields))
                    put(Event(time_ns, number, fields, line))

    return write


def _written_once(
    pipeline: Pipeline, render: Renderer, limit: int, ends: Sequence[End]
) -> Write:
    """Return what hands an event to the only sink."""
    ((own_level, put, put_line),) = ends
    look_at = 0

    def write(
        gate: Gate, number: int, time_ns: int, fields: Fields, json: bytes
    ) -> None:
        nonlocal look_at
        if time_ns > look_at:
            look_at = time_ns + SECOND
            pipeline.look(time_ns)
        if number >= (gate.inherited if own_level is None else own_level):
            if len(json) <= limit:
                put_line(time_ns, number, fields, json)
            else:
                line = render(None, "", dict(fields))
                put(Event(time_ns, number, fields, line))

    return write


def _json_limit(render: Renderer) -> int:
    """Return how long the JSON of *render* may be; 0 if it is no JSON."""
    if isinstance(render, LineLimit) and type(render.renderer) is JsonRenderer:
        return render.max_line_bytes
    return 0


def _end(route: Route) -> End:
    """Return the level of a sink, what takes an event, what takes JSON."""
    return route.level, route.delivery.put, route.delivery.put_line
