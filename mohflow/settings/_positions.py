"""In which line of a configuration file each name stands, for messages."""

from __future__ import annotations

import json

from collections.abc import Iterator, Mapping
from json.decoder import scanstring  # type: ignore[attr-defined]
from typing import Any

from mohflow._expression import expression


Lines = dict[tuple[str, ...], int]
"""The number of the line, from 1, by the names on the way to the value."""

_BLANK = expression(r"[ \t\r\n]*")


def toml_lines(text: str) -> Lines:
    """
    Return the line of each name in *text*, which is valid TOML.

    A statement ends at the first line up to which it can be read; then its
    names are those that reading it alone brings up.
    """
    import tomllib  # noqa: PLC0415 - most programs read no file

    found: Lines = {}
    table: tuple[str, ...] = ()
    waiting: list[str] = []
    for number, line in enumerate(text.split("\n"), 1):
        waiting.append(line)
        try:
            statement = tomllib.loads("\n".join(waiting))
        except tomllib.TOMLDecodeError:
            continue
        start = number - len(waiting) + 1
        is_header = waiting[0].lstrip().startswith("[")
        waiting = []
        paths = list(_paths(statement))
        if is_header:
            table = max(paths, key=len)
            paths = [table[:end] for end in range(1, len(table) + 1)]
        else:
            paths = [(*table, *path) for path in paths]
        for path in paths:
            found.setdefault(path, start)
    return found


def _paths(values: Any) -> Iterator[tuple[str, ...]]:
    """Yield the names on the way to each value, those of tables first."""
    if isinstance(values, list):
        # An array of tables; its header alone holds one, which is empty.
        values = values[-1] if values else None
    if isinstance(values, Mapping):
        for name, value in values.items():
            yield (name,)
            for path in _paths(value):
                yield (name, *path)


def json_lines(text: str) -> Lines:
    """Return the line of each name in *text*, which is valid JSON."""
    found: Lines = {}
    _walk_json(text, _BLANK.match(text).end(), (), found)  # type: ignore[union-attr]
    return found


def _walk_json(
    text: str, position: int, path: tuple[str, ...], found: Lines
) -> int:
    """Note the names of the value at *position*; return where it ends."""
    if text[position] != "{":
        return int(json.JSONDecoder().raw_decode(text, position)[1])
    position = _skip(text, position + 1)
    while text[position] != "}":
        line = text.count("\n", 0, position) + 1
        name, position = scanstring(text, position + 1)
        found[(*path, name)] = line
        position = _skip(text, _skip(text, position) + 1)  # the colon
        position = _walk_json(text, position, (*path, name), found)
        position = _skip(text, position)
        if text[position] == ",":
            position = _skip(text, position + 1)
    return position + 1


def _skip(text: str, position: int) -> int:
    """Return where the next character that is not blank stands."""
    blank = _BLANK.match(text, position)
    return blank.end() if blank else position


def yaml_lines(text: str) -> Lines:
    """Return the line of each name in *text*, which is valid YAML."""
    import yaml  # noqa: PLC0415 - an extra

    found: Lines = {}
    _walk_yaml(yaml.compose(text, yaml.SafeLoader), (), found)
    return found


def _walk_yaml(node: Any, path: tuple[str, ...], found: Lines) -> None:
    """Note the names below *node*; an alias has those of its anchor."""
    if isinstance(getattr(node, "value", None), list) and node.id == "mapping":
        for key, value in node.value:
            if key.tag.endswith(":merge"):
                _walk_yaml(value, path, found)
                continue
            name = (*path, str(key.value))
            found.setdefault(name, key.start_mark.line + 1)
            _walk_yaml(value, name, found)
