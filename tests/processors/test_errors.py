"""Exceptions become data of a bounded size."""

from __future__ import annotations

import json
import sys

from collections.abc import Callable
from typing import Any

import pytest

from mohflow.processors.errors import StructuredExceptions
from mohflow.processors.plain import plain_tree


def caught(function: Callable[[], object]) -> BaseException:
    try:
        function()
    except BaseException as error:
        return error
    raise AssertionError("nothing was raised")


def fail() -> None:
    password = "hunter2"
    raise ValueError("no" if password else "")


def fail_from() -> None:
    try:
        fail()
    except ValueError as error:
        raise KeyError("key") from error


def fail_while() -> None:
    try:
        fail()
    except ValueError:
        raise KeyError("key")  # noqa: B904


def fail_from_none() -> None:
    try:
        fail()
    except ValueError:
        raise KeyError("key") from None


def fall(depth: int) -> None:
    if depth == 0:
        raise ValueError("bottom")
    fall(depth - 1)


def process(event_dict: dict[str, Any], **options: Any) -> dict[str, Any]:
    processor = StructuredExceptions(**options)
    return dict(processor(None, "error", event_dict))


def tell(error: BaseException, **options: Any) -> dict[str, Any]:
    told = process({"exc_info": error}, **options)["exception"]

    assert told == plain_tree(told)
    assert isinstance(told, dict)
    return told


class Broken(Exception):
    def __str__(self) -> str:
        raise KeyError("x")

    @property
    def __notes__(self) -> list[str]:  # type: ignore[override]
        raise TypeError


class TestSources:
    """What exc_info may be."""

    @pytest.mark.parametrize("exc_info", [True, 1, "yes", object(), (1,)])
    def test_anything_true_means_the_active_exception(
        self, exc_info: object
    ) -> None:
        try:
            fail()
        except ValueError:
            fields = process({"event": "e", "exc_info": exc_info})

        assert "no" == fields["exception"]["message"]
        assert {"event", "exception"} == set(fields)

    def test_an_exception_means_itself(self) -> None:
        assert "no" == tell(caught(fail))["message"]

    def test_a_tuple_means_its_exception_and_traceback(self) -> None:
        error = caught(fail)
        exc_info = (type(error), error, error.__traceback__)
        error.__traceback__ = None
        told = process({"exc_info": exc_info})["exception"]

        assert "fail" == told["frames"][-1]["function"]

    @pytest.mark.parametrize(
        "exc_info",
        [None, False, 0, "", (), True, (None, None, None), (1, 2, 3)],
    )
    def test_without_an_exception_only_the_key_goes(
        self, exc_info: object
    ) -> None:
        assert {"event": "e"} == process({"event": "e", "exc_info": exc_info})

    def test_a_field_of_that_name_is_kept(self) -> None:
        fields = process({"exception": "mine", "exc_info": ValueError("no")})

        assert "mine" == fields["exception_"]
        assert "no" == fields["exception"]["message"]


class TestReport:
    def test_it_names_the_type_and_the_place(self) -> None:
        told = tell(caught(fail))

        assert {
            "type": "ValueError",
            "module": "builtins",
            "message": "no",
        } == {key: told[key] for key in ("type", "module", "message")}
        assert {
            "file": __file__,
            "line": fail.__code__.co_firstlineno + 2,
            "function": "fail",
            "code": 'raise ValueError("no" if password else "")',
        } == told["frames"][-1]

    def test_a_cause_is_told(self) -> None:
        told = tell(caught(fail_from))

        assert "ValueError" == told["cause"]["type"]
        assert "context" not in told

    def test_a_context_is_told(self) -> None:
        told = tell(caught(fail_while))

        assert "ValueError" == told["context"]["type"]
        assert "cause" not in told

    def test_from_none_hides_the_context(self) -> None:
        assert not {"cause", "context"} & set(tell(caught(fail_from_none)))

    def test_notes_are_told(self) -> None:
        error = ValueError("no")
        error.add_note("look there")

        assert ["look there"] == tell(error)["notes"]

    def test_members_of_a_group_are_told_with_their_frames(self) -> None:
        inner = BaseExceptionGroup("inner", [caught(fail)])
        told = tell(BaseExceptionGroup("outer", [KeyError(1), inner]))
        last = told["exceptions"][1]["exceptions"][0]

        assert "KeyError" == told["exceptions"][0]["type"]
        assert "fail" == last["frames"][-1]["function"]

    def test_a_repeated_member_is_told_each_time(self) -> None:
        error = caught(fail)
        told = tell(BaseExceptionGroup("twice", [error, error]))

        assert told["exceptions"][0] == told["exceptions"][1]
        assert told["exceptions"][1]["frames"]

    def test_a_syntax_error_tells_its_place(self) -> None:
        told = tell(caught(lambda: compile("a\nx = = 1\n", "f.py", "exec")))

        assert "invalid syntax" == told["message"]
        assert {
            "file": "f.py",
            "line": 2,
            "offset": 5,
            "text": "x = = 1",
        } == told["syntax"]

    def test_an_exception_that_raises_gives_placeholders(self) -> None:
        told = tell(Broken())

        assert "<unrepresentable Broken: KeyError>" == told["message"]
        assert ["<unrepresentable: TypeError>"] == told["notes"]

    def test_surrogates_in_a_message_are_escaped(self) -> None:
        assert "\\ud800" == tell(ValueError("\ud800"))["message"]


