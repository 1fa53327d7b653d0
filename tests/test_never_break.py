"""Nothing that is logged, and nothing that fails, reaches the program."""

from __future__ import annotations

import asyncio
import dataclasses
import decimal
import enum
import gc
import json
import logging
import os
import pathlib
import re
import signal
import threading
import time
import uuid

import numpy
import pydantic
import pytest
import structlog

from hypothesis import given
from hypothesis import strategies as st

import mohflow


class Color(enum.Enum):
    RED = "red"


@dataclasses.dataclass
class Point:
    x: int


class Model(pydantic.BaseModel):
    a: int = 1


def cyclic() -> dict:
    value: dict = {}
    value["self"] = value
    return value


def deep() -> list:
    value: list = []
    for _ in range(1000):
        value = [value]
    return value


VALUES = {
    "an int beyond 64 bit": 2**70,
    "a lone surrogate": "\ud800",
    "a tuple as key": {(1, 2): 3},
    "an int as key": {1: 2},
    "a cycle": cyclic(),
    "depth 1000": deep(),
    "not a number": float("nan"),
    "bytes": b"\xff\x00",
    "a set": {1, 2},
    "a decimal": decimal.Decimal("1.1"),
    "a uuid": uuid.UUID(int=7),
    "a path": pathlib.Path("/tmp"),
    "an enum": Color.RED,
    "a dataclass": Point(1),
    "a model": Model(),
    "a numpy scalar": numpy.float64(1.5),
    "a numpy array": numpy.zeros((2, 2)),
    "an exception": ValueError("x"),
    "a lambda": lambda: None,
    "a generator": (n for n in range(3)),
    "a pattern": re.compile("x"),
    "a lock": threading.Lock(),
}


class Hostile:
    """Raises wherever it can be asked for something."""

    def __repr__(self) -> str:
        raise ZeroDivisionError

    __str__ = __structlog__ = __iter__ = __len__ = __repr__  # type: ignore[assignment]


@pytest.mark.parametrize("masking", [None, False], ids=["masked", "plain"])
@pytest.mark.parametrize("name", VALUES)
def test_any_value_gives_one_line_and_the_other_fields_stay(
    log_file, name, masking
) -> None:
    log_file.configure(masking=masking)
    structlog.get_logger().info("x", value=VALUES[name], other=[1, {"a": 2}])

    assert 1 == len(log_file.lines)
    assert ("x", [1, {"a": 2}]) == (
        log_file.last["event"],
        log_file.last["other"],
    )


def test_a_value_that_raises_when_shown_leaves_a_placeholder(
    log_file,
) -> None:
    log_file.configure()
    structlog.get_logger().info("x", value=Hostile(), other=1)

    assert (
        "<unrepresentable Hostile: ZeroDivisionError>"
        == (log_file.last["value"])
    )
    assert 1 == log_file.last["other"]


class TestNamesOfOurs:
    @pytest.mark.parametrize(
        "name", ["event", "level", "timestamp", "level_number"]
    )
    def test_a_field_of_that_name_gets_an_underscore(
        self, log_file, name
    ) -> None:
        log_file.configure()
        structlog.get_logger().info("x", **{name: "mine", f"{name}_": "too"})

        assert "mine" == log_file.last[f"{name}__"]
        assert "too" == log_file.last[f"{name}_"]

    @pytest.mark.parametrize(
        "name", ["self", "method_name", "logger", "service", "args", "name"]
    )
    def test_a_field_of_that_name_is_just_a_field(
        self, log_file, name
    ) -> None:
        log_file.configure(service="shop")
        structlog.get_logger("db").bind().bind(**{name: "a"}).info("x")
        structlog.get_logger("db").info("x", **{name: "b"})

        assert ["a", "b"] == [event[name] for event in log_file.events]

    def test_exc_info_false_is_no_field(self, log_file) -> None:
        log_file.configure()
        structlog.get_logger().info("x", exc_info=False)

        assert {"timestamp", "level", "event"} == log_file.last.keys()


@pytest.mark.parametrize(
    ("event", "args", "expected"),
    [
        ("%d of %s", (1, "x"), "1 of x"),
        ("%(a)s", ({"a": 1},), "1"),
        ("100% of %d", ("x",), "100% of %d"),
        ("hi", ("extra",), "hi"),
        (None, (), "None"),
        (UserWarning("w"), (), "UserWarning: w"),
        (7, (), "7"),
        ({"a": 1}, (), '{"a":1}'),
    ],
)
def test_any_event_and_arguments_give_a_line(
    log_file, event, args, expected
) -> None:
    log_file.configure()
    structlog.get_logger().info(event, *args)

    assert expected == log_file.last["event"]
    if expected == event and args:
        assert list(args) == log_file.last["positional_args"]


def test_no_event_at_all_gives_a_line(log_file) -> None:
    log_file.configure()
    structlog.get_logger().info(a=1)

    assert 1 == log_file.last["a"]


