"""Tell what is wrong with a configuration file, without using it."""

from __future__ import annotations

import os
import re

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from mohflow.exceptions import ConfigurationError
from mohflow.settings import _config_file, _sources
from mohflow.settings._config_file import ConfigFile
from mohflow.settings._environment import fallbacks
from mohflow.settings._model import Settings
from mohflow.settings._refusals import refusal_to_write, refusals
from mohflow.settings._validation import nearest, shown


__all__ = ["Report", "check", "faults_in", "refusal_to_write"]


class Report(NamedTuple):
    """What a check has found."""

    faults: list[str]
    """Each is one line: setting, value, source and remedy."""

    profiles: list[str]
    """Those that were checked, each laid over the base."""


def check(
    path: str | os.PathLike[str],
    environment: str | None = None,
    *,
    is_here: bool = True,
) -> Report:
    """
    Tell everything that is wrong with a configuration file.

    What the file leaves out may come from variables, as in a program; they
    hide nothing that is wrong in it.

    Args:
        path: TOML, JSON, YAML or a pyproject.toml.
        environment: Checks the base with the profile of that name; without
            it, the base alone and with each profile.
        is_here: Whether this user, on this machine, must be able to read and
            write the files that the settings name. Files of a profile are
            looked at where its environment is the one in force.
    """
    names: list[str] = []
    try:
        file = _read(path)
        names = [*_sources.profiles(file)]
        if environment and environment not in names:
            hint = nearest(environment, names) if names else ""
            msg = f"{file.path} has no profile {environment!r}.{hint}"
            raise ConfigurationError(msg)  # noqa: TRY301 - one way out
        base = _sources.file_layer(file)
    except ConfigurationError as error:
        return Report(str(error).splitlines(), names)
    wanted: Sequence[str | None] = [environment]
    if environment is None:
        wanted = [None, *names]
        environment = _in_force(base, names)
    found = [
        fault
        for name in wanted
        for fault in _faults(
            [*_sources.profile_layers(file, name), base],
            is_here=is_here and name == environment,
        )
    ]
    by_line = partial(_line, file.path)
    return Report(
        sorted(dict.fromkeys(found), key=by_line),
        [name for name in wanted if name],
    )


def faults_in(
    path: str | os.PathLike[str], environment: str | None = None
) -> list[str]:
    """Return the faults of :func:`check`, the machine left aside."""
    return check(path, environment, is_here=False).faults


def _in_force(base: _sources.Layer, names: Sequence[str]) -> str | None:
    """Return the profile that a program would use that starts here."""
    for values in (
        _sources.environment_layer(Settings).values,
        base.values,
        fallbacks(),
    ):
        name = values.get("environment")
        if name is not None:
            return name if name in names else None
    return None


def _line(path: Path, fault: str) -> int:
    """Return the line of the file that *fault* speaks of; 0 for none."""
    found = re.search(rf"{re.escape(str(path))}:(\d+)", fault)
    return int(found[1]) if found else 0


def _read(path: str | os.PathLike[str]) -> ConfigFile:
    file = _config_file.read(_config_file.absolute(path))
    if file.path.name != "pyproject.toml":
        return file
    found = _config_file.read_pyproject(file.path.parent)
    if found is None:
        msg = f"{file.path} has no table [tool.mohflow]. Add it."
        raise ConfigurationError(msg)
    return found


def _faults(layers: list[_sources.Layer], *, is_here: bool) -> list[str]:
    layers = [*layers, _sources.environment_layer(Settings)]
    found = []
    try:
        # Where the secrets are is a matter of the machine, too.
        if is_here:
            layers += _sources.secrets_layers(Settings, layers)
        Settings(_layers=layers)
    except ConfigurationError as error:
        found = str(error).splitlines()
    for path, value, refusal in (
        refusals(_sources.merged(layers)) if is_here else ()
    ):
        found.append(
            f"{'.'.join(path)} cannot be {shown(value, path)} (from "
            f"{_sources.origin(layers, path)}). {refusal.why}. "
            f"{refusal.remedy}."
        )
    return found
