"""Whether people look at a stream, and whether they want colours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def is_terminal(stream: Any) -> bool:
    """Tell whether people look at *stream*; ``None`` and closed are none."""
    isatty = getattr(stream, "isatty", None)
    try:
        return isatty is not None and bool(isatty())
    except (OSError, ValueError):
        return False


def wants_colors(stream: Any, environ: Mapping[str, str]) -> bool:
    """
    Tell whether text for *stream* may hold ANSI colours.

    ``NO_COLOR`` wins over ``FORCE_COLOR``, and that over ``TERM=dumb`` and
    the nature of the stream. Empty variables count as absent.
    """
    if environ.get("NO_COLOR"):
        return False
    if environ.get("FORCE_COLOR"):
        return True
    return environ.get("TERM") != "dumb" and is_terminal(stream)
