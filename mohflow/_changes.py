"""Say, in events that no level of the program hides, what has changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from mohflow._emit import emit
from mohflow._levels import ERROR, WARNING, level_name
from mohflow._pipeline import Output
from mohflow.settings import Settings
from mohflow.settings._sources import leaves
from mohflow.settings._validation import shown
from mohflow.stdlib import RECORD_CHAIN


_NAME = "mohflow"


def differences(old: Settings, new: Settings) -> list[dict[str, str]]:
    """Return each setting that differs, before and after, secrets hidden."""
    before, after = _flat(old), _flat(new)
    return [
        {
            "setting": ".".join(path),
            "old": _text(before, path),
            "new": _text(after, path),
        }
        for path in dict.fromkeys((*before, *after))
        if before.get(path, _ABSENT) != after.get(path, _ABSENT)
    ]


_ABSENT = object()

_Flat = dict[tuple[str, ...], Any]


def _flat(settings: Settings) -> _Flat:
    values = dict(settings)
    for name, value in values.items():
        if isinstance(value, BaseModel):
            values[name] = value.model_dump()
    return dict(leaves(values))


def _text(values: _Flat, path: tuple[str, ...]) -> str:
    if path not in values:
        return "absent"
    value = values[path]
    if path[-1] == "level" and isinstance(value, int):
        return level_name(value)
    return shown(value, path)


def say_changed(changes: list[dict[str, str]]) -> None:
    """Log that settings have changed."""
    _say(WARNING, {"event": "settings_changed", "changes": changes})


def say_refused(error: Exception) -> None:
    """Log that what the sources say now cannot be used."""
    _say(ERROR, {"event": "settings_refused", "error": str(error)})


def say_level(level: int, logger: str | None, ttl: float | None) -> None:
    """Log that a level was set."""
    fields: dict[str, Any] = {"event": "level_changed"}
    fields["new_level"] = level_name(level)
    fields["of"] = logger or "all loggers"
    if ttl is not None:
        fields["seconds"] = ttl
    _say(WARNING, fields)


def _say(number: int, fields: Mapping[str, Any]) -> None:
    # An output of its own, which no rule holds for: it lets all through.
    emit(RECORD_CHAIN, Output(_NAME), number, dict(fields))
