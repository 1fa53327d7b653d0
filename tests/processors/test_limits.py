"""No line is longer than the limit, and each stays valid."""

from __future__ import annotations

import json
import time

from typing import Any

import pytest

from hypothesis import given, settings
from hypothesis import strategies as st

from mohflow.processors.limits import LineLimit
from mohflow.processors.render import JsonRenderer
from mohflow.typing import Renderer


HEAD = {
    "timestamp": "2026-01-01T00:00:00.000000Z",
    "level": "info",
    "event": "order.paid",
}


class Counting:
    """Renders in any way and counts how often."""

    def __init__(self, renderer: Renderer) -> None:
        self.renderer = renderer
        self.renders = 0

    def __call__(
        self, logger: Any, method_name: str, event_dict: Any, /
    ) -> bytes:
        self.renders += 1
        return self.renderer(logger, method_name, event_dict)


def popping(logger: Any, method_name: str, event_dict: Any, /) -> bytes:
    event = event_dict.pop("event")
    return f"{event} {event_dict}\n".encode()


def verbose(logger: Any, method_name: str, event_dict: Any, /) -> bytes:
    return repr(event_dict).encode() * 5 + b"\n"


def stubborn(logger: Any, method_name: str, event_dict: Any, /) -> bytes:
    return b"x" * 1_000_000 + b"\n"


def limited(
    fields: dict[str, Any], max_line_bytes: int = 256_000
) -> dict[str, Any]:
    limit = LineLimit(JsonRenderer(), max_line_bytes)
    line = limit(None, "info", {**HEAD, **fields})

    assert len(line) <= max_line_bytes
    assert line.endswith(b"\n")
    loaded = json.loads(line)
    assert isinstance(loaded, dict)
    return loaded


class TestShortLines:
    def test_they_pass_unchanged(self) -> None:
        assert {**HEAD, "a": 1} == limited({"a": 1})

    def test_a_line_of_exactly_the_limit_passes(self) -> None:
        size = 1024 - len(JsonRenderer()(None, "info", {**HEAD, "a": ""}))

        assert {**HEAD, "a": "x" * size} == limited({"a": "x" * size}, 1024)
        assert limited({"a": "x" * (size + 1)}, 1024)["truncated"] is True


class TestLongLines:
    def test_a_long_text_is_cut_and_says_how_much(self) -> None:
        fields = limited({"a": "x" * 10_000_000, "b": 1})
        kept = fields["a"].index("...")

        assert (
            f"... [cut {10_000_000 - kept:,} characters]"
            == (fields["a"][kept:])
        )
        assert kept > 250_000
        assert {**HEAD, "b": 1, "truncated": True} == {
            key: fields[key] for key in fields if key != "a"
        }

    def test_a_long_event_is_cut(self) -> None:
        fields = limited({"event": "x" * 10_000_000})

        assert fields["event"].startswith("x" * 200_000)
        assert HEAD["timestamp"] == fields["timestamp"]

    def test_the_longest_fields_pay_first(self) -> None:
        fields = limited(
            {"a": "x" * 200_000, "b": "y" * 100_000, "c": "z" * 10_000}
        )

        assert "z" * 10_000 == fields["c"]
        assert "y" * 100_000 == fields["b"]
        assert "cut" in fields["a"]

    def test_bytes_are_counted_and_not_characters(self) -> None:
        fields = limited({"a": "\x00" * 200_000, "b": "\U0001f600" * 200_000})

        assert fields["truncated"] is True

    def test_fields_without_room_are_counted(self) -> None:
        fields = limited({f"key{n}": n for n in range(100_000)})
        kept = [key for key in fields if key.startswith("key")]

        assert len(kept) > 10_000
        assert 100_000 - len(kept) == fields["fields_omitted"]
        assert HEAD == {key: fields[key] for key in HEAD}

    def test_a_nested_dict_of_many_keys_is_cut(self) -> None:
        fields = limited({"a": {f"key{n}": n for n in range(100_000)}, "b": 1})

        assert len(fields["a"]) > 1000
        assert 1 == fields["b"]

    def test_a_list_keeps_both_ends(self) -> None:
        fields = limited({"a": [f"item {n}" for n in range(500)]}, 1024)
        cut = next(item for item in fields["a"] if "cut" in item)

        assert "item 0" == fields["a"][0]
        assert "item 499" == fields["a"][-1]
        assert f"... [cut {501 - len(fields['a'])} items]" == cut

    def test_a_long_exception_keeps_its_ends_whole(self) -> None:
        frames = [{"file": "/a/b.py", "line": n} for n in range(500)]
        told = {"type": "ValueError", "message": "no", "frames": frames}
        fields = limited({"exception": told}, 2048)

        assert "ValueError" == fields["exception"]["type"]
        assert frames[0] == fields["exception"]["frames"][0]
        assert frames[-1] == fields["exception"]["frames"][-1]

    def test_long_keys_are_cut_and_told_apart(self) -> None:
        fields = limited({"k" * 300_000: "a", "k" * 300_000 + "x": "b"})

        assert {"a", "b"} <= set(fields.values())

    def test_the_event_given_is_not_changed(self) -> None:
        event_dict = {**HEAD, "a": ["x" * 2000], "b": {"c": "y" * 2000}}
        copy = {**HEAD, "a": ["x" * 2000], "b": {"c": "y" * 2000}}

        LineLimit(popping, 1024)(None, "info", event_dict)

        assert copy == event_dict

    def test_a_large_event_does_not_take_long(self) -> None:
        start = time.process_time()

        limited({"a": "x" * 10_000_000, "b": ["y" * 1000] * 9000})

        assert time.process_time() - start < 2


class TestRenderers:
    @pytest.mark.parametrize("renderer", [popping, verbose, stubborn])
    @pytest.mark.parametrize("max_line_bytes", [1024, 256_000])
    def test_any_renderer_is_held_to_the_limit_in_few_renders(
        self, renderer: Renderer, max_line_bytes: int
    ) -> None:
        counting = Counting(renderer)
        limit = LineLimit(counting, max_line_bytes)
        line = limit(None, "info", {**HEAD, "a": "x" * 600_000, "b": {"c": 1}})

        assert len(line) <= max_line_bytes
        assert b"order.paid" in line
        assert counting.renders <= 10

    def test_json_takes_two_renders(self) -> None:
        counting = Counting(JsonRenderer())

        LineLimit(counting)(None, "info", {"a": "x" * 10_000_000, "b": [1]})

        assert 2 == counting.renders

    def test_a_limit_too_small_is_refused(self) -> None:
        with pytest.raises(ValueError, match=r"1023.*1024"):
            LineLimit(JsonRenderer(), 1023)


trees = st.recursive(
    st.text() | st.integers() | st.none(),
    lambda inner: (
        st.lists(inner, max_size=30) | st.dictionaries(st.text(), inner)
    ),
    max_leaves=40,
)


class TestAnyEvent:
    @settings(deadline=None)
    @given(
        st.dictionaries(st.text(), trees),
        st.integers(0, 3000),
        st.sampled_from(["x", "\n", "é", "\U0001f600", '"']),
    )
    def test_the_line_is_short_and_valid(
        self, fields: dict[str, Any], size: int, character: str
    ) -> None:
        loaded = limited({**fields, "long": character * size, **HEAD}, 1024)

        assert HEAD == {key: loaded[key] for key in HEAD}
