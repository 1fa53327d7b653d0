"""
Settings: what can be set, and how all sources become one model.

The models of the options live beside what they configure; here they become
one model, and one error message.
"""

from __future__ import annotations

import os

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal, cast

from pydantic import Field, PrivateAttr, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from mohflow.diagnostics import complain
from mohflow.exceptions import ConfigurationError
from mohflow.processors.limits import MIN_LINE_BYTES
from mohflow.processors.masking import MaskingOptions
from mohflow.settings import _config_file, _sources, _warnings, plugins
from mohflow.settings._deferred import BuiltWhenGiven
from mohflow.settings._environment import PREFIX, options_of
from mohflow.settings._sources import Layer, Origin
from mohflow.settings._validation import Origin as Whence
from mohflow.settings._validation import explain, nearest
from mohflow.sinks._file_options import FileOptions
from mohflow.sinks._loki_options import LokiOptions
from mohflow.sinks.console import ConsoleOptions
from mohflow.typing import Level


class Settings(BaseSettings):
    """
    All settings of MohFlow.

    A value comes from the first that has one: the arguments, ``MOHFLOW_``
    variables, *secrets_dir*, *config_file*, ``[tool.mohflow]`` of the
    ``pyproject.toml`` in the current directory, ``OTEL_SERVICE_NAME``,
    ``OTEL_RESOURCE_ATTRIBUTES`` and ``LOG_LEVEL``, the defaults.

    Raises:
        ConfigurationError: A setting is unknown, its value is not allowed, or
            a file cannot be read. Everything that is wrong is in it.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="_",
        env_nested_max_split=1,
        env_ignore_empty=True,
        extra="forbid",
        frozen=True,
        arbitrary_types_allowed=True,
        hide_input_in_errors=True,
    )

    service: str | None = None
    """Name of the program, in every event. Without it the field is absent."""

    environment: str | None = None
    """Where it runs, as in ``production``. Without it the field is absent."""

    level: Level = 20
    """Events below it are not made, unless a sink has a lower level."""

    levels: dict[str, Level] = Field(default_factory=dict)
    """Levels of loggers by name, which hold for the names below them too;
    as a variable ``db=DEBUG,urllib3=WARNING``. They win over ``level``."""

    console: Annotated[
        ConsoleOptions | Literal[False] | None, BuiltWhenGiven()
    ] = None
    """``False``: nothing is written to the console."""

    file: Annotated[FileOptions | Literal[False] | None, BuiltWhenGiven()] = (
        None
    )
    """A path or options: every event is also written to that file."""

    loki: Annotated[LokiOptions | Literal[False] | None, BuiltWhenGiven()] = (
        None
    )
    """A URL or options: every event is also sent to that Loki."""

    sinks: dict[str, Any] = Field(default_factory=dict)
    """Further sinks by name, each with a queue and a thread of its own: a
    sink, its options, or a mapping with ``type`` and its options."""

    spool_dir: Path | None = None
    """A folder on disk, which programs and their processes may share. With it
    remote sinks keep there what they cannot send, and send it later, or
    another process does. Without it that waits in memory and dies with the
    process."""

    masking: Annotated[
        MaskingOptions | Literal[False] | None, BuiltWhenGiven()
    ] = None
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

    config_file: Path | None = None
    """A TOML, JSON or YAML file of settings, with ``profiles`` by
    environment. It may not be set in a file."""

    secrets_dir: Path | None = None
    """A folder with a file for each setting, named like its variable, as
    ``mohflow_loki_password``. They win over *config_file*."""

    watch: float | None = Field(default=None, ge=0.1, allow_inf_nan=False)
    """Seconds between two looks of a thread at the files of the settings; a
    change takes effect, or is refused and logged. SIGHUP makes it look at
    once, if the program has no terminal and does not handle SIGHUP itself.
    Without it only :func:`mohflow.reload` reads them again."""

    _given: Mapping[str, Any] = PrivateAttr(default_factory=dict)
    _made: Mapping[str, Any] = PrivateAttr(default_factory=dict)
    _layers: Sequence[Layer] = PrivateAttr(default=())
    _folder: Path | None = PrivateAttr(default=None)

    def __init__(
        self,
        *,
        _folder: Path | None = None,
        _layers: Sequence[Layer] = (),
        **values: Any,
    ) -> None:
        folder = _folder or _config_file.here()
        layers = _layers or _sources.layers(type(self), values, folder)
        given = _sources.merged(layers)
        origin = partial(_sources.origin, layers)
        faults = list(_faults_of_sinks(given, origin))
        try:
            super().__init__(**given)
        except ValidationError as error:
            faults = [*explain(error, origin, type(self)), *faults]
        if faults:
            raise ConfigurationError("\n".join(faults))
        self._given, self._layers, self._folder = values, layers, folder
        self._made = {k: getattr(self, k) for k in self.model_fields_set}
        for layer in layers:
            _warnings.warn_of_readable(layer)
        _warnings.warn_of_profile(layers, self.environment)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Return the one source that holds what ours have said."""
        values = cast("InitSettingsSource", init_settings).init_kwargs
        return (InitSettingsSource(settings_cls, dict(values)),)

    @field_validator("spool_dir", "config_file", "secrets_dir", mode="before")
    @classmethod
    def _not_empty(cls, path: Any) -> Any:
        if path == "":
            msg = "Give a path, or leave it out"
            raise ValueError(msg)
        return path

    @field_validator("spool_dir")
    @classmethod
    def _from_home(cls, path: Path | None) -> Path | None:
        return None if path is None else Path(os.path.expanduser(path))

    @field_validator("config_file", "secrets_dir")
    @classmethod
    def _from_here(cls, path: Path | None) -> Path | None:
        """Keep where it is, should the program change its directory."""
        return None if path is None else _config_file.absolute(path)

    def __eq__(self, other: object) -> bool:
        """Return whether all settings are equal, whoever gave them."""
        return isinstance(other, Settings) and dict(self) == dict(other)

    __hash__ = None  # type: ignore[assignment]

    def __getstate__(self) -> dict[Any, Any]:
        """Leave out the sources: they cannot be pickled."""
        state = super().__getstate__()
        private = {**(state["__pydantic_private__"] or {}), "_layers": ()}
        return {**state, "__pydantic_private__": private}

    def arguments(self) -> dict[str, Any]:
        """Return what the program itself gave, or changed in a copy."""
        found = {}
        for name in self.model_fields_set:
            value = getattr(self, name)
            if value is not self._made.get(name):
                found[name] = value
            elif name in self._given:
                found[name] = self._given[name]
        return found

    def reread(self) -> Settings:
        """
        Return the settings that all sources give now.

        Raises:
            ConfigurationError: What they say now is not allowed.
        """
        arguments = self.arguments()
        if self.config_file is not None:
            arguments["config_file"] = self.config_file
        return type(self)(_folder=self._folder, **arguments)

    def files(self) -> list[Path]:
        """Return the files and folders that the values came from."""
        found = [layer.file.path for layer in self._layers if layer.file]
        if self.secrets_dir is not None:
            found.append(self.secrets_dir)
            found += sorted(self.secrets_dir.glob(f"{PREFIX}*".lower()))
        return list(dict.fromkeys(found))

    def origins(self, *, defaults: bool = False) -> list[Origin]:
        """
        Return every value that somebody gave, with its source.

        Args:
            defaults: Also those that nobody gave.
        """
        found = _sources.origins(self._layers, dict(self) if defaults else {})
        names = list(type(self).model_fields)
        return sorted(
            found, key=lambda one: names.index(one.path.partition(".")[0])
        )


