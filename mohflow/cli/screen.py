"""Print to a terminal of any width, or to a file, with colours or without."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap

from collections.abc import Iterable

from mohflow.cli.finding import Finding
from mohflow.sinks.terminal import is_terminal, wants_colors


COLORS = {"ok": "32", "note": "2", "FAULT": "1;31"}
"""Green, dim, and bold red: the parameters of the ANSI sequence."""

MARK = 7
"""Columns of a mark, with what is between it and the text."""

LEAST_WIDTH = 40


class Screen:
    """
    Where a command shows what it finds.

    On a terminal long lines are broken between words; elsewhere each finding
    stays on one line, for grep. Faults are counted.
    """

    def __init__(self) -> None:
        self.faults = 0
        self.width = 0
        """Columns; 0 if lines are not broken."""
        if is_terminal(sys.stdout):
            columns = shutil.get_terminal_size().columns
            self.width = max(columns, LEAST_WIDTH)
        self._has_colors = wants_colors(sys.stdout, os.environ)

    def line(self, text: str = "") -> None:
        """Print *text* as it is."""
        print(text, flush=True)

    def section(self, title: str, findings: Iterable[Finding]) -> None:
        """Print *findings* as they come, below *title*."""
        self.line(title)
        self.show(findings)
        self.line()

    def show(self, findings: Iterable[Finding]) -> None:
        """Print *findings* as they come."""
        for finding in findings:
            self.faults += finding.mark == "FAULT"
            mark = self._painted(f"{finding.mark:<{MARK}}", finding.mark)
            first, *more = self._broken(finding.what, MARK + 2)
            self.line(f"  {mark}{first}")
            for text in more:
                self.line(" " * (MARK + 2) + text)
            for note in finding.notes:
                for text in self._broken(note, MARK + 4):
                    self.line(" " * (MARK + 4) + text)

    def verdict(self, more: str = "") -> None:
        """Print how many faults there are, the last line."""
        count = self.faults
        text, mark = "No fault was found.", "ok"
        if count:
            are = "are" if count > 1 else "is"
            text = f"There {are} {count} fault{'s' * (count > 1)}. {more}"
            mark = "FAULT"
        self.line(self._painted(text.strip(), mark))

    def _broken(self, text: str, indent: int) -> list[str]:
        """Return *text* in lines that fit."""
        if not self.width:
            return [text]
        # Paths and URLs stay whole, to be copied.
        return textwrap.wrap(
            text,
            self.width - indent,
            break_long_words=False,
            break_on_hyphens=False,
        ) or [""]

    def _painted(self, text: str, mark: str) -> str:
        if not self._has_colors:
            return text
        return f"\x1b[{COLORS[mark]}m{text}\x1b[0m"
