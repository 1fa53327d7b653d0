"""Every event becomes one valid line of JSON."""

from __future__ import annotations

import asyncio
import enum
import json
import uuid

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from hypothesis import given, settings
from hypothesis import strategies as st

from mohflow.processors.plain import Plain
from mohflow.processors.render import JsonRenderer, dump_plain, json_text


def render(event_dict: dict[Any, Any]) -> bytes:
    return JsonRenderer()(None, "info", event_dict)


def refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def load(line: bytes) -> dict[str, Any]:
    """Read one line as strictly as JSON can be read."""
    assert line.endswith(b"\n")
    assert 1 == line.count(b"\n")
    assert b"\r" not in line
    loaded = json.loads(line.decode("utf-8"), parse_constant=refuse)
    assert isinstance(loaded, dict)
    return loaded


class Raises:
    def __repr__(self) -> str:
        raise RuntimeError


class RaisesBase:
    def __repr__(self) -> str:
        raise asyncio.CancelledError


class Colour(enum.Enum):
    RED = "red"


class RaisesInValue(enum.Enum):
    A = "a"

    @property
    def value(self) -> str:
        raise ValueError


def cyclic() -> list[Any]:
    value: list[Any] = [1]
    value.append({"again": value})
    return value


scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=10**30, max_value=10**40)
    | st.floats()
    | st.text(st.characters())
)
hashable = scalars | st.binary() | st.tuples(scalars) | st.uuids()
odd = (
    hashable
    | st.decimals()
    | st.datetimes()
    | st.timedeltas()
    | st.frozensets(hashable, max_size=5)
    | st.sets(hashable, max_size=5)
    | st.builds(Raises)
    | st.builds(cyclic)
    | st.sampled_from([Colour.RED, RaisesInValue.A, int, len, ...])
    | st.builds(pow, st.just(10), st.just(5000))
)
anything = st.recursive(
    odd,
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.tuples(inner, inner)
        | st.dictionaries(hashable | st.builds(Raises), inner, max_size=5)
    ),
    max_leaves=15,
)


class TestAnyEvent:
    @settings(deadline=None)
    @given(st.dictionaries(hashable | st.builds(Raises), anything))
    def test_it_is_one_valid_line(self, event_dict: dict[Any, Any]) -> None:
        load(render(event_dict))

    @settings(deadline=None)
    @given(anything)
    def test_plain_fields_stay_intact(self, value: object) -> None:
        fields = {"event": "paid\n\x00\u2028é", "n": 17, "x": 1.5, "ok": None}

        loaded = load(render({**fields, "value": value}))

        loaded.pop("value")
        assert fields == loaded

    @given(st.dictionaries(st.text(), scalars))
    def test_the_short_way_says_what_the_long_way_says(
        self, event_dict: dict[str, Any]
    ) -> None:
        plain = Plain()(None, "info", event_dict)

        assert dump_plain(plain) == render(event_dict)


class TestValues:
    def test_fields_keep_their_order(self) -> None:
        assert b'{"z":1,"a":[2],"m":"3"}\n' == render(
            {"z": 1, "a": (2,), "m": b"3"}
        )

    @pytest.mark.parametrize(
        ("value", "expected"),
        [
            (float("nan"), None),
            (float("inf"), None),
            (2**70, str(2**70)),
            ("\ud800", "\\ud800"),
            ({(1, 2): 3}, {"(1, 2)": 3}),
            ({1: 2}, {"1": 2}),
            (uuid.UUID(int=1), str(uuid.UUID(int=1))),
            (
                datetime(2026, 1, 1, tzinfo=UTC),
                "2026-01-01T00:00:00.000000Z",
            ),
            (Raises(), "<unrepresentable Raises: RuntimeError>"),
        ],
    )
    def test_odd_values_are_told(self, value: object, expected: Any) -> None:
        assert {"a": expected, "b": 1} == load(render({"a": value, "b": 1}))

    @pytest.mark.parametrize("wrap", [lambda v: v, lambda v: [{"a": v}]])
    def test_an_enum_whose_value_raises_does_not_end_the_process(
        self, wrap: Any
    ) -> None:
        line = render({"a": wrap(RaisesInValue.A)})

        assert b"<unrepresentable RaisesInValue: ValueError>" in line

    def test_a_fragment_cannot_forge_a_line(self) -> None:
        fragment = orjson.Fragment(b'1}\n{"event":"forged"')

        assert {"a", "b"} == set(load(render({"a": fragment, "b": 1})))

    def test_the_event_given_is_not_changed(self) -> None:
        event_dict = {"a": (1,), 2: b"x"}

        render(event_dict)

        assert {"a": (1,), 2: b"x"} == event_dict

    def test_nested_plain_values_are_written_as_they_are(self) -> None:
        event_dict = {"a": [{"b": [1, "x", None]}, [2.5]], "c": {"d": True}}

        assert event_dict == load(render(event_dict))

    def test_many_paths_to_the_same_list_are_cut(self) -> None:
        value: list[Any] = ["x"]
        for _ in range(20):
            value = [value] * 10

        assert load(render({"a": value}))["truncated"] is True

    def test_an_event_that_was_cut_says_so(self) -> None:
        assert load(render({"a": list(range(20_000))}))["truncated"] is True


class TestFaults:
    def test_a_cancellation_passes(self) -> None:
        with pytest.raises(asyncio.CancelledError):
            render({"a": RaisesBase()})

    @pytest.mark.parametrize("value", ["a", b"a", [[1]], 2**70])
    def test_a_full_stack_still_gives_a_line(self, value: object) -> None:
        renderer = JsonRenderer()
        lines: list[bytes] = []
        refused: list[int] = []

        def descend() -> None:
            try:
                descend()
            except RecursionError:
                refused.append(1)
            if len(lines) < 80:
                lines.append(renderer(None, "info", {"a": value, "b": 1}))

        descend()

        assert {1} == {load(line)["b"] for line in lines}
        assert len(refused) <= 5, "only the call itself may be refused"


class TestJsonText:
    def test_it_is_json_without_a_newline(self) -> None:
        assert '{"a":["x",null]}' == json_text({"a": (b"x", float("nan"))})
