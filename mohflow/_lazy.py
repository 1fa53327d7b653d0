"""
Import what a package offers when it is first asked for.

So ``mohflow view`` starts without pydantic, asyncio and the parts that a
program configures, which take several times as long as all that it needs.
"""

from __future__ import annotations

import sys

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def attributes(
    package: str, homes: Mapping[str, str]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """
    Return ``__getattr__`` and ``__dir__`` for a package.

    Args:
        package: Its dotted name.
        homes: The names that each of its modules is the home of, with spaces
            between. Any other public module is an attribute, too.
    """
    home_of = {
        name: f"{package}.{home}"
        for home, names in homes.items()
        for name in names.split()
    }

    def get(name: str) -> Any:
        if name in home_of:
            value = getattr(import_module(home_of[name]), name)
            setattr(sys.modules[package], name, value)
            return value
        try:
            if not name.startswith("_"):
                return import_module(f"{package}.{name}")
        except ModuleNotFoundError as error:
            if error.name != f"{package}.{name}":
                raise
        msg = f"module {package!r} has no attribute {name!r}"
        raise AttributeError(msg, name=name, obj=sys.modules[package])

    def names() -> list[str]:
        return sorted({*vars(sys.modules[package]), *home_of})

    return get, names
