"""The contract of a sink, as a suite that its author runs in one test."""

from __future__ import annotations

import copy
import json
import threading
import time

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from typing import Any, NoReturn

from pydantic import SecretBytes, SecretStr

from mohflow._event import Event
from mohflow.exceptions import Rejected, SinkError, Unavailable
from mohflow.typing import Limits, Partial, Sink


ATTRIBUTE_DEPTH = 4
"""How deep secrets are looked for below a sink."""

GRACE = 1.0
"""Seconds that a thread has to end, as that of a server in the process."""

MakeSink = Callable[[], Sink]


def check_sink(
    make_sink: MakeSink,
    *,
    make_broken: MakeSink | None = None,
    read_back: Callable[[], Iterable[bytes]] | None = None,
) -> None:
    """
    Check that sinks keep the contract of :class:`mohflow.Sink`.

    Args:
        make_sink: Makes a sink whose destination works, and takes the events
            of a test.
        make_broken: Makes one whose destination cannot be reached.
        read_back: Returns the lines that the destination has, as bytes with
            or without their newlines.

    Raises:
        AssertionError: A sentence says which part is not kept.
    """
    for check in (_limits, _partition, _threads, _lifecycle, _fork, _secrets):
        _with_sink(make_sink, check)
    _with_sink(make_sink, lambda sink: _writes(sink, read_back))
    if make_broken is not None:
        _with_sink(make_broken, _broken)


def _with_sink(make: MakeSink, check: Callable[[Sink], None]) -> None:
    before = set(threading.enumerate())
    sink = make()
    if not isinstance(sink, Sink):
        _fail(f"{sink!r} is not a mohflow.Sink")
    started = set(threading.enumerate()) - before
    if started:
        _fail(f"{_name(sink)} starts a thread when it is made: {started}")
    try:
        check(sink)
    finally:
        sink.close()


def _limits(sink: Sink) -> None:
    limits = sink.limits
    if not isinstance(limits, Limits):
        _fail(f"{_name(sink)}.limits is not mohflow.Limits: {limits!r}")
    if limits.max_events < 1 or limits.max_bytes < 1:
        _fail(f"{_name(sink)}.limits leave no room for an event: {limits}")
    if limits.max_age < 0:
        _fail(f"{_name(sink)}.limits.max_age is negative: {limits}")


def _partition(sink: Sink) -> None:
    event, same = next(_events(1)), next(_events(1))
    key = sink.partition(event)
    if not isinstance(key, Hashable):
        _fail(f"{_name(sink)}.partition() returns what has no hash: {key!r}")
    again = sink.partition(Event(event.time_ns, 20, event.fields, event.line))
    if key != again or hash(key) != hash(again):
        _fail(
            f"{_name(sink)}.partition() returns two keys for equal events: "
            f"{key!r} and {again!r}"
        )
    if sink.partition(same) != key:
        _fail(
            f"{_name(sink)}.partition() keeps events apart that differ in "
            "their time only, so no batch ever has two"
        )


def _threads(sink: Sink) -> None:
    before = set(threading.enumerate())
    _write(sink, list(_events(1)))
    sink.close()
    left = [t for t in threading.enumerate() if t not in before]
    for thread in left:
        thread.join(GRACE)
    if any(thread.is_alive() for thread in left):
        _fail(f"{_name(sink)} leaves threads behind after close(): {left}")


def _lifecycle(sink: Sink) -> None:
    sink.check()
    _write(sink, list(_events(1)))
    sink.close()
    sink.close()
    batch = list(_events(1))
    try:
        sink.write(batch)
    except Unavailable:
        return
    except Exception as error:  # noted in the failure
        _fail(
            f"{_name(sink)}.write() after close() must work or raise "
            f"Unavailable, and raises {error!r}"
        )


def _fork(sink: Sink) -> None:
    _write(sink, list(_events(1)))
    sink.after_fork()
    _write(sink, list(_events(1)))


