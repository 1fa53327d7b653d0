"""Show the settings that are in force, and who gave each of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from mohflow import Settings
from mohflow.cli.finding import Finding, fault, near
from mohflow.cli.screen import Screen
from mohflow.settings import unknown_variables


SHORTEST_VALUE = 16
"""Characters of a value that are shown, however narrow the terminal is."""


def show_values(
    screen: Screen, settings: Settings, *, is_all: bool = False
) -> None:
    """Print a table of what differs from the defaults, or of all values."""
    origins = settings.origins(defaults=True)
    shown = [one for one in origins if is_all or one.source != "default"]
    rows = [(one.path, one.value, _short(one.source)) for one in shown]
    path_width = max((len(path) for path, _, _ in rows), default=0)
    source_width = max((len(source) for _, _, source in rows), default=0)
    room = max(
        screen.width - path_width - source_width - 6 if screen.width else 120,
        SHORTEST_VALUE,
    )
    value_width = min(max((len(v) for _, v, _ in rows), default=0), room)
    for path, value, source in rows:
        short = value if len(value) <= room else f"{value[: room - 3]}..."
        screen.line(
            f"  {path:<{path_width}}  {short:<{value_width}}  {source}"
        )
    hidden = len(origins) - len(shown)
    if hidden:
        others = "others have" if shown else "settings have"
        screen.line(f"  {hidden} {others} their default; --all shows them.")


def findings(environ: Mapping[str, str]) -> Iterator[Finding]:
    """Yield the variables that nobody reads."""
    for name, hint in unknown_variables(environ).items():
        yield fault(f"{name} is no variable of MohFlow: it is ignored", hint)


def _short(source: str) -> str:
    return near(source).removeprefix("environment variable ")
