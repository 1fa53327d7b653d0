"""Look at console, log file and spool without writing to them."""

from __future__ import annotations

import os
import shutil
import sys

from collections.abc import Iterator
from pathlib import Path

from mohflow import ConsoleOptions, FileOptions, Settings
from mohflow.cli.finding import Finding, fault, fine, near, note
from mohflow.delivery.inventory import letters_in, orphans_in
from mohflow.settings.checks import refusal_to_write
from mohflow.sinks.terminal import is_terminal, wants_colors


LITTLE_ROOM = 64 * 1024 * 1024
"""Bytes; with less than these a disk is about to be full."""


def console(settings: Settings) -> Iterator[Finding]:
    """Tell where the console is, and in which format it writes."""
    if settings.console is False:
        yield note("console: it is off")
        return
    options = settings.console or ConsoleOptions()
    stream = getattr(sys, options.stream)
    if stream is None:
        what = f"console: there is no {options.stream}; its events are lost"
        yield fault(what, "Choose another stream, or set console to false.")
        return
    colors = wants_colors(stream, os.environ)
    is_for_people = is_terminal(stream) or colors
    form = options.format or ("console" if is_for_people else "json")
    kind = "a terminal" if is_terminal(stream) else "no terminal"
    yield fine(
        f"console: {options.stream}, {kind} here: format {form}, "
        f"{'' if colors else 'no '}colours, {stream.encoding}"
    )


def file(settings: Settings) -> Iterator[Finding]:
    """Tell whether this user could write the log file."""
    if not isinstance(settings.file, FileOptions):
        yield note("file: none is set; MOHFLOW_FILE would set one")
        return
    path = Path(os.path.abspath(settings.file.path))
    yield from _writable("file", path)
    if settings.file.max_bytes is None and settings.file.rotate == "none":
        yield note("file: it is never rotated; max_bytes or rotate would")


def spool(settings: Settings) -> Iterator[Finding]:
    """Tell whether this user could spool, and what waits."""
    folder = settings.spool_dir
    if folder is None:
        yield note(
            "spool: none is set; what a remote sink cannot send waits in "
            "memory"
        )
        return
    folder = Path(os.path.abspath(folder))
    yield from _writable("spool", folder, is_folder=True)
    try:
        yield from _waiting(folder)
    except OSError as error:
        yield fault(
            f"spool: {folder} cannot be read: {error.strerror}",
            "Let this user read it.",
        )


def _waiting(folder: Path) -> Iterator[Finding]:
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if path.name.endswith(".dead.jsonl"):
            count = letters_in([path]).total()
            yield note(
                f"{path.name}: {count} dead letters",
                "mohflow replay sends them again.",
            )
        elif path.is_dir():
            found = orphans_in(path)
            if found.events:
                yield note(
                    f"{path.name}: {found.events} events of processes that "
                    "have ended",
                    "The next process with this spool_dir sends them, or "
                    "mohflow replay.",
                )


def _writable(
    name: str, path: Path, *, is_folder: bool = False
) -> Iterator[Finding]:
    """Tell whether *path* could be written, and whether there is room."""
    shown = near(str(path))
    refusal = refusal_to_write(path, is_folder=is_folder)
    if refusal:
        yield fault(f"{name} {shown}: {refusal.why}", f"{refusal.remedy}.")
        return
    there = next(p for p in (path, *path.parents) if p.exists())
    free = shutil.disk_usage(there).free
    if free < LITTLE_ROOM:
        yield fault(f"{name} {shown}: {free:,} bytes are free", "Free space.")
    else:
        yield fine(
            f"{name} {shown}: user {os.geteuid()} may write there, "
            f"{free / 1e9:.1f} GB are free"
        )
