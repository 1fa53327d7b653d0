"""
From the name of a kind of sink to its class.

Ours stand in a table. Entry points of the group ``mohflow.sinks`` are read
only when a name is not in it, because reading them costs milliseconds.
"""

from __future__ import annotations

import inspect

from collections.abc import Mapping
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from mohflow._delivery_options import DeliveryOptions
from mohflow._validation import explain, nearest
from mohflow.exceptions import ConfigurationError
from mohflow.typing import Sink


GROUP = "mohflow.sinks"
"""The entry points that a plug-in declares."""

BUILT_IN = {
    "http": "mohflow.sinks.http:HttpSink",
    "loki": "mohflow.sinks.loki:LokiSink",
}
"""Where the classes of our own sinks are."""

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
    if isinstance(what, Sink):
        return what, getattr(what, "options", None)
    if isinstance(what, Mapping):
        kind, options = _read(name, dict(what))
    else:
        kind, options = class_for(what), what
    if "labels" in inspect.signature(kind).parameters:
        return kind(options, labels=labels), options  # type: ignore[call-arg]
    return kind(options), options  # type: ignore[call-arg]


def _read(
    name: str, given: dict[str, Any]
) -> tuple[type[Sink], BaseModel | None]:
    kind = given.pop("type", None)
    if not isinstance(kind, str):
        msg = f"sinks.{name}.type is missing. Give the name of a kind of sink."
        raise ConfigurationError(msg)
    found = load(kind)
    model = getattr(found, "options_type", None)
    if model is None:
        msg = f"sinks.{name}: sink {kind!r} takes no options; give the sink."
        raise ConfigurationError(msg)
    try:
        return found, model(**given)
    except ValidationError as error:
        message = f"sinks.{name}: {explain(error, given, model)}"
        raise ConfigurationError(message) from None


def wants_disk(
    name: str, options: DeliveryOptions, spool_dir: Path | None
) -> bool:
    """
    Return whether the sink called *name* keeps events on disk.

    Raises:
        ConfigurationError: It is told to, and there is no folder for it.
    """
    if options.durability in {"spool", "wal"} and spool_dir is None:
        msg = (
            f"{name}.durability cannot be {options.durability!r} without "
            "spool_dir. Set spool_dir to a folder."
        )
        raise ConfigurationError(msg)
    return options.durability != "memory" and spool_dir is not None
