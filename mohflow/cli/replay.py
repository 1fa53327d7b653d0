"""
``mohflow replay``: send again what was refused or left behind on disk.

Dead letters are what a sink refused for good; orphaned segments are what a
process kept on disk and could not send before it ended.
"""

from __future__ import annotations

import argparse

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mohflow import (
    DeliveryOptions,
    LedgerSnapshot,
    Settings,
)
from mohflow.cli.places import Place, places_of, sinks_of
from mohflow.cli.progress import Progress
from mohflow.delivery.inventory import Orphans, letters_in, orphans_in
from mohflow.delivery.redelivery import (
    CarefulDisk,
    Redelivery,
    alone,
    spool_letters,
)
from mohflow.exceptions import ConfigurationError
from mohflow.settings import plugins


PATIENCE = 15.0
"""Seconds that a write may take after Ctrl-C, for sinks without timeout."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Tell *parser* what the command takes."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.description = (
        "Send dead letters, and the spooled events of processes that have\n"
        "ended, again. Sinks and spool_dir come from the settings, as in the\n"
        "program: run this with the program's MOHFLOW_ variables. An event\n"
        "leaves the disk only after it was stored; it may be interrupted and\n"
        "run again. What belongs to running processes is left alone."
    )
    parser.epilog = (
        "examples:\n"
        "  mohflow replay --dry-run\n"
        "  mohflow replay /var/spool/shop --loki http://loki:3100\n"
        "  mohflow replay loki.dead.jsonl --loki http://loki:3100\n"
        "\n"
        "exit codes: 0 nothing is left, 1 something is left or was refused\n"
        "again, 2 wrong usage or settings, 130 interrupted"
    )
    parser.add_argument(
        "path",
        nargs="?",
        type=Path,
        metavar="PATH",
        help="a spool_dir, or a file of dead letters (default: spool_dir of "
        "the settings)",
    )
    parser.add_argument(
        "--sink", metavar="NAME", help="this sink only (default: all)"
    )
    parser.add_argument(
        "--loki", metavar="URL", help="where the sink loki sends to"
    )
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="say what is there, and change nothing",
    )


def run(options: argparse.Namespace) -> int:
    """Send again what *options* name; return the exit code."""
    settings = _settings(options)
    sinks = sinks_of(settings)
    places = places_of(options.path, options.sink, settings)
    if options.dry_run:
        for place in places:
            _say(place, _describe(place, place.orphans()))
        return 0
    is_clean = True
    try:
        for place in places:
            is_clean &= _replay(place, sinks[place.sink], settings)
    except KeyboardInterrupt:
        print("interrupted; what is left stays on disk. Run it again.")
        return 130
    return 0 if is_clean else 1


def _settings(options: argparse.Namespace) -> Settings:
    given: dict[str, Any] = {}
    if options.loki:
        given["loki"] = options.loki
    if options.path is not None:
        if not options.path.exists() and not _work_of(options.path).exists():
            msg = f"{str(options.path)!r} does not exist. Give another path."
            raise ConfigurationError(msg)
        if options.path.is_dir():
            given["spool_dir"] = options.path
    return Settings(**given)


def _work_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.replay")


def _describe(place: Place, orphans: Orphans) -> str:
    reasons = letters_in(place.files)
    unreadable = reasons.pop("", 0)
    begun = orphans_in(place.work).events
    listed = ", ".join(f"{why} {n}" for why, n in sorted(reasons.items()))
    parts = [
        f"{reasons.total()} dead letters" + (f" ({listed})" if listed else "")
    ]
    if begun:
        parts.append(f"{begun} of a replay that was interrupted")
    parts.append(f"{orphans.events} spooled events of ended processes")
    if orphans.running:
        parts.append(f"{orphans.running} running processes, left alone")
    if unreadable:
        parts.append(f"{unreadable} lines that are no letters, which stay")
    parts += [
        f"{path} is damaged or of another version, and stays"
        for path in orphans.foreign
    ]
    return "\n  ".join(parts)


def _say(place: Place, text: str) -> None:
    print(f"{place.sink}: {text}", flush=True)


def _replay(place: Place, what: Any, settings: Settings) -> bool:
    """Send all of one sink; return whether nothing is left."""
    before = place.orphans()
    _say(place, _describe(place, before))
    redelivery = _redelivery(place.sink, what, settings)
    try:
        unreadable = _send(place, redelivery, before)
    except KeyboardInterrupt:
        _report(place, redelivery)
        raise
    return _report(place, redelivery) and not (unreadable or before.foreign)


def _send(place: Place, redelivery: Redelivery, before: Orphans) -> int:
    """Send letters, then orphans; return how many lines are no letters."""
    unreadable = 0
    with Progress(place.sink) as bar:
        # First: what is refused of the orphans becomes letters, which need
        # not be sent twice.
        if _has_letters(place):
            unreadable = _send_letters(place, redelivery, bar)
        if place.spool is not None and before.events and not redelivery.fault:
            disk = CarefulDisk.at(place.spool, place.letters)
            _all(redelivery, disk, place.spool, bar)
    return unreadable


def _send_letters(place: Place, redelivery: Redelivery, bar: Progress) -> int:
    with alone(place.work) as is_alone:
        if not is_alone:
            _say(place, "another replay sends the dead letters")
            return 0
        unreadable = spool_letters(place.letters, place.work)
        disk = CarefulDisk.at(place.work, place.letters)
        _all(redelivery, disk, place.work, bar)
        return unreadable


def _has_letters(place: Place) -> bool:
    return place.work.is_dir() or any(path.exists() for path in place.files)


def _redelivery(name: str, what: Any, settings: Settings) -> Redelivery:
    known = {
        "service_name": settings.service,
        "environment": settings.environment,
    }
    _, options = plugins.make(name, what, {})

    def make_sink(labels: Mapping[str, str]) -> object:
        given = {k: v for k, v in {**known, **labels}.items() if v}
        return plugins.make(name, what, given)[0]

    bounds = (
        options if isinstance(options, DeliveryOptions) else DeliveryOptions()
    )
    patience = getattr(options, "timeout", PATIENCE) + 1.0
    return Redelivery(name, make_sink, bounds, patience)


def _all(
    redelivery: Redelivery, disk: CarefulDisk, folder: Path, bar: Progress
) -> None:
    """Send what is in *folder*; a run takes over a bounded number."""

    def watch(now: LedgerSnapshot) -> None:
        bar.show(now.accepted - now.spooled, now.accepted)

    while orphans_in(folder).events:
        counts = redelivery.run(disk, watch)
        if redelivery.fault or not counts.accepted:
            break


def _report(place: Place, redelivery: Redelivery) -> bool:
    """Say what became of all; return whether nothing is left."""
    fault, counts = redelivery.fault, redelivery.runs
    stored = sum(one.delivered for one in counts)
    refused = sum(sum(one.rejected.values()) for one in counts)
    lost = sum(sum(one.dropped.values()) for one in counts)
    left = place.orphans().events + orphans_in(place.work).events
    left += letters_in(place.files).total()
    text = f"{stored} stored, {left} left"
    if refused:
        text += f", {refused} of them refused again"
    if lost:
        text += f", {lost} could not be read"
    if fault:
        text += f"; the sink is away ({fault}). Run it again later"
    _say(place, text)
    return not (refused or lost or left or fault)
