"""Small dicts and lists in which nothing is to convert or to mask."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from mohflow.processors._leaves import VALUES


ROOM = 16
"""Items of a dict or list that is taken; those inside have a quarter of it."""

CONTAINERS = frozenset({dict, list})

Copy = Callable[[Any, int], Any]


def copying(
    knows: Callable[[Iterable[str]], bool],
    is_harmless: Callable[[str], bool],
    max_number: int,
) -> Copy:
    """
    Return what copies a dict or list, or returns ``None`` if it takes a walk.

    Args:
        knows: Tells whether all of some names are written as they are.
        is_harmless: Tells whether a text is written as it is.
        max_number: Larger numbers take a walk.
    """

    def copied(value: Any, room: int) -> Any:
        if len(value) > room:
            return None
        made = value.copy()
        if type(value) is dict:
            # Beside a "name", a "value" may be a secret.
            if not (knows(made) and VALUES.isdisjoint(made)):
                return None
            items, is_list = made.items(), False
        else:
            items, is_list = enumerate(made), True
        for place, item in items:
            kind = type(item)
            if kind is str:
                # One item may be an option, or a line, that hides the next.
                if not is_harmless(item) or (is_list and "-" in item):
                    return None
            elif kind is int or kind is float:
                if not -max_number < item < max_number:
                    return None
            elif kind is dict or (kind is list and not is_list):
                # A list of lists may be one of headers: names and values.
                made[place] = copied(item, room // 4)
                if made[place] is None:
                    return None
            elif item is not None and kind is not bool:
                return None
        return made

    return copied