class TestBounds:
    def test_the_middle_frames_are_omitted(self) -> None:
        told = tell(caught(lambda: fall(200)))
        frames = told["frames"]

        assert 50 == len(frames)
        assert ["caught", "<lambda>", "fall"] == [
            frame["function"] for frame in frames[:3]
        ]
        assert 'raise ValueError("bottom")' == frames[-1]["code"]
        assert 203 - 50 == told["frames_omitted"]

    def test_frames_of_members_are_bounded_too(self) -> None:
        error = caught(lambda: fall(200))
        told = tell(BaseExceptionGroup("g", [error]), max_frames=4)

        assert 4 == len(told["exceptions"][0]["frames"])

    def test_a_recursion_error_is_small(self) -> None:
        told = tell(caught(lambda: fall(10**9)))

        assert told["frames_omitted"] > 500
        assert len(json.dumps(told)) < 20_000

    def test_causes_that_lead_in_a_circle_end(self) -> None:
        first, second = ValueError("first"), ValueError("second")
        first.__cause__, second.__cause__ = second, first
        told = tell(first)

        assert "second" == told["cause"]["message"]
        assert "cause" not in told["cause"]

    def test_a_long_chain_is_cut(self) -> None:
        error = ValueError(0)
        for number in range(1, 500):
            following = ValueError(number)
            following.__cause__, error = error, following
        told, depth = tell(error), 1
        while "cause" in told:
            told, depth = told["cause"], depth + 1

        assert 10 == depth
        assert 490 == told["exceptions_omitted"]

    def test_a_large_group_is_cut(self) -> None:
        told = tell(ExceptionGroup("g", [ValueError(n) for n in range(500)]))

        assert 19 == len(told["exceptions"])
        assert 481 == told["exceptions_omitted"]

    def test_groups_deep_inside_each_other_are_cut(self) -> None:
        error: Exception = ValueError("innermost")
        for _ in range(200):
            error = ExceptionGroup("g", [error])

        assert '"exceptions_omitted": 1' in json.dumps(tell(error))


class TestLocals:
    def test_they_are_absent_by_default(self) -> None:
        told = tell(caught(fail))

        assert "hunter2" not in json.dumps(told)
        assert "locals" not in told["frames"][-1]

    def test_they_are_told_by_name(self) -> None:
        told = tell(caught(fail), locals=True)

        assert {"password": "hunter2"} == told["frames"][-1]["locals"]

    def test_large_ones_are_cut(self) -> None:
        def hold() -> None:
            large = ["x" * 100_000] * 1000
            raise ValueError(len(large))

        assert len(json.dumps(tell(caught(hold), locals=True))) < 5000


class TestStack:
    def test_it_ends_with_the_caller(self) -> None:
        lines = process({"stack_info": True})["stack"].split("\n")

        assert "Stack (most recent call last):" == lines[0]
        assert lines[-2].endswith("in process")
        assert "mohflow" not in lines[-2].rpartition("/")[2]

    def test_a_stack_of_the_standard_library_is_kept(self) -> None:
        assert {"stack": "Stack ..."} == process({"stack_info": "Stack ..."})

    def test_a_false_one_is_dropped(self) -> None:
        assert {} == process({"stack_info": False})


def test_a_full_stack_does_not_raise() -> None:
    processor = StructuredExceptions()
    told: list[dict[str, Any]] = []
    refused: list[object] = []

    def descend() -> None:
        try:
            descend()
        except RecursionError:
            refused.append(sys.exc_info()[0])
        if len(told) < 80:
            told.append(
                dict(processor(None, "e", {"exc_info": ValueError("no")}))
            )

    descend()

    assert {"ValueError"} == {fields["exception"]["type"] for fields in told}
    assert len(refused) <= 6, "only the call itself may be refused"
