"""Look at console, log file and spool without writing to them."""

from __future__ import annotations

import os
import shutil
import sys

from collections.abc import Iterator
from pathlib import Path

from mohflow import ConsoleOptions, FileOptions, Settings
from mohflow.cli.finding import Finding, fault, fine, note
from mohflow.delivery.inventory import letters_in, orphans_in
from mohflow.sinks.terminal import is_terminal, wants_colors


LITTLE_ROOM = 64 * 1024 * 1024
"""Bytes; with less than these a disk is about to be full."""


def console(settings: Settings) -> Iterator[Finding]:
    """Tell where the console is, and in which format it writes."""
    if settings.console is False:
        yield note("it is off", "MOHFLOW_CONSOLE=false, or console=False.")
        return
    options = settings.console or ConsoleOptions()
    stream = getattr(sys, options.stream)
    if stream is None:
        yield fault(f"there is no {options.stream}", "Events are lost to it.")
        return
    colors = wants_colors(stream, os.environ)
    is_for_people = is_terminal(stream) or colors
    form = options.format or ("console" if is_for_people else "json")
    kind = "a terminal" if is_terminal(stream) else "no terminal"
    yield fine(
        f"{options.stream}, which is {kind} here: format {form}, "
        f"{'with' if colors else 'without'} colours, encoding "
        f"{stream.encoding}"
    )


def file(settings: Settings) -> Iterator[Finding]:
    """Tell whether this user could write the log file."""
    if not isinstance(settings.file, FileOptions):
        yield note("none is set", "MOHFLOW_FILE would set one.")
        return
    path = Path(os.path.abspath(settings.file.path))
    yield from _writable(path)
    if settings.file.max_bytes is None and settings.file.rotate == "none":
        yield note("it is never rotated", "max_bytes or rotate would do it.")


def spool(settings: Settings) -> Iterator[Finding]:
    """Tell whether this user could spool, and what waits."""
    folder = settings.spool_dir
    if folder is None:
        yield note(
            "none is set: what remote sinks cannot send waits in memory",
            "MOHFLOW_SPOOL_DIR would set a folder.",
        )
        return
    folder = Path(os.path.abspath(folder))
    yield from _writable(folder / "x", name=str(folder))
    try:
        yield from _waiting(folder)
    except OSError as error:
        yield fault(f"{folder} cannot be read: {error.strerror}")


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


def _writable(path: Path, name: str = "") -> Iterator[Finding]:
    """Tell whether *path* could be written, and whether there is room."""
    name = name or str(path)
    there = path if path.exists() else _nearest(path)
    if there != path and not there.is_dir():
        yield fault(f"{name}: {there} is no folder", "Choose another path.")
        return
    if path.is_dir():
        yield fault(f"{name} is a folder", "Give the path of a file.")
        return
    needed = os.W_OK if there == path else os.W_OK | os.X_OK
    if not os.access(there, needed):
        yield fault(
            f"{name}: user {os.geteuid()} may not write to {there}",
            "Let this user write there, or choose another path.",
        )
        return
    yield fine(f"{name}: user {os.geteuid()} may write there")
    free = shutil.disk_usage(there).free
    if free < LITTLE_ROOM:
        yield fault(f"{name}: {free:,} bytes are free", "Free some space.")
    else:
        yield fine(f"{name}: {free / 1e9:.1f} GB are free")


def _nearest(path: Path) -> Path:
    """Return the closest parent that exists."""
    return next(parent for parent in path.parents if parent.exists())
