"""
Where values come from, the strongest first, and how they become one.

Arguments, environment, secrets directory, configuration file, pyproject.toml,
variables of others. Mappings are laid over each other name by name; anything
else replaces what a weaker source says.
"""

from __future__ import annotations

import os

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import BaseModel
from pydantic_settings import BaseSettings

from mohflow.exceptions import ConfigurationError
from mohflow.settings import _config_file
from mohflow.settings._config_file import ConfigFile
from mohflow.settings._environment import (
    PREFIX,
    Environment,
    SecretsDirectory,
    expand,
    fallbacks,
    variable,
    variable_of_others,
)
from mohflow.settings._validation import shown


NOT_IN_PROFILES = {
    "environment": "the environment chooses the profile",
    "profiles": "a profile has none of its own",
}
"""What cannot be set in a profile, and why."""


@dataclass(frozen=True, slots=True)
class Layer:
    """The values of one source."""

    values: Mapping[str, Any]
    where: Callable[[Sequence[str]], str]
    """Tells people where the value at a path stands."""

    file: ConfigFile | None = None
    """The file that they come from, if it is one."""

    is_profile: bool = False
    """Whether they are the profile of a file."""


class Origin(NamedTuple):
    """A setting that somebody gave, and who."""

    path: str
    """As ``loki.batch_bytes``."""

    value: str
    """For people; a secret is hidden."""

    source: str
    """An argument, a variable, ``file:line``, a profile, a file of a secret,
    or ``default``."""


def layers(
    model: type[BaseSettings],
    given: Mapping[str, Any],
    folder: Path | None,
) -> list[Layer]:
    """
    Return what every source says, the strongest first.

    Args:
        model: The settings.
        given: The arguments.
        folder: Where pyproject.toml is looked for, if anywhere.

    Raises:
        ConfigurationError: A file cannot be read.
    """
    found = [
        _layer(given, lambda path: f"argument {path[0]}"),
        environment_layer(model),
    ]
    files = []
    path = _first(found, "config_file")
    if isinstance(path, (str, os.PathLike)) and os.fspath(path):
        files.append(_config_file.read(_config_file.absolute(path)))
    pyproject = _config_file.read_pyproject(folder) if folder else None
    files += [pyproject] if pyproject else []
    plain = [file_layer(file) for file in files]
    found += secrets_layers(model, [*found, *plain])
    others = _layer(fallbacks(), variable_of_others)
    name = _first([*found, *plain, others], "environment")
    for file, layer in zip(files, plain, strict=True):
        found += [*profile_layers(file, name), layer]
    return [*found, others]


def merged(found: Sequence[Layer]) -> dict[str, Any]:
    """Return the values of all layers as one."""
    values: dict[str, Any] = {}
    for layer in reversed(found):
        values = _laid_over(values, layer.values)
    return values


def origin(found: Sequence[Layer], path: Sequence[str]) -> str:
    """Return where the value at *path*, or what should hold it, stands."""
    for end in range(len(path), 0, -1):
        for layer in found:
            if _holds(layer.values, path[:end]):
                return layer.where(path)
    return "the defaults"


def origins(
    found: Sequence[Layer], defaults: Mapping[str, Any]
) -> list[Origin]:
    """Return each value of the layers, and of *defaults* what they lack."""
    given = dict(leaves(merged(found)))
    # Options may come from another, as a password does from a URL.
    derived = {path for path, _ in leaves(defaults) if len(path) > 1}
    whole = {
        name: value.model_dump() if isinstance(value, BaseModel) else value
        for name, value in defaults.items()
    }
    known = given.keys() | derived
    return [
        Origin(
            ".".join(path),
            shown(value, path),
            origin(found, path) if path in known else "default",
        )
        for path, value in {**dict(leaves(whole)), **given}.items()
    ]


