"""What the environment says: our variables, a secrets directory, others'."""

from __future__ import annotations

import json
import os

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, get_origin
from urllib.parse import unquote

from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, EnvSettingsSource

from mohflow._levels import level_number
from mohflow.diagnostics import complain
from mohflow.exceptions import ConfigurationError


PREFIX = "MOHFLOW_"
"""What the names of our environment variables begin with."""

SHORTHANDS = {"file": "path", "loki": "url"}
"""The option that a plain string stands for, by setting."""

OFF = frozenset({"false", "off", "no", "0"})
"""What a variable says to turn off what has options."""


def expand(name: str, value: Any) -> Any:
    """Turn the string that stands for an options object into a mapping."""
    is_path = isinstance(value, (str, os.PathLike))
    # What begins like JSON, and could not be read, is no path.
    if name in SHORTHANDS and is_path and not str(value).startswith("{"):
        return {SHORTHANDS[name]: os.fspath(value)}
    return value


class Environment(EnvSettingsSource):
    """
    ``MOHFLOW_`` variables; ``MOHFLOW_FILE`` adds to ``MOHFLOW_FILE_*``.

    Lists and mappings are JSON, or parts with commas between them. What
    cannot be read stays text, so that validation names it.
    """

    def get_field_value(
        self, field: FieldInfo, field_name: str
    ) -> tuple[Any, str, bool]:
        """Return what the variables say of a field, as the parent does."""
        if not self._speaks_of(field_name):
            return None, field_name, False
        return super().get_field_value(field, field_name)

    def prepare_field_value(
        self,
        field_name: str,
        field: FieldInfo,
        value: Any,
        value_is_complex: bool,  # noqa: FBT001 - the signature of the parent
    ) -> Any:
        if not self._speaks_of(field_name):
            return None
        if field_name == "sinks":
            return self.decode_complex_value(field_name, field, value)
        if not isinstance(value, str):
            pass
        elif options_of(field) and value.lower() in OFF:
            return False
        elif field_name in SHORTHANDS and not value.startswith("{"):
            options = self.explode_env_vars(field_name, field, self.env_vars)
            return {**options, **expand(field_name, value)}
        return super().prepare_field_value(
            field_name, field, value, value_is_complex
        )

    def _speaks_of(self, field_name: str) -> bool:
        """Return whether a variable begins with the name of a field."""
        # The parent looks at the type of each field first, which takes longer
        # than the rest of the settings.
        begin = f"{PREFIX}{field_name}".lower()
        return any(name.startswith(begin) for name in self._ours)

    @cached_property
    def _ours(self) -> list[str]:
        names = map(str.lower, self.env_vars)
        return [name for name in names if name.startswith(PREFIX.lower())]

    def decode_complex_value(
        self, field_name: str, field: FieldInfo, value: Any
    ) -> Any:
        """Return the list or the mapping that *value* stands for."""
        kind = None if field is None else get_origin(field.annotation)
        text = value.lstrip() if isinstance(value, str) else ""
        if not text:
            return value
        try:
            if kind is tuple and text[0] != "[":
                return [p.strip() for p in text.split(",") if p.strip()]
            if kind in {dict, Mapping} and text[0] != "{":
                return pairs(text)
            return json.loads(text)
        except (ValueError, RecursionError):
            return value


def pairs(text: str) -> dict[str, str]:
    """
    Return what ``db=DEBUG,urllib3=WARNING`` says.

    Raises:
        ValueError: A part has no ``=``.
    """
    split = [part.partition("=") for part in text.split(",") if part.strip()]
    if not all(equals for _, equals, _ in split):
        msg = "a part has no ="
        raise ValueError(msg)
    return {name.strip(): value.strip() for name, _, value in split}


class SecretsDirectory(Environment):
    """A folder with a file for each setting, named like its variable."""

    def __init__(self, model: type[BaseSettings], folder: Path) -> None:
        self._folder = folder
        super().__init__(model)

    def _load_env_vars(self) -> Mapping[str, str | None]:
        prefix = PREFIX.lower()
        try:
            return {
                path.name.lower(): path.read_text(encoding="utf-8").rstrip(
                    "\r\n"
                )
                for path in sorted(self._folder.iterdir())
                if path.name.lower().startswith(prefix) and path.is_file()
            }
        except (OSError, UnicodeError) as error:
            why = getattr(error, "strerror", None) or "it is no text in UTF-8"
            msg = (
                f"Cannot read the secrets in {str(self._folder)!r} "
                f"(secrets_dir): {why}. Choose another folder, or let this "
                "user read it."
            )
            raise ConfigurationError(msg) from None


def variable(path: Sequence[str]) -> str:
    """Return the variable, of those that are set, that speaks of *path*."""
    for end in range(len(path), 0, -1):
        wanted = f"{PREFIX}{'_'.join(path[:end])}".upper()
        for name in os.environ:
            if name.upper() == wanted:
                return f"environment variable {name}"
    wanted = f"{PREFIX}{path[0]}_".upper()
    names = [n for n in os.environ if n.upper().startswith(wanted)]
    return f"environment variable {', '.join(names)}"


def fallbacks() -> dict[str, Any]:
    """Return what variables of others say that are below ours."""
    text = os.environ.get("OTEL_RESOURCE_ATTRIBUTES", "")
    parts = [part.partition("=") for part in text.split(",")]
    resource = {name.strip(): unquote(v.strip()) for name, _, v in parts}
    values = {
        "service": os.environ.get("OTEL_SERVICE_NAME")
        or resource.get("service.name"),
        "environment": resource.get("deployment.environment.name")
        or resource.get("deployment.environment"),
        "level": _fallback_level(os.environ.get("LOG_LEVEL")),
    }
    return {name: value for name, value in values.items() if value is not None}


def _fallback_level(text: str | None) -> int | None:
    """Return the level of ``LOG_LEVEL``, which may be meant for others."""
    if not text:
        return None
    try:
        return level_number(text)
    except ValueError as error:
        complain("LOG_LEVEL", f"LOG_LEVEL is passed over. {error}")
        return None


def variable_of_others(path: Sequence[str]) -> str:
    """Return which variable of others speaks of *path*."""
    names = {
        "service": "OTEL_SERVICE_NAME",
        "level": "LOG_LEVEL",
    }
    name = names.get(path[0], "OTEL_RESOURCE_ATTRIBUTES")
    if not os.environ.get(name):
        name = "OTEL_RESOURCE_ATTRIBUTES"
    return f"environment variable {name}"


def options_of(field: FieldInfo) -> tuple[str, ...]:
    """Return the names of the options of a setting that has some."""
    for part in getattr(field.annotation, "__args__", ()):
        if hasattr(part, "model_fields"):
            return tuple(part.model_fields)
    return ()
