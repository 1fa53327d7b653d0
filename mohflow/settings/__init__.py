"""
Settings: what can be set, where values come from, and how they become one.

``_model`` has the settings themselves. ``_sources`` asks everyone who may give
a value, the strongest first: ``_environment`` reads variables and
``_config_file`` files, in whose lines ``_positions`` finds a name.
``_validation`` turns whatever is wrong into one message, ``plugins`` a kind of
sink into its class, ``_refusals`` tells what this machine would refuse, and
``_watch`` notices that a file has changed.
"""

from mohflow.settings._environment import PREFIX
from mohflow.settings._model import (
    Settings,
    known_variables,
    unknown_variables,
    warn_of_unknown_variables,
)
from mohflow.settings._sources import Origin


__all__ = [
    "PREFIX",
    "Origin",
    "Settings",
    "known_variables",
    "unknown_variables",
    "warn_of_unknown_variables",
]
