"""What is found and what is left alone, over events made by chance."""

from __future__ import annotations

import sys

from collections import Counter
from collections.abc import Iterable, Iterator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from mohflow.processors.masking import Masker


EVENTS = 1500
RECALL, RECALL_OF_A_KIND, INTACT = 0.99, 0.97, 0.995


def load(name: str) -> ModuleType:
    spec = spec_from_file_location(name, Path(__file__).parent / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[name] = module  # Dataclasses look themselves up there.
    spec.loader.exec_module(module)
    return module


def strings(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name, item in value.items():
            yield name
            yield from strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from strings(item)
    else:
        yield str(value)


class Score:
    def __init__(self, events: Iterable[Any]) -> None:
        self.found: Counter[str] = Counter()
        self.planted: Counter[str] = Counter()
        self.intact = self.kept = self.harmless = self.events = 0
        self.wrong: list[str] = []
        masker = Masker()
        for labelled in events:
            self.events += 1
            self.harmless += not labelled.gone
            masked = masker(None, "info", dict(labelled.event))
            self.judge(labelled, "\n".join(strings(dict(masked))))

    def judge(self, labelled: Any, text: str) -> None:
        for kind, secret in labelled.gone:
            self.planted[kind] += 1
            self.found[kind] += secret not in text
            if secret in text:
                self.wrong.append(f"{kind} left: {labelled.event!r}")
        for string in labelled.kept:
            self.kept += 1
            self.intact += string in text
            if string not in text:
                self.wrong.append(f"changed {string!r}: {labelled.event!r}")

    @property
    def recall(self) -> float:
        return self.found.total() / self.planted.total()

    def __repr__(self) -> str:
        rows = [
            f"{kind:14} {self.found[kind]:5} of {count:5}"
            for kind, count in sorted(self.planted.items())
        ]
        rows.append(f"kept           {self.intact:5} of {self.kept:5}")
        return "\n".join(["", *rows, "", *self.wrong[:20]])


@pytest.fixture(scope="module", params=["masking_corpus", "masking_adversary"])
def score(request: pytest.FixtureRequest) -> Score:
    return Score(load(request.param).Corpus(2).events(EVENTS))


class TestCorpus:
    def test_two_fifths_of_the_events_hold_nothing_to_hide(
        self, score: Score
    ) -> None:
        assert EVENTS * 2 // 5 == score.harmless

    def test_secrets_of_all_kinds_are_found(self, score: Score) -> None:
        assert score.recall >= RECALL, score

    def test_secrets_of_each_kind_are_found(self, score: Score) -> None:
        for kind, count in score.planted.items():
            assert score.found[kind] / count >= RECALL_OF_A_KIND, score

    def test_what_must_stay_is_intact(self, score: Score) -> None:
        assert score.intact / score.kept >= INTACT, score
