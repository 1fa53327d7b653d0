"""Which sinks there are, and where their things lie on disk."""

from __future__ import annotations

import sys

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from mohflow import LokiOptions, Settings
from mohflow.delivery.adoption import sink_folder
from mohflow.delivery.dead_letters import DeadLetters
from mohflow.delivery.inventory import Orphans, orphans_in
from mohflow.delivery.redelivery import NO_LIMIT
from mohflow.exceptions import ConfigurationError


class Place(NamedTuple):
    """Where things of one sink lie on disk."""

    sink: str
    letters: DeadLetters
    spool: Path | None

    @property
    def work(self) -> Path:
        """The folder of the letters that are being sent again."""
        return self.letters.path.with_name(f"{self.letters.path.name}.replay")

    @property
    def files(self) -> list[Path]:
        """The files of letters, and those of a replay that was killed."""
        taken = sorted(self.work.glob("taken-*"))
        return [*taken, self.letters.old_path, self.letters.path]

    def orphans(self) -> Orphans:
        """
        Return what processes that have ended left.

        Raises:
            OSError: It cannot be read.
        """
        return orphans_in(self.spool) if self.spool else Orphans()


def sinks_of(settings: Settings) -> dict[str, Any]:
    """Return what stands for each remote sink of *settings*, by name."""
    sinks = dict(settings.sinks)
    if isinstance(settings.loki, LokiOptions):
        sinks["loki"] = settings.loki
    return sinks


def places_of(
    path: Path | None, sink: str | None, settings: Settings
) -> list[Place]:
    """
    Return the places of the sinks that are meant.

    Args:
        path: A file of dead letters; a folder is ``spool_dir`` by now.
        sink: The name of the only one, if one is named.
        settings: Have the sinks and ``spool_dir``.

    Raises:
        ConfigurationError: The settings have no such sink.
    """
    sinks = sinks_of(settings)
    if path is not None and not path.is_dir():
        letters = DeadLetters(path, NO_LIMIT)
        first = next((letter.sink for letter in letters), "loki")
        name = sink or first
        _require(name, sinks)
        return [Place(name, letters, None)]
    if sink or not sinks:
        _require(sink or "loki", sinks)
    places = _places_below(settings.spool_dir, sinks)
    return [p for p in places if sink in (None, p.sink)]


def _require(name: str, sinks: Mapping[str, Any]) -> None:
    if name not in sinks:
        known = ", ".join(sinks) or "none"
        msg = (
            f"The settings have no sink {name!r}; they have: {known}. "
            "Set MOHFLOW_LOKI_URL, or give --loki or --sink."
        )
        raise ConfigurationError(msg)


def _places_below(
    spool_dir: Path | None, sinks: Mapping[str, Any]
) -> list[Place]:
    if spool_dir is None:
        msg = "spool_dir is missing. Give a path, or set MOHFLOW_SPOOL_DIR."
        raise ConfigurationError(msg)
    places = {}
    for name in sinks:
        folder = sink_folder(spool_dir, name)
        letters = folder.with_name(f"{folder.name}.dead.jsonl")
        places[folder.name] = Place(
            name, DeadLetters(letters, NO_LIMIT), folder
        )
    found = sorted(spool_dir.iterdir()) if spool_dir.is_dir() else []
    for path in found:
        if path.name.partition(".")[0] not in places:
            print(
                f"{path} belongs to no sink of the settings and is left.",
                file=sys.stderr,
            )
    return list(places.values())
