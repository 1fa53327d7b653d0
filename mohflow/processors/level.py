"""The level of an event, and room for fields that carry our names."""

from __future__ import annotations

from typing import Any

from mohflow._levels import NUMBERS, STANDARD, level_name
from mohflow.typing import EventDict


def set_aside(event_dict: EventDict, key: str) -> None:
    """
    Rename the caller's field *key* to ``key_``, so that ours can take it.

    Underscores are added until the name is free; nothing is overwritten.
    """
    if key in event_dict:
        value = event_dict.pop(key)
        name = key + "_"
        while name in event_dict:
            name += "_"
        event_dict[name] = value


def add_level(
    logger: Any, method_name: str, event_dict: EventDict
) -> EventDict:
    """
    Add ``level``: the name of the method, with aliases resolved.

    A number that is not one of the five standard ones arrives, and stays, in
    ``level_number``; ``level`` is then the name of the standard level below.
    A field of the caller that is named ``level`` becomes ``level_``.
    """
    set_aside(event_dict, "level")
    number = event_dict.get("level_number")
    if type(number) is not int:
        set_aside(event_dict, "level_number")
        number = NUMBERS.get(method_name, 0)
        if number not in STANDARD:
            event_dict["level_number"] = number
    event_dict["level"] = level_name(number)
    return event_dict
