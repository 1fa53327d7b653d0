"""Lines as real programs write them, each looked at by a person."""

from __future__ import annotations

import re

from pathlib import Path
from typing import Any

import pytest

from mohflow.processors.masking import Masker


FOLDER = Path(__file__).parent
BROKEN_BAR = "\N{BROKEN BAR}"
"""It parts the tokens in the files, so that no scanner takes them for real."""

SECRET = re.compile("\u27e6(.*?)\u27e7")
RECALL, INTACT = 0.97, 0.99


def lines(name: str) -> list[str]:
    text = (FOLDER / f"masking_{name}.txt").read_text(encoding="utf-8")
    return text.replace(BROKEN_BAR, "").splitlines()


@pytest.fixture(scope="module", params=[True, False], ids=["re2", "plain"])
def masker(request: pytest.FixtureRequest) -> Masker:
    masker = Masker()
    if request.param:
        pytest.importorskip("re2")
    else:
        masker._scanner._prefilter = None
    return masker


def mask(masker: Masker, line: str) -> Any:
    return masker(None, "info", {"x": line})["x"]


class TestLines:
    def test_what_must_go_is_gone(self, masker: Masker) -> None:
        left: list[str] = []
        planted = 0
        for line in lines("hide"):
            masked = mask(masker, SECRET.sub(r"\1", line))
            secrets = SECRET.findall(line)
            planted += len(secrets)
            left += [f"{s} in {masked}" for s in secrets if s in masked]

        assert 1 - len(left) / planted >= RECALL, left

    def test_what_must_stay_is_intact(self, masker: Masker) -> None:
        kept = lines("keep")
        changed = [
            (line, masked)
            for line in kept
            if (masked := mask(masker, line)) != line
        ]

        assert 1 - len(changed) / len(kept) >= INTACT, changed
