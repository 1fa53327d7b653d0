"""
The default chain as one function, for the events that most programs log.

It writes the same bytes as the chain or does nothing; then the chain takes
the call. It takes what needs no conversion: fields with names that the chain
has met before, whose values are short texts, numbers, booleans and ``None``,
and no exception. What it does not take costs a few comparisons. This is the
one place where cleverness is allowed.
"""

from __future__ import annotations

import sys

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import orjson

from mohflow._emit import THREAD, lost
from mohflow._event import Event
from mohflow._levels import STANDARD
from mohflow._pipeline import (
    CHAIN,
    THRESHOLDS,
    FastPath,
    Pipeline,
    Route,
    never,
)
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
from mohflow.processors.timestamp import AddTimestamp, utc_text
from mohflow.typing import Renderer


MAX_NAMES = 4096
"""Names of fields that are remembered; beyond it the chain takes new ones."""

MAX_TEXT = 4096
"""Characters of the texts that are taken."""

MAX_NUMBER = 10**12
"""A larger number may be that of a card."""

RESERVED = frozenset(
    {
        "event",
        "exc_info",
        "level",
        "level_number",
        "logger",
        "stack_info",
        "timestamp",
    }
)
"""Names of fields that mean more than what they say."""

_WHOLE_CHAIN = list(CHAIN)
_BEGIN_JSON = frozenset("{[ \t\n\r\v\f")

Fields = dict[str, Any]
Values = Mapping[str, Any]
Put = Callable[[Event], None]
Append = Callable[[int, bytes], None]


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
    if kinds != expected or steps.user:
        return never
    static, stamp = steps.before[2], steps.before[4]
    hide = steps.after[1]
    assert isinstance(static, StaticFields)  # noqa: S101 - tells the type checker
    assert isinstance(stamp, AddTimestamp)  # noqa: S101 - as above
    check = _masked(hide) if isinstance(hide, Masker) else _plain()
    names = _Names(hide if isinstance(hide, Masker) else None)
    return _fused(
        _assembled(static.fields, names, check),
        stamp.now,
        _written(pipeline),
    )


def _fused(
    assemble: Callable[[Gate, Values, str, Values], Fields | None],
    now: Callable[[], int],
    write: Callable[[Gate, int, int, Fields], None],
) -> FastPath:
    """Return what tries a call, guarded as the chain is."""

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
            try:
                fields = assemble(gate, context, event, values)
            except Exception:  # the chain contains it and tells
                return False
            if fields is None:
                return False
            time_ns = now()
            fields["timestamp"] = utc_text(time_ns)
            fields["level"] = STANDARD[number]
            try:
                write(gate, number, time_ns, fields)
            except Exception as error:  # said on stderr
                lost(error)
        finally:
            activity.is_busy = False
            # After that line a signal handler waits for nobody.
            if activity.deferred or activity.when_idle:
                activity.finish()
        return True

    return run


class _Names:
    """The names of fields that are written as they are, masked by nobody."""

    def __init__(self, masker: Masker | None) -> None:
        self.known: set[str] = set()
        self._masker = masker

    def learn(self, names: Iterable[str]) -> bool:
        """Return whether all *names* are, or now get, known."""
        return all(map(self._is_known, names))

    def _is_known(self, name: str) -> bool:
        if name in self.known:
            return True
        if (
            type(name) is not str
            or name in RESERVED
            or not name.isascii()
            or len(name) > 128
            or len(self.known) >= MAX_NAMES
        ):
            return False
        masker = self._masker
        # That the text of the name is clean is for the chain to find out.
        if masker and (name not in masker.clean or masker.is_secret(name)):
            return False
        self.known.add(name)
        return True


def _assembled(
    static: Values, names: _Names, check: Callable[[Fields], bool]
) -> Callable[[Gate, Values, str, Values], Fields | None]:
    """Return what makes the fields of a call, in their final order."""
    first = [(name, static.get(name)) for name in ("service", "environment")]
    knows, learn = names.known.issuperset, names.learn
    modules = sys.modules

    def assemble(
        gate: Gate, context: Values, event: str, values: Values
    ) -> Fields | None:
        bound = context_fields()
        if not (knows(values) and knows(context) and knows(bound)):
            for part in (values, context, bound):
                if not learn(part):
                    return None
        # The first two take their place now and their value later.
        fields: Fields = {"timestamp": None, "level": None, "event": event}
        if gate.name:
            fields["logger"] = None
        for name, value in first:
            if (
                value is not None
                or name in values
                or name in context
                or name in bound
            ):
                fields[name] = value
        fields.update(bound)
        fields.update(context)
        fields.update(values)
        if "opentelemetry.trace" in modules:
            for name, value in add_trace_ids(None, "", {}).items():
                fields.setdefault(name, value)
        if not check(fields):
            return None
        if gate.name:
            fields["logger"] = gate.name
        return fields

    return assemble


def _masked(masker: Masker) -> Callable[[Fields], bool]:
    """Return what masks texts in place, unless there is more to be done."""
    mask = masker.text

    def check(fields: Fields) -> bool:
        clean = masker.clean
        new: list[str] = []
        for name, value in fields.items():
            kind = type(value)
            if kind is str:
                if value not in clean:
                    if len(value) > MAX_TEXT or value[:1] in _BEGIN_JSON:
                        return False
                    new.append(name)
            elif kind is int or kind is float:
                if not -MAX_NUMBER < value < MAX_NUMBER:
                    return False
            elif value is not None and kind is not bool:
                return False
        # Only now, because masking counts what it hides.
        for name in new:
            fields[name] = mask(fields[name])
        return True

    return check


def _plain() -> Callable[[Fields], bool]:
    """Return what tells whether all values are plain."""

    def check(fields: Fields) -> bool:
        for value in fields.values():
            kind = type(value)
            if kind is str:
                if len(value) > MAX_TEXT:
                    return False
                if not value.isascii():
                    value.encode()  # raises if a lone surrogate is in it
            elif kind is int or kind is float:
                if not -MAX_NUMBER < value < MAX_NUMBER:
                    return False
            elif value is not None and kind is not bool:
                return False
        return True

    return check


def _written(
    pipeline: Pipeline,
) -> Callable[[Gate, int, int, Fields], None]:
    """Return what renders an event and hands it to the sinks."""
    groups = [
        (render, _json_limit(render), [_end(route) for route in routes])
        for render, routes in pipeline.groups
    ]
    dumps = orjson.dumps

    def write(gate: Gate, number: int, time_ns: int, fields: Fields) -> None:
        pipeline.look(time_ns)
        for render, limit, ends in groups:
            line = None
            for level, put, append in ends:
                if number < (gate.inherited if level is None else level):
                    continue
                if line is None:
                    if limit:
                        line = dumps(fields, None, LINE)
                    if line is None or len(line) > limit:
                        line = render(None, "", dict(fields))
                if append is None:
                    put(Event(time_ns, number, fields, line))
                else:
                    append(time_ns, line)

    return write


def _json_limit(render: Renderer) -> int:
    """Return how long the JSON of *render* may be; 0 if it is no JSON."""
    if (
        isinstance(render, LineLimit)
        and type(render.renderer) is JsonRenderer
    ):
        return render.max_line_bytes
    return 0


def _end(route: Route) -> tuple[int | None, Put, Append | None]:
    """Return the level of a sink, what takes an event, what takes a line."""
    delivery = route.delivery
    append = getattr(delivery, "append", None)
    takes_lines = hasattr(delivery.sink, "append")
    return route.level, delivery.put, append if takes_lines else None
