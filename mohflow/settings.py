"""
Settings: arguments over environment over fallback variables over defaults.

The models of the options live beside what they configure; here they become
one model, and one error message.
"""

from __future__ import annotations

import json
import os

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, cast

from pydantic import BeforeValidator, Field, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    InitSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from mohflow._levels import level_number
from mohflow._validation import explain, explain_json, nearest
from mohflow.diagnostics import complain
from mohflow.exceptions import ConfigurationError
from mohflow.processors.limits import MIN_LINE_BYTES
from mohflow.processors.masking import MaskingOptions
from mohflow.sinks._loki_options import LokiOptions
from mohflow.sinks.console import ConsoleOptions
from mohflow.sinks.file import FileOptions
from mohflow.typing import Level


PREFIX = "MOHFLOW_"
"""What the names of our environment variables begin with."""

SHORTHANDS = {"file": "path", "loki": "url"}
"""The option that a plain string stands for, by setting."""

OFF = frozenset({"false", "off", "no", "0"})
"""What a variable says to turn off what has options."""


def _pairs(value: Any) -> Any:
    """Read ``db=DEBUG,urllib3=WARNING``; other values pass."""
    if not isinstance(value, str):
        return value
    if value.lstrip().startswith("{"):
        return json.loads(value)
    pairs = [pair.partition("=") for pair in value.split(",") if pair.strip()]
    return {name.strip(): level.strip() for name, _, level in pairs}


