"""The variables that are read, and those that nobody reads."""

from __future__ import annotations

from collections.abc import Mapping

from mohflow.diagnostics import complain
from mohflow.settings._environment import PREFIX, options_of
from mohflow.settings._model import Settings
from mohflow.settings._validation import nearest


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