FAULTS = {
    "raises": lambda logger, name, event: 1 / 0,
    "returns nothing": lambda logger, name, event: None,
    "returns text": lambda logger, name, event: "line",
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_an_event_goes_on_without_a_processor_that_fails(
    log_file, capsys, fault
) -> None:
    pipeline = log_file.configure(processors=[fault])
    for number in range(100):
        structlog.get_logger().info("x", number=number)
    said = capsys.readouterr().err

    assert list(range(100)) == [e["number"] for e in log_file.events]
    assert [100] == list(pipeline.complaints.values())
    assert "processor <lambda>" in log_file.last["mohflow_error"]
    assert 1 == len(said.splitlines())


def test_a_logger_with_an_empty_list_of_its_own_still_writes(
    log_file,
) -> None:
    log_file.configure()
    structlog.get_logger(processors=[]).info("x", a=1)

    assert ("x", 1) == (log_file.last["event"], log_file.last["a"])


def test_every_fault_on_the_way_of_an_event_is_named(log_file) -> None:
    def one(logger, name, event_dict):
        raise KeyError

    def two(logger, name, event_dict):
        raise ValueError

    log_file.configure(processors=[one, two])
    structlog.get_logger().info("x")

    assert "KeyError" in log_file.last["mohflow_error"]
    assert "ValueError" in log_file.last["mohflow_error"]


def test_what_a_processor_raises_is_not_quoted(log_file, capsys) -> None:
    def fail(logger, name, event_dict):
        raise ValueError("the password is hunter22")

    log_file.configure(processors=[fail])
    structlog.get_logger().info("x")

    assert "hunter22" not in log_file.lines[0] + capsys.readouterr().err


class TestSinks:
    def test_one_that_raises_leaves_the_others_alone(
        self, log_file, capsys
    ) -> None:
        class Broken(mohflow.Sink):
            def write(self, batch):
                raise OSError

        log_file.configure(sinks={"broken": Broken()})
        for _ in range(100):
            structlog.get_logger().info("x")
        mohflow.flush()
        counts = mohflow.ledger()

        assert 100 == len(log_file.lines)
        assert {"sink_error": 100} == counts["broken"].dropped
        assert counts["broken"].is_balanced
        assert 1 == capsys.readouterr().err.count("broken")

    def test_one_that_hangs_leaves_the_caller_and_the_others_alone(
        self, log_file
    ) -> None:
        release = threading.Event()

        class Hanging(mohflow.Sink):
            def write(self, batch):
                release.wait(30)

        log_file.configure(sinks={"hanging": Hanging()})
        started = time.monotonic()
        for _ in range(1000):
            structlog.get_logger().info("x")
        elapsed = time.monotonic() - started
        release.set()

        assert 1000 == len(log_file.lines)
        assert elapsed < 5

    def test_a_queue_keeps_the_order_of_the_calls(self) -> None:
        received = []

        class Slow(mohflow.Sink):
            def write(self, batch):
                received.extend(event.fields["number"] for event in batch)

        mohflow.configure(console=False, sinks={"slow": Slow()})
        for number in range(2000):
            structlog.get_logger().info("x", number=number)
        mohflow.flush()

        assert list(range(2000)) == received

    def test_an_event_is_frozen_when_it_is_logged(self) -> None:
        received = []

        class Keep(mohflow.Sink):
            def write(self, batch):
                received.extend(batch)

        mohflow.configure(console=False, sinks={"keep": Keep()})
        items = [1, {"a": 1}]
        structlog.get_logger().info("x", items=items)
        items[1]["a"] = 2
        items.clear()
        mohflow.flush()

        assert [1, {"a": 1}] == json.loads(received[0].line)["items"]
        assert [1, {"a": 1}] == received[0].fields["items"]


class TestLoggingWhileLogging:
    def test_a_processor_that_logs_adds_one_event_and_no_more(
        self, log_file, capsys
    ) -> None:
        def chatty(logger, name, event_dict):
            structlog.get_logger().info("from processor")
            logging.getLogger("x").warning("from processor")
            return event_dict

        log_file.configure(processors=[chatty])
        structlog.get_logger().info("x")

        assert ["x", "from processor", "from processor"] == [
            event["event"] for event in log_file.events
        ]
        assert "caused more" in capsys.readouterr().err

    def test_a_repr_that_logs_is_shown_and_logged(self, log_file) -> None:
        class Chatty:
            def __repr__(self) -> str:
                structlog.get_logger().info("from repr")
                return "shown"

        log_file.configure()
        structlog.get_logger().info("x", value=Chatty())

        assert ["x", "from repr"] == [e["event"] for e in log_file.events]
        assert "shown" == log_file.events[0]["value"]

    def test_an_exception_that_is_logged_meanwhile_keeps_its_traceback(
        self, log_file
    ) -> None:
        class Failing:
            def __repr__(self) -> str:
                try:
                    return str(1 / 0)
                except ZeroDivisionError:
                    structlog.get_logger().exception("from repr")
                return "shown"

        log_file.configure()
        structlog.get_logger().info("x", value=Failing())

        assert "from repr" == log_file.last["event"]
        assert "ZeroDivisionError" == log_file.last["exception"]["type"]

    def test_an_event_that_causes_very_many_is_bounded_and_it_is_said(
        self, log_file, capsys
    ) -> None:
        class Flooding:
            def __repr__(self) -> str:
                for _ in range(1000):
                    structlog.get_logger().info("from repr")
                return "shown"

        log_file.configure()
        structlog.get_logger().info("x", value=Flooding())
        structlog.get_logger().info("after")

        assert ["x", *["from repr"] * 100, "after"] == [
            event["event"] for event in log_file.events
        ]
        assert 1 == capsys.readouterr().err.count("They are dropped")

    def test_a_sink_that_logs_does_not_feed_itself(self, log_file) -> None:
        class Chatty(mohflow.Sink):
            def write(self, batch):
                structlog.get_logger().info("from sink")

        log_file.configure(sinks={"chatty": Chatty()})
        structlog.get_logger().info("x")
        mohflow.flush()
        counts = mohflow.ledger()["chatty"]

        assert ["x", "from sink"] == [e["event"] for e in log_file.events]
        assert (1, {}) == (counts.delivered, counts.dropped)

    def test_a_finalizer_that_logs_is_heard(self, log_file) -> None:
        class Chatty:
            def __del__(self) -> None:
                structlog.get_logger().info("from finalizer")

        class Collecting:
            def __repr__(self) -> str:
                gc.collect()
                return "x"

        log_file.configure()
        chatty = Chatty()
        chatty.self = chatty  # type: ignore[attr-defined]
        del chatty
        structlog.get_logger().info("x", value=Collecting())

        assert ["x", "from finalizer"] == [
            event["event"] for event in log_file.events
        ]

    def test_a_signal_handler_that_logs_is_heard(self, log_file) -> None:
        def on_signal(number, frame) -> None:
            structlog.get_logger().info("from handler")

        class Raising:
            def __repr__(self) -> str:
                os.kill(os.getpid(), signal.SIGUSR1)
                return "x"

        log_file.configure()
        previous = signal.signal(signal.SIGUSR1, on_signal)
        structlog.get_logger().info("x", value=Raising())
        signal.signal(signal.SIGUSR1, previous)

        assert ["x", "from handler"] == [e["event"] for e in log_file.events]


@pytest.mark.parametrize(
    "error", [KeyboardInterrupt, SystemExit, asyncio.CancelledError]
)
def test_what_must_stop_the_program_passes(log_file, error) -> None:
    class Stopping:
        def __repr__(self) -> str:
            raise error

    log_file.configure()
    with pytest.raises(error):
        structlog.get_logger().info("x", value=Stopping())
    structlog.get_logger().info("after")

    assert "after" == log_file.last["event"]


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.binary()
    | st.decimals()
    | st.uuids()
    | st.datetimes()
    | st.builds(Hostile)
    | st.builds(object)
)
KEYS = st.text() | st.integers() | st.tuples(st.integers()) | st.none()
TREES = st.recursive(
    SCALARS | st.sets(st.integers()) | st.builds(cyclic),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(KEYS, inner)
        | st.tuples(inner, inner)
    ),
    max_leaves=20,
)
PLAIN = st.none() | st.booleans() | st.integers(-(2**53), 2**53)
NAMES = st.text() | st.sampled_from(
    [
        "event",
        "level",
        "level_number",
        "timestamp",
        "exception",
        "exc_info",
        "stack_info",
        "stack",
        "logger",
        "self",
        "mohflow_error",
        "truncated",
        "positional_args",
        "service",
    ]
)


@given(
    event=TREES,
    args=st.lists(TREES, max_size=2),
    where=st.sampled_from(["bound", "given", "in context"]),
    fields=st.dictionaries(NAMES, TREES, max_size=6),
    plain=st.lists(PLAIN, max_size=6),
)
def test_whatever_is_logged_gives_one_line_with_the_plain_fields(
    tmp_path_factory, event, args, where, fields, plain
) -> None:
    path = tmp_path_factory.mktemp("any") / "any.log"
    mohflow.configure(console=False, file=path, service="s")
    plain = {f"plain_{n}": value for n, value in enumerate(plain)}
    log = structlog.get_logger().bind()
    if where == "bound":
        log.bind(**fields).info(event, *args, **plain)
    elif where == "given":
        log.info(event, *args, **fields, **plain)
    else:
        with structlog.contextvars.bound_contextvars(**fields):
            log.info(event, *args, **plain)
    mohflow.shutdown()
    lines = path.read_bytes().decode("utf-8").split("\n")
    logged = json.loads(lines[0], parse_constant=pytest.fail)

    assert 2 == len(lines)
    assert "" == lines[1]
    assert plain.items() <= logged.items()
    assert ["timestamp", "level", "event"] == list(logged)[:3]
