"""A line of a known shape gives the bytes that the slow way gives."""

import orjson
import pytest

from hypothesis import given
from hypothesis import strategies as st

from mohflow.cli.view.events import Reader
from mohflow.cli.view.shapes import Shapes
from mohflow.cli.view.text import Writer
from mohflow.processors import ConsoleRenderer


TIMES = st.sampled_from(
    [
        "2026-11-24T03:19:01.123456Z",
        "2026-11-24T03:19:59.000000Z",
        "2026-13-01T00:00:00.000000Z",
        "1850-01-01T00:00:00.000000Z",
    ]
)
VALUES = st.one_of(
    st.sampled_from(
        [
            "a",
            "a b",
            "",
            "42",
            "true",
            "é",
            "a%sb%",
            "@4@",
            "0e0e473649a1b2c3",
            "4bf92f3577b34da6a3ce929d0e0e4736",
            -0.0,
            1e-5,
            0.0001,
            1e16,
            2**63,
            None,
            True,
            [],
            [1, "a b", None, 0.5],
            [[1]],
            {},
            {"a": 1, "b": [-0.0, "\x1b"]},
            {"a": 2, "b": [1.5, "é", "x%"]},
            {"a": {"b c": True}, "\u202e": 1},
            {"level": "error", "body": "b"},
        ]
    ),
    st.integers(-99, 99),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text("ab0-{' =\"\\\x1b", max_size=4),
)
NAMES = ["a", "b c", "service", "trace_id", "message", "status", "exception"]
NAMES += ["attributes", "error", "stack"]
EVENTS = st.builds(
    lambda time, level, event, head, fields: (
        {"timestamp": time, "level": level, "event": event} | head | fields
    ),
    TIMES,
    st.sampled_from(["info", "warn", "odd", "é"]),
    st.sampled_from(["order.paid", "a b", 'x"y', "x" * 40, "%b"]),
    st.sampled_from(
        [
            {},
            {"logger": "shop"},
            {"logger": "\x1b"},
            {"logger": "x" * 300},
            {"service": "@=@"},
            {"service": "4bf92f3577b34da6a3ce929d0e0e4736"},
            {"logger": "shop", "service": "sh%p", "environment": "prod"},
            {"environment": "prod", "service": "a b"},
            {"service": 7, "environment": "prod"},
        ]
    ),
    st.dictionaries(st.sampled_from(NAMES), VALUES),
)


@given(st.lists(EVENTS, max_size=12), st.booleans(), st.booleans())
def test_the_text_is_that_of_the_renderer(events, colors, dates):
    lines = [orjson.dumps(event) for event in events] * 2
    renderer = ConsoleRenderer(colors, dates=dates)
    read = Reader().read

    assert [renderer.text(read(line)).encode() for line in lines] == (
        Writer(renderer).texts(lines)
    )


@pytest.mark.parametrize(
    "value",
    [
        "shop",
        17,
        12.5,
        True,
        "two words",
        "",
        [1, 2],
        [],
        {"a": [1.5, "b c"], "d": {"e": None}},
    ],
)
def test_a_shape_is_learned_once_and_used(value):
    renderer = ConsoleRenderer(colors=True, dates=True)
    read = Reader().read

    def render(event):
        return renderer.text(event).encode()

    def line(n):
        event = {
            "timestamp": f"2026-11-24T03:19:01.{n:06}Z",
            "level": "info",
            "event": "order.paid",
            "logger": "shop",
            "service": "sh%p",
            "environment": "prod",
            "n": n,
            "value": value,
            "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
        }
        return orjson.dumps(event)

    shapes = Shapes(read, render)
    assert [b"slow"] == shapes.texts([line(1)], lambda _: b"slow")

    shapes.learn(line(1), render(read(line(1))))
    shown = shapes.texts([line(2345)], lambda _: b"slow")
    assert [render(read(line(2345)))] == shown


def test_a_redirected_ascii_output_gets_escapes():
    event = {"timestamp": "2026-11-24T03:19:01.123456Z", "event": "é", "a": 1}
    texts = Writer(ConsoleRenderer(colors=False), encoding="ascii").texts(
        [orjson.dumps(event)]
    )

    assert b"\\xe9" in texts[0]
