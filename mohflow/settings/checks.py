"""Tell what is wrong with a configuration file, without using it."""

from __future__ import annotations

import os

from collections.abc import Sequence

from mohflow.exceptions import ConfigurationError
from mohflow.settings import _config_file, _sources
from mohflow.settings._config_file import ConfigFile
from mohflow.settings._model import Settings
from mohflow.settings._validation import nearest


def faults_in(
    path: str | os.PathLike[str], environment: str | None = None
) -> list[str]:
    """
    Return everything that is wrong with a configuration file.

    What the file leaves out may come from variables, as in a program; they
    hide nothing that is wrong in it.

    Args:
        path: TOML, JSON, YAML or a pyproject.toml.
        environment: Checks the base with the profile of that name; without
            it, the base alone and with each profile.
    """
    try:
        file = _read(path)
        names = [*_sources.profiles(file)]
        if environment and environment not in names:
            hint = nearest(environment, names) if names else ""
            msg = f"{file.path} has no profile {environment!r}.{hint}"
            raise ConfigurationError(msg)  # noqa: TRY301 - one way out
        wanted: Sequence[str | None] = [environment]
        if environment is None:
            wanted = [None, *names]
        found = [fault for name in wanted for fault in _faults(file, name)]
    except ConfigurationError as error:
        found = str(error).splitlines()
    return list(dict.fromkeys(found))


def _read(path: str | os.PathLike[str]) -> ConfigFile:
    file = _config_file.read(_config_file.absolute(path))
    if file.path.name != "pyproject.toml":
        return file
    found = _config_file.read_pyproject(file.path.parent)
    if found is None:
        msg = f"{file.path} has no table [tool.mohflow]. Add it."
        raise ConfigurationError(msg)
    return found


def _faults(file: ConfigFile, name: str | None) -> list[str]:
    layers = [
        *_sources.profile_layers(file, name),
        _sources.file_layer(file),
        _sources.environment_layer(Settings),
    ]
    try:
        Settings(_layers=layers)
    except ConfigurationError as error:
        return str(error).splitlines()
    return []
