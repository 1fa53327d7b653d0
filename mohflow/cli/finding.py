"""What the doctor has found, and how it is shown."""

from __future__ import annotations

from collections.abc import Iterable
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


def show(title: str, findings: Iterable[Finding]) -> bool:
    """Print *findings* as they come; return whether none is a fault."""
    print(title)
    is_fine = True
    for finding in findings:
        is_fine = is_fine and finding.mark != "FAULT"
        print(f"  {finding.mark:<7}{finding.what}", flush=True)
        for line in finding.notes:
            print(f"         {line}", flush=True)
    print()
    return is_fine