def _writes(
    sink: Sink, read_back: Callable[[], Iterable[bytes]] | None
) -> None:
    written = []
    for count in (1, 3, min(50, sink.limits.max_events)):
        batch = list(_events(count))
        before = copy.deepcopy(batch)
        _write(sink, batch)
        if batch != before:
            _fail(f"{_name(sink)}.write() changes the events it is given")
        written += batch
    sink.close()
    if read_back is not None:
        stored = [line.rstrip(b"\n") for line in read_back()]
        for event in written:
            times = stored.count(event.line.rstrip(b"\n"))
            if times != 1:
                _fail(
                    f"{_name(sink)} was given {event.line!r} once, and the "
                    f"destination has it {times} times"
                )


def _broken(sink: Sink) -> None:
    batch = list(_events(2))
    try:
        result = sink.write(batch)
    except SinkError as error:
        _check_error(sink, error)
    except Exception as error:  # noted in the failure
        _fail(
            f"{_name(sink)}.write() must raise Unavailable or Rejected when "
            f"the destination cannot be reached, and raises {error!r}"
        )
    else:
        _fail(
            f"{_name(sink)}.write() returns {result!r} although the "
            "destination cannot be reached"
        )


def _check_error(sink: Sink, error: SinkError) -> None:
    if not isinstance(error, Unavailable | Rejected):
        _fail(f"{error!r} is neither Unavailable nor Rejected")
    if not error.reason:
        _fail(f"{error!r} has no reason to count it under")
    _check_text(sink, f"{error} {error.reason}", "an error of write()")
    try:
        sink.check()
    except Exception as found:  # noted in the failure
        _check_text(sink, f"{found!r} {found}", "an error of check()")
    else:
        _fail(
            f"{_name(sink)}.check() says nothing although the destination "
            "cannot be reached"
        )


def _secrets(sink: Sink) -> None:
    _check_text(sink, f"{sink!r} {sink}", "its repr")


def _check_text(sink: Sink, text: str, place: str) -> None:
    for secret in _secrets_of(sink):
        if secret and secret in text:
            _fail(f"{_name(sink)} shows a secret of its options in {place}")


def _secrets_of(value: Any, depth: int = ATTRIBUTE_DEPTH) -> Iterator[str]:
    """Yield the secrets in the attributes of *value*."""
    if isinstance(value, SecretStr):
        yield value.get_secret_value()
    elif isinstance(value, SecretBytes):
        yield value.get_secret_value().decode("utf-8", "replace")
    elif depth > 0:
        if isinstance(value, dict):
            parts: Iterable[Any] = value.values()
        elif isinstance(value, list | tuple):
            parts = value
        else:
            parts = getattr(value, "__dict__", {}).values()
        # A copy: the sink's own thread may be at work.
        for part in list(parts):
            yield from _secrets_of(part, depth - 1)


def _write(sink: Sink, batch: Sequence[Event]) -> None:
    """Write *batch*, which the destination has no reason to refuse."""
    try:
        result = sink.write(batch)
    except Exception as error:  # noted in the failure
        _fail(
            f"{_name(sink)}.write() raises {error!r} for {len(batch)} events "
            "that the destination should take"
        )
    if result is not None and not isinstance(result, Partial):
        _fail(
            f"{_name(sink)}.write() must return None or Partial, and returns "
            f"{result!r}"
        )
    if result is not None and (result.retry or result.rejected):
        _fail(
            f"{_name(sink)}.write() does not store all of {len(batch)} "
            f"events that the destination should take: {result!r}"
        )


def _events(count: int) -> Iterator[Event]:
    """Yield events with nested fields and text beyond ASCII."""
    for number in range(count):
        now = time.time_ns()
        fields = {
            "level": "info",
            "event": "a check of the contract: ěšč 🐎",
            "logger": "mohflow.testing",
            "id": f"{now}-{number}",
            "nested": {"list": [1, 2.5, None, True]},
        }
        line = json.dumps(fields, ensure_ascii=False).encode() + b"\n"
        yield Event(now, 20, fields, line)


def _name(sink: Sink) -> str:
    return type(sink).__name__


def _fail(sentence: str) -> NoReturn:
    raise AssertionError(sentence) from None
