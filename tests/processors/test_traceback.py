"""The text of a told exception looks like Python's own."""

from __future__ import annotations

import traceback

from typing import Any

import pytest

from mohflow.processors.errors import StructuredExceptions, format_traceback


def fail() -> None:
    raise ValueError("two\nlines")


def cause() -> None:
    try:
        fail()
    except ValueError as error:
        raise KeyError("key") from error


def context() -> None:
    try:
        cause()
    except KeyError:
        error = RuntimeError()
        error.add_note("a note\nof two lines")
        raise error  # noqa: B904


def group() -> None:
    members: list[Exception] = [ValueError(1)]
    for function in (cause, context):
        try:
            function()
        except Exception as error:
            members.append(error)
    inner = ExceptionGroup("inner", members)
    # On one line: newer Pythons show all lines of a statement.
    raise ExceptionGroup("outer", [inner, OSError()])


def group_with_cause() -> None:
    try:
        fail()
    except ValueError as error:
        raise ExceptionGroup("group", [OSError(1)]) from error


def syntax() -> None:
    compile("if a:\n    x = = 1\n", "f.py", "exec")


def own_class() -> None:
    raise pytest.UsageError("of another module")


def without_markers(text: str) -> list[str]:
    """Drop what points at a part of a line of code, and trailing spaces."""
    lines = (line.rstrip() for line in text.rstrip("\n").split("\n"))
    return [
        line
        for line in lines
        if not line or line.strip(" |") == "" or set(line) - set(" |^~")
    ]


@pytest.mark.parametrize(
    "function",
    [fail, cause, context, group, group_with_cause, syntax, own_class],
)
def test_it_is_what_python_prints(function: Any) -> None:
    try:
        function()
    except Exception as error:
        expected = "".join(traceback.format_exception(error))
        told = StructuredExceptions()(None, "error", {"exc_info": error})

    assert without_markers(expected) == without_markers(
        format_traceback(told["exception"])
    )


def test_a_syntax_error_is_pointed_at() -> None:
    try:
        syntax()
    except SyntaxError as error:
        told = StructuredExceptions()(None, "error", {"exc_info": error})

    assert "\n    x = = 1\n        ^\n" in format_traceback(told["exception"])


def test_what_was_omitted_is_said() -> None:
    frame = {"file": "f.py", "line": 1, "function": "f", "code": ""}
    text = format_traceback(
        {
            "type": "E",
            "frames": [frame] * 20,
            "frames_omitted": 7,
            "exceptions_omitted": 3,
        }
    )

    assert "  [7 frames omitted]" == text.split("\n")[11]
    assert text.endswith("E\n[3 exceptions omitted]")


@pytest.mark.parametrize(
    ("exception", "expected"),
    [
        ({}, "?"),
        ({"type": "E", "frames": "odd", "notes": 1, "cause": ""}, "E"),
        (
            {"type": "E", "frames": ["... [cut 3 items]", {}]},
            "Traceback (most recent call last):\n  ... [cut 3 items]\n"
            '  File "?", line ?, in ?\nE',
        ),
        (
            {"type": "E", "message": None, "exceptions": ["<depth limit>"]},
            "  | E\n  +-+---------------- 1 ----------------\n"
            "    | <depth limit>\n"
            "    +------------------------------------",
        ),
    ],
)
def test_odd_data_is_shown(exception: Any, expected: str) -> None:
    assert expected == format_traceback(exception)


def test_a_chain_without_end_is_cut() -> None:
    endless: dict[str, Any] = {"type": "E"}
    endless["cause"] = endless

    assert len(format_traceback(endless)) < 10_000
