"""Say what is allowed in settings, and hardly meant."""

from __future__ import annotations

from collections.abc import Iterable

from mohflow.diagnostics import complain
from mohflow.settings._sources import Layer, leaves, profiles
from mohflow.settings._validation import closest, is_secret


CLOSE = 0.85
"""How alike two names are, on the scale of difflib, of which one is taken
for a mistake: ``eu1`` and ``eu2`` are less, ``prodution`` and ``production``
more."""


def warn_of_profile(layers: Iterable[Layer], environment: str | None) -> None:
    """Complain if no profile has that name, and one nearly has."""
    known = [
        name
        for layer in layers
        if layer.file and not layer.is_profile
        for name in profiles(layer.file)
    ]
    if environment is None or environment in known:
        return
    for close in closest(environment, known, CLOSE):
        complain(
            f"profile {environment}",
            f"environment {environment!r} has no profile, so the base alone "
            f"holds. Did you mean {close!r}?",
        )


def warn_of_readable(layer: Layer) -> None:
    """Complain if other users can read a file that holds secrets."""
    if layer.file is None:
        return
    path = layer.file.path
    names = [
        ".".join(names)
        for names, value in leaves(layer.values)
        if value is not None and is_secret(names, value)
    ]
    if names and path.stat().st_mode & 0o004:
        complain(
            f"readable {path}",
            f"{str(path)!r} holds {', '.join(names)} and every user of this "
            "machine can read it. Run chmod o-r on it, or move secrets to "
            "secrets_dir.",
        )