class Settings(BaseSettings):
    """
    All settings of MohFlow.

    Values come from the arguments, then from ``MOHFLOW_`` variables, then
    from ``OTEL_SERVICE_NAME``, ``OTEL_RESOURCE_ATTRIBUTES`` and ``LOG_LEVEL``,
    then from the defaults.

    Raises:
        ConfigurationError: A setting is unknown or its value is not allowed.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="_",
        env_nested_max_split=1,
        env_ignore_empty=True,
        extra="forbid",
        frozen=True,
        arbitrary_types_allowed=True,
    )

    service: str | None = None
    """Name of the program, in every event. Without it the field is absent."""

    environment: str | None = None
    """Where it runs, as in ``production``. Without it the field is absent."""

    level: Level = 20
    """Events below it are not made, unless a sink has a lower level."""

    levels: Annotated[dict[str, Level], NoDecode, BeforeValidator(_pairs)] = (
        Field(default_factory=dict)
    )
    """Levels of loggers by name, which hold for the names below them too;
    as a variable ``db=DEBUG,urllib3=WARNING``. They win over ``level``."""

    console: ConsoleOptions | Literal[False] | None = None
    """``False``: nothing is written to the console."""

    file: FileOptions | Literal[False] | None = None
    """A path or options: every event is also written to that file."""

    loki: LokiOptions | Literal[False] | None = None
    """A URL or options: every event is also sent to that Loki."""

    sinks: dict[str, Any] = Field(default_factory=dict)
    """Further sinks by name, each with a queue and a thread of its own: a
    sink, its options, or a mapping with ``type`` and its options."""

    spool_dir: Path | None = None
    """A folder on disk, which programs and their processes may share. With it
    remote sinks keep there what they cannot send, and send it later, or
    another process does. Without it that waits in memory and dies with the
    process."""

    masking: MaskingOptions | Literal[False] | None = None
    """``False``: secrets in events are written as they are."""

    capture_stdlib: bool = True
    """``False``: the standard library's logging and warnings are left alone
    and do not appear in the sinks."""

    traceback_locals: bool = False
    """``True``: exceptions show the local variables of each frame, masked.
    Lines become several times longer, and masking can miss a secret."""

    max_line_bytes: int = Field(default=256_000, ge=MIN_LINE_BYTES)
    """Longer lines are cut to it, stay valid, and say ``truncated``. 16384
    keeps Docker's json-file driver from splitting lines."""

    shutdown_timeout: float = Field(default=5.0, ge=0)
    """Seconds that the exit of the program waits for the sinks, together."""

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            message = explain(error, values, Settings)
            raise ConfigurationError(message) from None
        except SettingsError as error:
            raise ConfigurationError(explain_json(error)) from None

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Return our sources, the strongest first."""
        given = cast("InitSettingsSource", init_settings).init_kwargs
        arguments = {name: _expand(name, v) for name, v in given.items()}
        return (
            InitSettingsSource(settings_cls, arguments),
            _Environment(settings_cls),
            _Fallbacks(settings_cls),
        )


def _expand(name: str, value: Any) -> Any:
    """Turn the string that stands for an options object into a mapping."""
    is_path = isinstance(value, (str, os.PathLike))
    if name in SHORTHANDS and is_path:
        return {SHORTHANDS[name]: os.fspath(value)}
    return value


class _Environment(EnvSettingsSource):
    """``MOHFLOW_`` variables; ``MOHFLOW_FILE`` adds to ``MOHFLOW_FILE_*``."""

    def prepare_field_value(
        self,
        field_name: str,
        field: FieldInfo,
        value: Any,
        value_is_complex: bool,  # noqa: FBT001 - the signature of the parent
    ) -> Any:
        if not isinstance(value, str):
            pass
        elif options_of(field) and value.lower() in OFF:
            return False
        elif field_name in SHORTHANDS:
            options = self.explode_env_vars(field_name, field, self.env_vars)
            return {**options, **_expand(field_name, value)}
        return super().prepare_field_value(
            field_name, field, value, value_is_complex
        )


class _Fallbacks(PydanticBaseSettingsSource):
    """Variables of others that say the same, below ours."""

    def get_field_value(
        self, field: FieldInfo, field_name: str
    ) -> tuple[Any, str, bool]:
        raise NotImplementedError  # pydantic-settings asks for it; not called

    def __call__(self) -> dict[str, Any]:
        resource = _pairs(os.environ.get("OTEL_RESOURCE_ATTRIBUTES", ""))
        values = {
            "service": os.environ.get("OTEL_SERVICE_NAME")
            or resource.get("service.name"),
            "environment": resource.get("deployment.environment.name")
            or resource.get("deployment.environment"),
            "level": _fallback_level(os.environ.get("LOG_LEVEL")),
        }
        return {k: v for k, v in values.items() if v is not None}


def _fallback_level(text: str | None) -> int | None:
    """Return the level of ``LOG_LEVEL``, which may be meant for others."""
    if not text:
        return None
    try:
        return level_number(text)
    except ValueError as error:
        complain("LOG_LEVEL", f"LOG_LEVEL is passed over. {error}")
        return None


def known_variables() -> list[str]:
    """Return the names of all variables that are read, upper case."""
    names = []
    for name, field in Settings.model_fields.items():
        if name == "sinks":
            continue
        names.append(f"{PREFIX}{name}".upper())
        names += [
            f"{PREFIX}{name}_{option}".upper() for option in options_of(field)
        ]
    return names


def options_of(field: FieldInfo) -> tuple[str, ...]:
    """Return the names of the options of a setting that has some."""
    for part in getattr(field.annotation, "__args__", ()):
        if hasattr(part, "model_fields"):
            return tuple(part.model_fields)
    return ()


def warn_of_unknown_variables(environ: Mapping[str, str]) -> None:
    """Say which ``MOHFLOW_`` variables nobody reads, and what is meant."""
    known = known_variables()
    # A wrong option of these is an error, not just unknown.
    with_options = tuple(
        f"{PREFIX}{name}_".upper()
        for name, field in Settings.model_fields.items()
        if options_of(field)
    )
    for name in environ:
        if (
            name.upper().startswith(PREFIX)
            and name.upper() not in known
            and not name.upper().startswith(with_options)
        ):
            complain(
                f"variable {name}",
                f"unknown environment variable {name} is passed over."
                f"{nearest(name.upper(), known)}",
            )
