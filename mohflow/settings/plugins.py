"""
From the name of a kind of sink to its class.

Ours stand in a table. Entry points of the group ``mohflow.sinks`` are read
only when a name is not in it, because reading them costs milliseconds.
"""

from __future__ import annotations

import inspect

from collections.abc import Iterator, Mapping
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import NoneType
from typing import Any

from pydantic import BaseModel, ValidationError

from mohflow._delivery_options import DeliveryOptions
from mohflow.exceptions import ConfigurationError
from mohflow.settings._validation import (
    Origin,
    explain,
    nearest,
    shown,
    without_secrets,
)
from mohflow.typing import Sink


GROUP = "mohflow.sinks"
"""The entry points that a plug-in declares."""

BUILT_IN = {
    "http": "mohflow.sinks.http:HttpSink",
    "loki": "mohflow.sinks.loki:LokiSink",
}
"""Where the classes of our own sinks are."""

TAKEN = frozenset({"console", "file", "loki", "stderr"})
"""Names that a further sink cannot have: they stand in the ledger already."""

ON_DISK = frozenset({"spool", "wal"})
"""What ``durability`` may be only where there is a folder for it."""

EXTRAS: dict[str, str] = {}
"""The extra that brings what a sink of ours needs, by the name of the sink."""


def load(kind: str) -> type[Sink]:
    """
    Return the class of the sinks called *kind*.

    Raises:
        ConfigurationError: There is none, it needs an extra that is not
            installed, or its plug-in cannot be imported.
    """
    entry = _entry(kind)
    try:
        found = entry.load()
    except ModuleNotFoundError as error:
        extra = EXTRAS.get(kind)
        package = f"'mohflow[{extra}]'" if extra else error.name
        msg = (
            f"Sink {kind!r} needs {error.name!r}, which is not installed. "
            f"Install it: python -m pip install {package}."
        )
        raise ConfigurationError(msg) from error
    except Exception as error:
        # Whatever a plug-in raises when it is imported: one clear error.
        msg = (
            f"Sink {kind!r} of {entry.value!r} cannot be imported: "
            f"{type(error).__name__}: {error}. Update or remove its package."
        )
        raise ConfigurationError(msg) from error
    if not (isinstance(found, type) and issubclass(found, Sink)):
        msg = f"Sink {kind!r} of {entry.value!r} is no mohflow.Sink."
        raise ConfigurationError(msg)
    return found


def _entry(kind: str) -> EntryPoint:
    if kind in BUILT_IN:
        return EntryPoint(kind, BUILT_IN[kind], GROUP)
    found = entry_points(group=GROUP)
    if kind in found.names:
        return found[kind]
    known = sorted({*BUILT_IN, *found.names})
    msg = f"Unknown kind of sink {kind!r}.{nearest(kind, known)}"
    raise ConfigurationError(msg)


def class_for(options: object) -> type[Sink]:
    """
    Return the class of the sinks that take *options*.

    Raises:
        ConfigurationError: No class that is imported takes them.
    """
    for kind_name in BUILT_IN:
        load(kind_name)
    waiting = [Sink]
    while waiting:
        kind = waiting.pop()
        if kind.__dict__.get("options_type") is type(options):
            return kind
        waiting += kind.__subclasses__()
    msg = (
        f"No sink takes {type(options).__name__}. Import the module of its "
        "sink, or give the sink itself."
    )
    raise ConfigurationError(msg)


def resolve(what: Any) -> tuple[Sink | type[Sink], BaseModel | None]:
    """
    Return the sink or the class that *what* stands for, and its options.

    Args:
        what: A sink, its options, or a mapping with ``type`` and options.

    Raises:
        ConfigurationError: It stands for none.
    """
    if isinstance(what, Sink):
        return what, getattr(what, "options", None)
    if isinstance(what, Mapping):
        kind, model = _kind(what.get("type"))
        return kind, model(**_options(what))
    return class_for(what), what


