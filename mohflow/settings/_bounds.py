"""Refuse what no configuration file needs: depth, size, names of no text."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mohflow.exceptions import ConfigurationError


MAX_DEPTH = 20
MAX_VALUES = 10_000
"""Values in a file, each alias of YAML counted with all that is below it."""


def require_bounded(path: Path, values: Any) -> None:
    """
    Return if all names are text, and the values few, flat and Unicode.

    Raises:
        ConfigurationError: They are not; the message names *path*.
    """
    count = 0
    waiting = [(values, 0)]
    while waiting:
        value, depth = waiting.pop()
        count += 1
        if count > MAX_VALUES or depth > MAX_DEPTH:
            msg = (
                f"{path} holds more than {MAX_VALUES} values, or they are "
                f"nested more than {MAX_DEPTH} deep. Nothing of it is used."
            )
            raise ConfigurationError(msg)
        if isinstance(value, Mapping):
            for name in value:
                _require_text(path, name)
            waiting += ((v, depth + 1) for v in value.values())
        elif isinstance(value, (list, tuple, set)):
            waiting += ((v, depth + 1) for v in value)
        elif isinstance(value, str):
            _require_unicode(path, value)


def _require_text(path: Path, name: Any) -> None:
    if not isinstance(name, str):
        msg = (
            f"{path}: the name {str(name)[:40]} is no text. Put it in quotes."
        )
        raise ConfigurationError(msg)
    _require_unicode(path, name)


def _require_unicode(path: Path, text: str) -> None:
    """Refuse what JSON can hold and no encoding can write."""
    if any("\ud800" <= letter <= "\udfff" for letter in text):
        msg = (
            f"{path} holds half of a character, as \\ud83d alone. Write the "
            "whole character."
        )
        raise ConfigurationError(msg)
