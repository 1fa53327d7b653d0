"""A screen leaves out no line that fulfils the condition."""

from datetime import UTC, datetime

import orjson
import pytest

from hypothesis import given
from hypothesis import strategies as st

from mohflow.cli.view import conditions, screens
from mohflow.cli.view.events import Reader


KEYS = st.sampled_from(["a", "b", "level", "event"])
VALUES = st.one_of(
    st.text('ab/é\\" 1:,', max_size=3),
    st.integers(-20, 20),
    st.sampled_from([0.1, 1e20, 1.0, True, False, None]),
    st.dictionaries(KEYS, st.integers(0, 3) | st.text("ab,:", max_size=2)),
)


@given(
    event=st.dictionaries(KEYS, VALUES),
    name=KEYS,
    sign=st.sampled_from(["=", "~", "!="]),
    value=st.text('ab/é\\" 1:,e.0tru', max_size=3),
)
def test_on_a_field(event, name, sign, value):
    text = f"{name}{sign}{value}"
    line = orjson.dumps(event)
    screen = screens.on_field(text)
    if conditions.on_field(text)(Reader().read(line)):
        assert screen is None or [line] == screen([line])


TIMES = st.sampled_from(
    [
        f"2026-11-24T0{hour}:00:00{rest}Z"
        for hour in "123"
        for rest in ("", ".5")
    ]
)
NAMES = ["info", "warn", "error", "odd", "ERROR", "alert", 30, 50, None]
MORE = st.sampled_from(
    [
        b"",
        b',"level":"error"',
        b',"level" :"error"',
        rb',"l\u0065vel":"error"',
        b',"timestamp":"2026-11-24T02:00:00Z"',
        b',"attributes":{"body":"b","level":"error"}',
        b',"log":{"level":"error"}',
        b',"severity":"error"',
        b',"status":"error","message":"m"',
    ]
)


@given(
    time=TIMES,
    level=st.sampled_from(NAMES),
    more=MORE,
    asked=st.sampled_from(["trace", "warning", "error", "50", None]),
    since=TIMES | st.none(),
    until=TIMES | st.none(),
)
def test_on_time_and_level(time, level, more, asked, since, until):
    event = orjson.dumps({"timestamp": time, "level": level, "event": "e"})
    line = event[:-1] + more + b"}"
    since, until = (
        text and datetime.fromisoformat(text) for text in (since, until)
    )
    chosen = [conditions.within(since, until)] if since or until else []
    if asked:
        chosen.append(conditions.at_least(asked))
    screen = screens.on_head(asked, since, until)
    read = Reader().read(line)
    if all(condition(read) for condition in chosen):
        assert screen is None or [line] == screen([line])


@pytest.mark.parametrize(
    ("level", "since", "until", "expected"),
    [
        ("error", None, None, [2]),
        (None, datetime(2026, 11, 24, 2, tzinfo=UTC), None, [1, 2]),
        (None, None, datetime(2026, 11, 24, 2, tzinfo=UTC), [0, 1]),
        (None, None, None, [0, 1, 2]),
    ],
)
def test_lines_of_our_own_are_left_out_unread(level, since, until, expected):
    lines = [
        b'{"timestamp":"2026-11-24T0%d:00:00.123456Z","level":"%b"}' % each
        for each in ((1, b"debug"), (2, b"info"), (3, b"error"))
    ]
    screen = screens.on_head(level, since, until) or list

    assert [lines[n] for n in expected] == screen(lines)
