"""
Read a configuration file: TOML, JSON, or YAML with the extra ``yaml``.

Whatever is in the file, the result is plain values of a bounded size, or one
:exc:`~mohflow.ConfigurationError` that says what is wrong and where.
"""

from __future__ import annotations

import json
import os
import re

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from mohflow.exceptions import ConfigurationError
from mohflow.settings import _positions
from mohflow.settings._bounds import require_bounded


MAX_BYTES = 1_000_000
"""A larger file is none of settings."""

KINDS = {".toml": "TOML", ".json": "JSON", ".yaml": "YAML", ".yml": "YAML"}


class ConfigFile:
    """
    What a configuration file says.

    Args:
        path: Where it is.
        values: What it says.
        text: All that is in it, to tell lines.
        below: The tables in which the values stand, as ``tool.mohflow``.
    """

    def __init__(
        self,
        path: Path,
        values: Mapping[str, Any],
        text: str,
        below: tuple[str, ...] = (),
    ) -> None:
        self.path = path
        self.values = values
        self.text = text
        self.below = below

    def where(self, path: Sequence[str]) -> str:
        """Return the file and the line of the value at *path*."""
        lines = _LINES[KINDS[self.path.suffix.lower()]](self.text)
        for end in range(len(path), -1, -1):
            line = lines.get((*self.below, *path[:end]))
            if line is not None:
                return f"{self.path}:{line}"
        return str(self.path)

    def part(self, name: str, values: Mapping[str, Any]) -> ConfigFile:
        """Return the table *name*, two levels down, as a file of its own."""
        below = (*self.below, *name.split(".", 1))
        return ConfigFile(self.path, values, self.text, below)


def read(path: Path) -> ConfigFile:
    """
    Return the settings in a file whose suffix tells its kind.

    Raises:
        ConfigurationError: It cannot be read, or holds no settings.
    """
    kind = KINDS.get(path.suffix.lower())
    if kind is None:
        known = ", ".join(KINDS)
        msg = (
            f"Cannot read {str(path)!r}: the suffix {path.suffix!r} is none "
            f"of a configuration file. Use one of {known}."
        )
        raise ConfigurationError(msg)
    text = _text(path)
    values = _PARSERS[kind](path, text)
    if values is None:
        values = {}
    if not isinstance(values, Mapping):
        what = type(values).__name__
        msg = f"{path} holds a {what}. Write settings by name, as level."
        raise ConfigurationError(msg)
    require_bounded(path, values)
    values = {k: v for k, v in values.items() if k != "$schema"}
    return ConfigFile(path, values, text)


def read_pyproject(folder: Path) -> ConfigFile | None:
    """
    Return ``[tool.mohflow]`` of the pyproject.toml in *folder*, if any.

    Raises:
        ConfigurationError: The file cannot be read.
    """
    path = folder / "pyproject.toml"
    try:
        # Most of them do not speak of us, and need not be parsed.
        if b"mohflow" not in path.read_bytes():
            return None
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise _cannot_read(path, error) from None
    file = read(path)
    tools = file.values.get("tool", {})
    if not isinstance(tools, Mapping) or "mohflow" not in tools:
        return None
    if not isinstance(tools["mohflow"], Mapping):
        msg = f"tool.mohflow is no table (from {path}). Write [tool.mohflow]."
        raise ConfigurationError(msg)
    return file.part("tool.mohflow", tools["mohflow"])


def _text(path: Path) -> str:
    try:
        with open(path, "rb") as file:
            data = file.read(MAX_BYTES + 1)
        if len(data) <= MAX_BYTES:
            # A mark at the beginning, as Windows writes it, says nothing.
            return data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeError:
        msg = f"Cannot read {str(path)!r}: it is no text in UTF-8. Save it so."
        raise ConfigurationError(msg) from None
    except (OSError, ValueError) as error:
        raise _cannot_read(path, error) from None
    msg = (
        f"Cannot read {str(path)!r}: it has more than {MAX_BYTES} bytes. Name "
        "a file of settings."
    )
    raise ConfigurationError(msg)


def _cannot_read(path: Path, error: Exception) -> ConfigurationError:
    why = getattr(error, "strerror", None) or "its name is not allowed"
    return ConfigurationError(
        f"Cannot read {str(path)!r}: {why}. Choose another path, or let this "
        "user read it."
    )


def _wrong(
    path: Path, kind: str, line: int | None, what: str
) -> ConfigurationError:
    where = str(path) if line is None else f"{path}:{line}"
    return ConfigurationError(
        f"{where} is no valid {kind}: {what}. Nothing of the file is used."
    )


