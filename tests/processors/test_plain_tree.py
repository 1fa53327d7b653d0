"""Whole trees and events become plain, within bounds."""

from __future__ import annotations

import enum
import json

from typing import Any

import pytest

from hypothesis import given
from hypothesis import strategies as st

from mohflow.processors.plain import (
    Plain,
    cut_text,
    plain_text,
    plain_tree,
)


class Node:
    def __init__(self, child: object = None) -> None:
        self.child = child

    def __structlog__(self) -> object:
        return {"child": self.child}


class Colour(enum.Enum):
    RED = "red"


def nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


def depth_of(value: Any) -> int:
    depth = 0
    while isinstance(value, list):
        depth, value = depth + 1, value[0] if value else None
    return depth


def plain(**fields: Any) -> dict[str, Any]:
    return dict(Plain()(None, "info", fields))


class TestTree:
    def test_what_is_inside_becomes_plain(self) -> None:
        value = {"a": [(Colour.RED, {1: b"x"})]}

        assert {"a": [["red", {"1": "x"}]]} == plain_tree(value)

    def test_it_shares_no_container_with_the_value(self) -> None:
        value = {"a": [1]}
        tree = plain_tree(value)

        value["a"].append(2)

        assert {"a": [1]} == tree

    def test_a_cycle_is_named(self) -> None:
        value: dict[str, Any] = {}
        value["list"] = [value]

        assert {"list": ["<cycle>"]} == plain_tree(value)

    def test_a_cycle_through_objects_is_named(self) -> None:
        node = Node()
        node.child = [node]

        assert {"child": ["<cycle>"]} == plain_tree(node)

    def test_the_same_list_twice_is_no_cycle(self) -> None:
        shared = [1]

        assert [[1], [1]] == plain_tree([shared, shared])

    @pytest.mark.parametrize("depth", [100, 1000, 50_000])
    def test_a_deep_tree_is_cut(self, depth: int) -> None:
        tree = plain_tree(nested(depth))

        assert 32 == depth_of(tree)
        assert "<depth limit>" in json.dumps(tree)

    def test_a_chain_of_new_objects_is_cut(self) -> None:
        class Spawning:
            def __structlog__(self) -> object:
                return [Spawning()]

        assert 32 == depth_of(plain_tree(Spawning()))

    def test_many_paths_to_the_same_list_are_cut(self) -> None:
        value: list[Any] = ["x"]
        for _ in range(20):
            value = [value] * 10

        assert len(json.dumps(plain_tree(value))) < 200_000

    def test_a_long_list_is_cut(self) -> None:
        tree = plain_tree(list(range(20_000)))

        assert [*range(10_000), "<size limit>"] == tree

    def test_a_large_dict_is_cut(self) -> None:
        tree = plain_tree({str(n): n for n in range(20_000)})

        assert isinstance(tree, dict)
        assert 10_001 == len(tree)
        assert "<size limit>" in tree

    def test_a_long_text_is_cut(self) -> None:
        expected = "x" * 264_192 + "... [cut 735,808 characters]"

        assert expected == plain_tree("x" * 1_000_000)

    def test_surrogates_are_escaped(self) -> None:
        assert ["a\\ud800b"] == plain_tree(["a\ud800b"])


class TestPlain:
    def test_every_field_becomes_plain(self) -> None:
        assert {"a": "red", "b": 1, "c": ["x"]} == plain(
            a=Colour.RED, b=1, c=(b"x",)
        )

    def test_an_event_that_was_not_cut_says_nothing(self) -> None:
        assert "truncated" not in plain(a=[1], b={"c": "d"})

    @pytest.mark.parametrize(
        "value",
        [nested(50), list(range(20_000)), "x" * 300_000, [range(20_000)]],
        ids=["depth", "list", "text", "range"],
    )
    def test_an_event_that_was_cut_says_so(self, value: object) -> None:
        assert plain(a=value)["truncated"] is True

    def test_a_large_field_does_not_push_out_those_after_it(self) -> None:
        fields = plain(data=list(range(20_000)), event="paid", order=17)

        assert "paid" == fields["event"]
        assert 17 == fields["order"]

    def test_the_event_given_is_not_changed(self) -> None:
        given = {"a": {1: (2,)}, "b": "x" * 300_000}
        copy = {"a": {1: (2,)}, "b": "x" * 300_000}

        Plain()(None, "info", given)

        assert copy == given


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters())
    | st.binary()
    | st.dates()
    | st.uuids()
    | st.decimals(),
    lambda inner: (
        st.lists(inner)
        | st.tuples(inner)
        | st.dictionaries(st.integers() | st.text() | st.none(), inner)
    ),
    max_leaves=20,
)


class TestInvariants:
    @given(values)
    def test_a_plain_tree_stays_as_it_is(self, value: object) -> None:
        tree = plain_tree(value)

        assert repr(tree) == repr(plain_tree(tree))

    @pytest.mark.parametrize(
        "value",
        [nested(50), ["x" * 300_000, list(range(20_000))]],
        ids=["depth", "size"],
    )
    def test_so_does_one_that_was_cut(self, value: object) -> None:
        tree = plain_tree(value)

        assert tree == plain_tree(tree)

    @given(st.text(st.characters()))
    def test_plain_text_is_valid_utf_8(self, text: str) -> None:
        plain_text(text).encode()


class TestCutText:
    def test_a_short_text_is_left_alone(self) -> None:
        assert "abc" == cut_text("abc", 3)

    def test_a_cut_says_how_much_is_gone(self) -> None:
        assert "ab... [cut 1 characters]" == cut_text("abc", 2)

    def test_a_second_cut_adds_to_the_first(self) -> None:
        text = cut_text("x" * 10_000_000, 1000)

        assert cut_text("x" * 10_000_000, 10) == cut_text(text, 10)
