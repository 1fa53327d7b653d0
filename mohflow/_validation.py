"""One clear message for whatever pydantic found wrong with the settings."""

from __future__ import annotations

import difflib
import json
import os
import re

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import SettingsError


SECRETS = frozenset({"password", "token", "hash_key", "headers", "proxy"})
"""Settings whose values are never shown."""


def nearest(name: str, known: Iterable[str]) -> str:
    """Return ``Did you mean ...`` if a known name is close, and all names."""
    names = list(known)
    close = difflib.get_close_matches(name, names, n=1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    return hint or f" Known: {', '.join(names)}."


def explain(
    error: ValidationError,
    arguments: Mapping[str, Any],
    model: type[BaseModel],
) -> str:
    """
    Return what is wrong, with each value, its source and the remedy.

    Args:
        error: What pydantic raised while it made *model*.
        arguments: What the program itself gave.
    """
    faults = _without_alternatives(error.errors(include_url=False))
    return "\n".join(_sentence(fault, arguments, model) for fault in faults)


def _without_alternatives(faults: list[ErrorDetails]) -> list[ErrorDetails]:
    """Leave out "or it should be False" where options were given."""
    told = {
        fault["loc"][0]
        for fault in faults
        if fault["loc"] and not _is_alternative(fault)
    }
    return [
        fault
        for fault in faults
        if not (_is_alternative(fault) and fault["loc"][0] in told)
    ]


def _is_alternative(fault: ErrorDetails) -> bool:
    return str(fault["loc"][-1]).startswith("literal[")


def _path(fault: ErrorDetails) -> list[str]:
    """Return the names on the way to the value, without those of types."""
    parts = [str(part) for part in fault["loc"]]
    return [
        part
        for number, part in enumerate(parts)
        if number == 0 or not (part[:1].isupper() or "[" in part)
    ]


def _sentence(
    fault: ErrorDetails, arguments: Mapping[str, Any], model: type[BaseModel]
) -> str:
    path = _path(fault)
    source = _source(path, arguments)
    name = ".".join(path)
    if fault["type"] == "extra_forbidden":
        known = _siblings(path, model)
        hint = nearest(path[-1], known)
        return f"Unknown setting {name!r} (from {source}).{hint}"
    if fault["type"] == "missing":
        return f"{name} is missing (from {source}). Give it a value."
    value = _shown(fault["input"], path)
    message = fault["msg"].removeprefix("Value error, ").removesuffix(".")
    return f"{name} cannot be {value} (from {source}). {message}."


def _shown(value: Any, path: list[str]) -> str:
    """Return the value for the message, without what is secret in it."""
    if not SECRETS.isdisjoint(path):
        return "**********"
    if isinstance(value, Mapping):
        pairs = (f"{k!r}: {_shown(v, [str(k)])}" for k, v in value.items())
        return "{" + ", ".join(pairs) + "}"
    # A URL that is wrong may still have a password in it.
    return re.sub(r"(?<=://)[^/@\s]*@", "**********@", repr(value))


def _source(path: list[str], arguments: Mapping[str, Any]) -> str:
    """Say where the value came from: an argument or a variable."""
    given = arguments.get(path[0])
    is_elsewhere = (
        isinstance(given, Mapping) and len(path) > 1 and path[1] not in given
    )
    if path[0] in arguments and not is_elsewhere:
        return f"argument {path[0]}"
    for end in range(len(path), 0, -1):
        wanted = "_".join(["mohflow", *path[:end]]).upper()
        for name in os.environ:
            if name.upper() == wanted:
                return f"environment variable {name}"
    if path[0] in arguments:
        return f"argument {path[0]}"
    wanted = "_".join(["mohflow", path[0], ""]).upper()
    names = [n for n in os.environ if n.upper().startswith(wanted)]
    return f"environment variable {names[0]}" if names else "the defaults"


def explain_json(error: SettingsError) -> str:
    """Return which variable holds no JSON, and what is wrong with it."""
    found = re.search(r'field "(\w+)"', str(error))
    prefix = f"mohflow_{found[1] if found else ''}".upper()
    names = [
        name
        for name, value in os.environ.items()
        if name.upper().startswith(prefix) and not _is_json(value)
    ]
    return (
        f"{' or '.join(sorted(names))} cannot be read as JSON: "
        f"{error.__cause__}. Lists and mappings are given as JSON."
    )


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _siblings(path: list[str], model: type[BaseModel]) -> list[str]:
    if len(path) == 1:
        return list(model.model_fields)
    annotation = model.model_fields[path[0]].annotation
    for part in getattr(annotation, "__args__", ()):
        if hasattr(part, "model_fields"):
            return list(part.model_fields)
    return []
