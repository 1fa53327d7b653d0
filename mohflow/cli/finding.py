"""What the doctor has found."""

from __future__ import annotations

import os

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Finding:
    """One sentence, and what to do about it."""

    mark: Literal["ok", "note", "FAULT"]
    what: str
    notes: tuple[str, ...] = ()


def fault(what: str, *notes: str) -> Finding:
    """Return what must be mended."""
    return Finding("FAULT", what, notes)


def note(what: str, *notes: str) -> Finding:
    """Return what is good to know."""
    return Finding("note", what, notes)


def fine(what: str, *notes: str) -> Finding:
    """Return what works."""
    return Finding("ok", what, notes)


def near(text: str) -> str:
    """Return *text* with paths below this folder as people write them."""
    try:
        return text.replace(f"{os.getcwd()}/", "")
    except OSError:
        # The folder is gone, and everything else is still to be told.
        return text
