"""Regular expressions that are compiled when they are needed."""

from __future__ import annotations

import re

import pytest

from mohflow._expression import expression


@pytest.fixture
def compiled(monkeypatch):
    """What is given to :func:`re.compile`."""
    given = []
    compile_ = re.compile

    def spy(*args):
        given.append(args)
        return compile_(*args)

    monkeypatch.setattr(re, "compile", spy)
    return given


def test_it_is_compiled_once_at_its_first_use(compiled) -> None:
    number = expression("[0-9]+")
    before = list(compiled)
    found = [number.findall("1 22"), number.search("a1")[0]]

    assert [] == before
    assert [["1", "22"], "1"] == found
    assert 1 == len(compiled)


def test_its_pattern_is_known_without_compiling(compiled) -> None:
    assert "a+" == expression("a+").pattern
    assert [] == compiled


def test_it_has_all_that_a_compiled_one_has() -> None:
    ours, theirs = expression("(?P<x>a)", re.IGNORECASE), re.compile("")
    public = [name for name in dir(theirs) if not name.startswith("_")]

    assert [] == [name for name in public if not hasattr(ours, name)]
    assert {"x": 1} == dict(ours.groupindex)
    assert ours.fullmatch("A")