def _toml(path: Path, text: str) -> Any:
    import tomllib  # noqa: PLC0415 - most programs read no file

    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        what, _, place = str(error).rpartition(" (at ")
        line = place.removeprefix("line ").partition(",")[0]
        number = int(line) if line.isdigit() else text.count("\n") + 1
        raise _wrong(path, "TOML", number, what or str(error)) from None
    except (RecursionError, ValueError):
        what = "it is nested too deeply, or has a number that is too long"
        raise _wrong(path, "TOML", None, what) from None


def _json(path: Path, text: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_unique)
    except json.JSONDecodeError as error:
        line, what = _explained(text, error)
        raise _wrong(path, "JSON", line, what) from None
    except _TwinError as error:
        (name,) = error.args
        what = f"the name {name!r} stands twice"
        raise _wrong(path, "JSON", _line_of_twin(text, name), what) from None
    except (RecursionError, ValueError):
        what = "it is nested too deeply, or has a number that is too long"
        raise _wrong(path, "JSON", None, what) from None


def _explained(text: str, error: json.JSONDecodeError) -> tuple[int, str]:
    """Return the line and what people do wrong there, in every Python."""
    before, after = text[: error.pos].rstrip(), text[error.pos :]
    if "trailing comma" in error.msg:
        return error.lineno, "a comma stands before the closing bracket"
    if before.endswith(",") and after.startswith(("}", "]")):
        line = before.count("\n") + 1
        return line, "a comma stands before the closing bracket"
    if after.startswith(("//", "/*", "#")):
        return error.lineno, "JSON has no comments; TOML and YAML have"
    if after.startswith("'"):
        return error.lineno, "text stands in double quotes"
    return error.lineno, error.msg


class _TwinError(Exception):
    """A name that stands twice in an object."""


def _line_of_twin(text: str, name: str) -> int | None:
    """Return the line of the second *name*, unless there are more."""
    pattern = re.escape(json.dumps(name, ensure_ascii=False)) + r"\s*:"
    found = list(re.finditer(pattern, text))
    if len(found) != 2:
        return None
    return text.count("\n", 0, found[1].start()) + 1


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise _TwinError(twice)
    return values


def _yaml(path: Path, text: str) -> Any:
    try:
        import yaml  # noqa: PLC0415 - an extra
    except ModuleNotFoundError:
        msg = (
            f"Cannot read {str(path)!r}: YAML needs PyYAML, which is not "
            "installed. Install it: python -m pip install 'mohflow[yaml]'. "
            "TOML and JSON need nothing."
        )
        raise ConfigurationError(msg) from None
    try:
        _refuse_twins(path, yaml.compose(text, yaml.SafeLoader), set())
        return yaml.safe_load(text)
    except ConfigurationError:
        raise
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        what = getattr(error, "problem", None) or "it cannot be read"
        line = None if mark is None else mark.line + 1
        raise _wrong(path, "YAML", line, what) from None
    except Exception as error:
        # PyYAML lets through whatever its constructors raise.
        what = f"a value cannot be read ({type(error).__name__})"
        raise _wrong(path, "YAML", None, what) from None


def _refuse_twins(path: Path, node: Any, met: set[int]) -> None:
    """Raise if a mapping has a name twice; PyYAML would take the last."""
    is_nested = getattr(node, "id", None) in {"mapping", "sequence"}
    if not is_nested or id(node) in met:
        return
    met.add(id(node))
    seen = set()
    for item in node.value:
        key, value = item if isinstance(item, tuple) else (None, item)
        if key is not None and not key.tag.endswith(":merge"):
            if str(key.value) in seen:
                line = key.start_mark.line + 1
                what = f"the name {str(key.value)[:40]!r} stands twice"
                raise _wrong(path, "YAML", line, what)
            seen.add(str(key.value))
        _refuse_twins(path, value, met)


_PARSERS: dict[str, Callable[[Path, str], Any]] = {
    "TOML": _toml,
    "JSON": _json,
    "YAML": _yaml,
}
_LINES: dict[str, Callable[[str], _positions.Lines]] = {
    "TOML": _positions.toml_lines,
    "JSON": _positions.json_lines,
    "YAML": _positions.yaml_lines,
}


def here() -> Path | None:
    """Return the current directory, unless it is gone."""
    try:
        return Path.cwd()
    except OSError:
        return None


def absolute(path: str | os.PathLike[str]) -> Path:
    """Return *path* as it is found from here, ``~`` expanded."""
    return (here() or Path()) / os.path.expanduser(path)
