"""
What this user, on this machine, cannot read or write of the settings.

Files are opened for reading at most, and nothing is created.
"""

from __future__ import annotations

import os

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeGuard

from mohflow.settings import plugins
from mohflow.sinks._http_files import wrong_files
from mohflow.sinks._http_options import FILES


class Refusal(NamedTuple):
    """Why this user cannot have something here, and what to do."""

    why: str
    remedy: str


def refusals(
    given: Mapping[str, Any],
) -> Iterator[tuple[tuple[str, ...], str, Refusal]]:
    """
    Yield what cannot be used here: path of the setting, value, why.

    Args:
        given: Settings, not validated: what is no path is passed over.
    """
    file = given.get("file")
    paths = {
        ("file", "path"): file.get("path") if _is_table(file) else None,
        ("spool_dir",): given.get("spool_dir"),
    }
    for setting, value in paths.items():
        if _is_path(value):
            folder = setting == ("spool_dir",)
            path = Path(os.path.expanduser(value))
            refusal = refusal_to_write(path, is_folder=folder)
            if refusal:
                yield setting, value, refusal
    for setting, options in _sinks(given).items():
        named = {n: options[n] for n in FILES if _is_path(options.get(n))}
        for option, why, remedy in wrong_files(named):
            yield (*setting, option), named[option], Refusal(why, remedy)


def _sinks(given: Mapping[str, Any]) -> dict[tuple[str, ...], Any]:
    """Return the options of the sinks that speak HTTP."""
    sinks = given.get("sinks")
    found: dict[tuple[str, ...], Any] = {("loki",): given.get("loki")}
    for name, what in sinks.items() if _is_table(sinks) else ():
        if _is_table(what) and what.get("type") in [*plugins.BUILT_IN]:
            found["sinks", name] = what
    return {path: what for path, what in found.items() if _is_table(what)}


def _is_table(value: Any) -> TypeGuard[Mapping[str, Any]]:
    return isinstance(value, Mapping)


def _is_path(value: Any) -> TypeGuard[str]:
    return isinstance(value, str) and value != "" and "\0" not in value


def refusal_to_write(path: Path, *, is_folder: bool = False) -> Refusal | None:
    """
    Return why this user cannot write *path*, if so; nothing is opened.

    Missing folders count as made, where this user may make them.

    Args:
        path: The file, or the folder for files.
        is_folder: Which of the two.
    """
    real = Path(os.path.realpath(path))
    there = next(p for p in (real, *real.parents) if os.path.exists(p))
    if there == real and there.is_dir() and not is_folder:
        return Refusal(f"{path} is a folder", "Give the path of a file")
    if not there.is_dir() and (there != real or is_folder):
        return Refusal(f"{there} is no folder", "Choose another path")
    needed = os.W_OK | (os.X_OK if there.is_dir() else 0)
    is_effective = os.access in os.supports_effective_ids
    if os.access(there, needed, effective_ids=is_effective):
        return None
    return Refusal(
        f"{_user()} may not write to {there}",
        "Let this user write there, or choose another path",
    )


def _user() -> str:
    return f"User {os.geteuid()}" if hasattr(os, "geteuid") else "This user"