def _faults_of_sinks(
    given: Mapping[str, Any], origin: Whence
) -> Iterator[str]:
    """Yield what the types of the settings do not tell about sinks."""
    sinks = given.get("sinks")
    if isinstance(sinks, Mapping):
        for name, what in sinks.items():
            if isinstance(what, Mapping):
                yield from plugins.faults(name, what, origin)
    yield from plugins.faults_together(given, origin)


def known_variables() -> list[str]:
    """Return the names of all variables that are read, upper case."""
    names = []
    for name, field in Settings.model_fields.items():
        names.append(f"{PREFIX}{name}".upper())
        names += [
            f"{PREFIX}{name}_{option}".upper() for option in options_of(field)
        ]
    return names


def unknown_variables(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the ``MOHFLOW_`` variables nobody reads, and what is meant."""
    known = known_variables()
    # A wrong option of these is an error, not just unknown.
    with_options = tuple(
        f"{PREFIX}{name}_".upper()
        for name, field in Settings.model_fields.items()
        if options_of(field)
    )
    return {
        name: nearest(name.upper(), known).strip()
        for name in environ
        if name.upper().startswith(PREFIX)
        and name.upper() not in known
        and not name.upper().startswith(with_options)
    }


def warn_of_unknown_variables(environ: Mapping[str, str]) -> None:
    """Say which ``MOHFLOW_`` variables nobody reads, and what is meant."""
    for name, hint in unknown_variables(environ).items():
        complain(
            f"variable {name}",
            f"unknown environment variable {name} is passed over. {hint}",
        )
