"""Which events fulfil what a person asks for."""

from datetime import UTC, datetime, timedelta

import pytest

from hypothesis import given
from hypothesis import strategies as st

from mohflow.cli.view import conditions
from mohflow.cli.view.conditions import Mistake


NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
EVENT = {
    "level": "warning",
    "event": "order.paid",
    "logger": "shop.orders",
    "user_id": 42,
    "ms": 12.5,
    "ok": True,
    "nothing": None,
    "a": {"b": "c", "d.e": "f"},
    "items": [{"sku": "A-1"}],
    "x.y": "z",
    "text": "a = b",
    "42": "number",
}


@pytest.mark.parametrize(
    "text",
    [
        "user_id=42",
        "user_id=42.0",
        "user_id!=43",
        "user_id>=42",
        "user_id<50",
        "ms>12",
        "ms<=12.5",
        "ok=true",
        "nothing=null",
        "a.b=c",
        "a.d.e=f",
        "a~b",
        "x.y=z",
        "items.0.sku=A-1",
        "items~A-1",
        "event~paid",
        "message=order.paid",
        "text=a = b",
        "missing!=1",
        "level=WARN",
        "severity!=error",
        "42=number",
    ],
)
def test_it_holds(text):
    assert conditions.on_field(text)(EVENT)


@pytest.mark.parametrize(
    "text",
    [
        "user_id=4",
        "user_id~5",
        "user_id!=42",
        "missing=",
        "missing~",
        "missing>1",
        "ok=1",
        "event>1",
        "a.b.c=d",
        "items.1.sku=A-1",
        "items.x=1",
        "level=error",
    ],
)
def test_it_does_not_hold(text):
    assert not conditions.on_field(text)(EVENT)


@pytest.mark.parametrize("text", ["", "a", "=b", "a>b", "a<=", "!", "~x"])
def test_what_is_no_condition_is_a_mistake(text):
    with pytest.raises(Mistake, match="not a "):
        conditions.on_field(text)


class TestLevel:
    @pytest.mark.parametrize("asked", ["warning", "WARN", "40", "info", "4"])
    def test_it_holds_for_this_level_and_above(self, asked):
        assert conditions.at_least(asked)(EVENT)

    def test_it_holds_not_below(self):
        assert not conditions.at_least("error")(EVENT)
        assert not conditions.at_least("trace")({"event": "a"})
        assert not conditions.at_least("trace")({"level": ["info"]})

    def test_an_unknown_level_is_a_mistake(self):
        with pytest.raises(Mistake, match="unknown level: 'loud'"):
            conditions.at_least("loud")


class TestLogger:
    @pytest.mark.parametrize(
        ("names", "expected"),
        [
            (["shop"], True),
            (["shop.orders"], True),
            (["sho"], False),
            (["shop.orders.x"], False),
            (["x", "shop"], True),
        ],
    )
    def test_it_holds_for_a_logger_and_those_below(self, names, expected):
        assert expected == conditions.from_loggers(names)(EVENT)


class TestTime:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("90s", NOW - timedelta(seconds=90)),
            ("10m", NOW - timedelta(minutes=10)),
            ("1.5h", NOW - timedelta(hours=1.5)),
            ("3d", NOW - timedelta(days=3)),
            ("1w", NOW - timedelta(weeks=1)),
            ("2026-11-24T03:19Z", NOW.replace(hour=3, minute=19)),
            ("2026-11-24T04:19+01:00", NOW.replace(hour=3, minute=19)),
        ],
    )
    def test_a_moment_is_read(self, text, expected):
        assert expected == conditions.moment(text, NOW)

    def test_a_moment_without_an_offset_is_local(self):
        local = datetime(2026, 11, 24).astimezone()

        assert local == conditions.moment("2026-11-24", NOW)

    @pytest.mark.parametrize("text", ["", "10", "m", "yesterday", "9999999w"])
    def test_what_is_no_moment_is_a_mistake(self, text):
        with pytest.raises(Mistake, match="not a time"):
            conditions.moment(text, NOW)

    @given(
        moments=st.lists(
            st.datetimes(
                datetime(2026, 11, 24), datetime(2026, 11, 24, 0, 0, 2)
            ),
            min_size=3,
            max_size=3,
        ),
        zone=st.sampled_from(["Z", "+00:00", "+01:00"]),
    )
    def test_an_event_is_within_from_the_first_to_before_the_last(
        self, moments, zone
    ):
        since, until, time = (m.replace(tzinfo=UTC) for m in moments)
        shown = time + timedelta(hours=zone == "+01:00")
        text = shown.replace(tzinfo=None).isoformat() + zone
        holds = conditions.within(since, until)({"timestamp": text})

        assert (since <= time < until) == holds

    @pytest.mark.parametrize("time", [None, "", "soon", 17, "2026-13-01"])
    def test_an_event_without_a_time_is_never_within(self, time):
        assert not conditions.within(NOW, None)({"timestamp": time})
