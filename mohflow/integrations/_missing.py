"""What to say where the package of an integration is not installed."""

from __future__ import annotations


def missing(*, extra: str) -> ImportError:
    """Return the error: what needs which package, and how to get it."""
    return ImportError(
        f"mohflow.integrations.{extra} needs a package that is not "
        f"installed. Install it with: pip install 'mohflow[{extra}]'"
    )