def make(
    name: str, what: Any, labels: Mapping[str, str]
) -> tuple[Sink, BaseModel | None]:
    """
    Return the sink that *what* stands for, and its options.

    Args:
        name: The name under ``sinks``, for messages.
        what: A sink, its options, or a mapping with ``type`` and options.
        labels: What the pipeline knows about this process.

    Raises:
        ConfigurationError: It stands for none, or an option is not allowed.
    """
    if isinstance(what, Mapping):
        found = faults(name, what, lambda _: f"sinks.{name}")
        if found:
            raise ConfigurationError("\n".join(found))
    kind, options = resolve(what)
    return create(kind, options, labels), options


def create(
    kind: Sink | type[Sink],
    options: BaseModel | None,
    labels: Mapping[str, str],
) -> Sink:
    """
    Return the sink of that class, with *options*.

    Args:
        kind: The class, or the sink itself.
        options: Its options.
        labels: What the pipeline knows about this process.

    Raises:
        ConfigurationError: It cannot be used.
    """
    if isinstance(kind, Sink):
        return kind
    if "labels" in inspect.signature(kind).parameters:
        return kind(options, labels=labels)  # type: ignore[call-arg]
    return kind(options)  # type: ignore[call-arg]


def faults(name: str, what: Mapping[str, Any], origin: Origin) -> list[str]:
    """
    Return what is wrong with a mapping that stands for a sink.

    Args:
        name: The name under ``sinks``.
        what: ``type`` and options.
        origin: Tells where the value at a path came from.
    """
    below = ("sinks", name)
    try:
        _, model = _kind(what.get("type"))
    except ConfigurationError as error:
        path = (*below, "type")
        what_failed = without_secrets(str(error))
        return [f"{'.'.join(path)} (from {origin(path)}): {what_failed}"]
    try:
        model(**_options(what))
    except ValidationError as error:
        return explain(error, origin, model, below)
    return []


def _kind(kind: Any) -> tuple[type[Sink], type[BaseModel]]:
    """Return the class of the sinks called *kind*, and of its options."""
    if not isinstance(kind, str):
        known = ", ".join(sorted(BUILT_IN))
        msg = f"It must name a kind of sink. Known: {known}, and plug-ins."
        raise ConfigurationError(msg)
    found = load(kind)
    model = getattr(found, "options_type", None)
    if model is None:
        msg = f"Sink {kind!r} takes no options. Give the sink itself."
        raise ConfigurationError(msg)
    return found, model


def _options(what: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in what.items() if key != "type"}


def faults_together(given: Mapping[str, Any], origin: Origin) -> Iterator[str]:
    """
    Yield what is wrong with sinks that are right one by one.

    Args:
        given: The settings, not yet validated.
        origin: Tells where the value at a path came from.
    """
    sinks = given.get("sinks")
    named = dict(sinks) if isinstance(sinks, Mapping) else {}
    for name, what in named.items():
        where = origin(("sinks", name))
        if isinstance(what, (str, bytes, int, float, list, tuple, NoneType)):
            yield (
                f"sinks.{name} cannot be {shown(what, ('sinks', name))} "
                f"(from {where}). Give values by name: type, and the options "
                "of that type."
            )
        if name == "":
            yield f"sinks has one without a name (from {where}). Name it."
        if name not in TAKEN:
            continue
        yield (
            f"sinks cannot have a sink named {name!r} (from {where}). The "
            "name is taken. Choose another, or use the setting of that name."
        )
    if given.get("spool_dir") is not None:
        return
    paths: dict[tuple[str, ...], Any] = {("loki",): given.get("loki")}
    paths |= {("sinks", name): what for name, what in named.items()}
    for path, what in paths.items():
        durability = _durability(what)
        if durability in ON_DISK:
            option = (*path, "durability")
            yield (
                f"{'.'.join(option)} cannot be {durability!r} (from "
                f"{origin(option)}). It needs spool_dir, which is not given. "
                "Set spool_dir to a folder."
            )


def _durability(what: Any) -> Any:
    """Return the durability of options, of a mapping of them, or a sink."""
    if isinstance(what, Mapping):
        found = what.get("durability")
    else:
        options = getattr(what, "options", what)
        found = getattr(options, "durability", None)
    return found if isinstance(found, str) else None


def wants_disk(options: DeliveryOptions, spool_dir: Path | None) -> bool:
    """Return whether a sink keeps events on disk."""
    return options.durability != "memory" and spool_dir is not None