def leaves(
    values: Mapping[str, Any], path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield each value with the names on its way."""
    for name, value in values.items():
        if isinstance(value, BaseModel):
            value = value.model_dump(exclude_unset=True)  # noqa: PLW2901
        if isinstance(value, Mapping):
            yield from leaves(value, (*path, name))
        else:
            yield (*path, name), value


def profile_layers(file: ConfigFile, name: Any) -> Iterator[Layer]:
    """
    Yield the profile called *name* of *file*, if it has one.

    Raises:
        ConfigurationError: The profiles are no tables.
    """
    values = profiles(file).get(name) if isinstance(name, str) else None
    if values is not None:
        layer = file_layer(file.part(f"profiles.{name}", values))
        yield replace(
            layer,
            where=lambda path: f"{layer.where(path)}, profile {name}",
            is_profile=True,
        )


def profiles(file: ConfigFile) -> dict[str, Mapping[str, Any]]:
    """
    Return the profiles of *file* by name.

    Raises:
        ConfigurationError: They are no tables, or name an environment.
    """
    found = file.values.get("profiles", {})
    if not isinstance(found, Mapping):
        msg = (
            f"profiles is no table (from {file.where(('profiles',))}). "
            "Write [profiles.production] and what differs there."
        )
        raise ConfigurationError(msg)
    for name, values in found.items():
        path = ("profiles", name)
        if not isinstance(values, Mapping):
            msg = (
                f"profiles.{name} is no table (from {file.where(path)}). "
                f"Write [profiles.{name}] and what differs there."
            )
            raise ConfigurationError(msg)
        for setting, why in NOT_IN_PROFILES.items():
            if setting in values:
                where = file.where((*path, setting))
                msg = (
                    f"profiles.{name}.{setting} cannot be set (from {where}): "
                    f"{why}. Set it outside."
                )
                raise ConfigurationError(msg)
    return dict(found)


def environment_layer(model: type[BaseSettings]) -> Layer:
    """Return what our variables say."""
    return _layer(Environment(model)(), variable)


def _layer(
    values: Mapping[str, Any],
    where: Callable[[Sequence[str]], str],
    file: ConfigFile | None = None,
) -> Layer:
    expanded = {name: expand(name, value) for name, value in values.items()}
    return Layer(expanded, where, file)


def file_layer(file: ConfigFile) -> Layer:
    values = {k: v for k, v in file.values.items() if k != "profiles"}
    if "config_file" in values:
        where = file.where(("config_file",))
        msg = (
            f"config_file cannot be set in a file (from {where}). Set "
            f"{PREFIX}CONFIG_FILE, or give Settings(config_file=...)."
        )
        raise ConfigurationError(msg)
    return _layer(values, file.where, file)


def _first(found: Sequence[Layer], name: str) -> Any:
    for layer in found:
        if layer.values.get(name) is not None:
            return layer.values[name]
    return None


def _laid_over(below: Mapping[str, Any], above: Mapping[str, Any]) -> Any:
    result = dict(below)
    for name, value in above.items():
        under = result.get(name)
        is_both = isinstance(value, Mapping) and isinstance(under, Mapping)
        result[name] = _laid_over(under, value) if is_both else value  # type: ignore[arg-type]
    return result


def _holds(values: Any, path: Sequence[str]) -> bool:
    for name in path:
        if not isinstance(values, Mapping) or name not in values:
            return False
        values = values[name]
    return True


def secrets_layers(
    model: type[BaseSettings], found: Sequence[Layer]
) -> list[Layer]:
    """
    Return what the secrets directory says that *found* name, if they do.

    Raises:
        ConfigurationError: It cannot be read.
    """
    given = _first(found, "secrets_dir")
    if not isinstance(given, (str, os.PathLike)):
        return []
    folder = _config_file.absolute(given)

    def where(path: Sequence[str]) -> str:
        return f"{folder}/{PREFIX.lower()}{'_'.join(path).lower()}"

    return [_layer(SecretsDirectory(model, folder)(), where)]
