"""One clear message for whatever pydantic found wrong with the settings."""

from __future__ import annotations

import re

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, time
from pathlib import Path
from typing import Any

from pydantic import AnyUrl, BaseModel, SecretStr, ValidationError
from pydantic_core import ErrorDetails

from mohflow.processors.masking import Masker


SECRETS = frozenset({"password", "token", "hash_key", "headers", "proxy"})
"""Settings whose values are never shown; those of type SecretStr, too."""

MAX_SHOWN = 120
"""Characters of a value that a message shows."""

HIDDEN = "**********"

Origin = Callable[[Sequence[str]], str]

_TYPES = frozenset({"str", "int"})
"""How pydantic calls the alternatives of a value."""

_WHOLE = "Give a whole number, with no unit"
_NUMBER = "Give a number, with no unit"
_BOOL = "Give true or false"
_TABLE, _LIST = "Give values by name", "Give a list"
_BYTES = "Give bytes, or text such as 10 MiB"

_REMEDIES = {
    "bool_parsing": _BOOL,
    "bool_type": _BOOL,
    "byte_size": _BYTES,
    "byte_size_unit": _BYTES,
    "dict_type": _TABLE,
    "finite_number": "Give a finite number",
    "float_parsing": _NUMBER,
    "float_type": _NUMBER,
    "greater_than": "It must be above {gt}",
    "greater_than_equal": "It must be at least {ge}",
    "int_from_float": _WHOLE,
    "int_parsing": _WHOLE,
    "int_parsing_size": _WHOLE,
    "int_type": _WHOLE,
    "list_type": _LIST,
    "literal_error": "Give {expected}",
    "mapping_type": _TABLE,
    "path_type": "Give a path, in quotes",
    "string_type": "Give text, in quotes",
    "tuple_type": _LIST,
    "url_parsing": "It is no URL: {error}. Give one such as http://host:3100",
    "url_scheme": "Give a URL that begins with http:// or https://",
    "url_type": "Give a URL such as http://host:3100",
}
"""What to do, by the type of what pydantic found, with names of its facts."""

_FACTS = {
    "input is empty": "it is empty",
    "relative URL without a base": "it does not begin with http://",
}
"""Facts of pydantic that say little to people, and what they mean."""

_TEXT_FOR = {
    "model_type": " In a variable: a JSON object, or a variable for each.",
    "tuple_type": " In a variable: a JSON list, or a,b.",
    "dict_type": " In a variable: a JSON object, or name=value,name=value.",
    "mapping_type": " In a variable: a JSON object, or name=value,name=value.",
}


def closest(
    word: str, known: Iterable[str], likeness: float = 0.6
) -> list[str]:
    """Return what *word* is meant to be, if one of *known* is like it."""
    from difflib import get_close_matches  # noqa: PLC0415 - most are right

    return get_close_matches(word, known, 1, likeness)


def nearest(name: str, known: Iterable[str]) -> str:
    """Return ``Did you mean ...`` if a known name is close, and all names."""
    names = list(known)
    close = closest(name, names)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    return hint or f" Known: {', '.join(names)}."


def explain(
    error: ValidationError,
    origin: Origin,
    model: type[BaseModel],
    below: Sequence[str] = (),
) -> list[str]:
    """
    Return each thing that is wrong, with its value, source and remedy.

    Args:
        error: What pydantic raised while it made *model*.
        origin: Tells where the value at a path came from.
        model: What was made.
        below: The names on the way to *model* from the settings.
    """
    faults = _without_alternatives(error.errors(include_url=False))
    # A value that may be of two types has a fault for each; one says enough.
    by_path = {tuple(_path(fault)): fault for fault in reversed(faults)}
    return [
        _sentence(fault, origin, model, below)
        for fault in reversed(by_path.values())
    ]


def _without_alternatives(faults: list[ErrorDetails]) -> list[ErrorDetails]:
    """Leave out "or it should be False" where options were given."""
    told = {
        fault["loc"][0]
        for fault in faults
        if fault["loc"] and not _is_alternative(fault)
    }
    return [
        fault
        for fault in faults
        if not (_is_alternative(fault) and fault["loc"][0] in told)
    ]


def _is_alternative(fault: ErrorDetails) -> bool:
    return bool(fault["loc"]) and str(fault["loc"][-1]).startswith("literal[")


def _path(fault: ErrorDetails) -> list[str]:
    """Return the names on the way to the value, without those of types."""
    parts = [str(part) for part in fault["loc"]]
    return [
        part
        for number, part in enumerate(parts)
        if number == 0
        or not (part[:1].isupper() or "[" in part or part in _TYPES)
    ]


def _sentence(
    fault: ErrorDetails,
    origin: Origin,
    model: type[BaseModel],
    below: Sequence[str],
) -> str:
    inner = _path(fault)
    path = [*below, *inner]
    source = origin(path)
    name = without_secrets(".".join(path))
    if fault["type"] == "extra_forbidden":
        hint = _meant(inner, model, source)
        return f"Unknown setting {name!r} (from {source}).{hint}"
    if fault["type"] == "missing":
        return f"{name} is missing (from {source}). Give it a value."
    value = shown(fault["input"], path, is_secret=_holds_secret(inner, model))
    message = _remedy(fault)
    if fault["type"] == "model_type":
        known = ", ".join(names_at(inner, model))
        message = f"Give options by name: {known}."
    more = _TEXT_FOR.get(fault["type"], "") if "variable" in source else ""
    return f"{name} cannot be {value} (from {source}). {message}{more}"


def _remedy(fault: ErrorDetails) -> str:
    """Return what to do, or what pydantic says."""
    facts = {k: str(v) for k, v in fault.get("ctx", {}).items()}
    facts = {k: _FACTS.get(v, v) for k, v in facts.items()}
    known = _REMEDIES.get(fault["type"])
    if known is not None:
        text = known.format(**facts)
        choices = re.findall(r"'([^']*)'", facts.get("expected", ""))
        close = closest(str(fault["input"]), choices)
        return f"{text}. Did you mean {close[0]!r}?" if close else f"{text}."
    message = fault["msg"].removeprefix("Value error, ").removesuffix(".")
    # Some messages repeat the value.
    return without_secrets(message[:1].upper() + message[1:]) + "."


def _meant(path: Sequence[str], model: type[BaseModel], source: str) -> str:
    """Return which name was meant instead of the last one of *path*."""
    name = path[-1]
    is_in_file = not source.startswith(("argument", "environment"))
    if len(path) == 1:
        if is_in_file and name in {"tool", "mohflow"}:
            return " In this file settings stand at the top, in no table."
        owners = [
            s for s in model.model_fields if name in names_at([s], model)
        ]
        if owners:
            options = " or ".join(f"'{owner}.{name}'" for owner in owners)
            return f" Did you mean {options}?"
    known = names_at(path[:-1], model)
    if len(path) == 1 and is_in_file and "config_file" in known:
        known[known.index("config_file")] = "profiles"
    return nearest(name, known)


def shown(value: Any, path: Sequence[str], *, is_secret: bool = False) -> str:
    """Return the value for people, without what is secret in it."""
    if is_secret or not SECRETS.isdisjoint(path):
        return "None" if value is None else HIDDEN
    if isinstance(value, Mapping):
        some = list(value.items())[:10]
        pairs = (f"{k!r}: {shown(v, [str(k)])}" for k, v in some)
        return _short("{" + ", ".join(pairs) + "}")
    if isinstance(value, (date, time)):
        return str(value)
    if isinstance(value, (Path, AnyUrl)):
        value = str(value)
    return _short(without_secrets(repr(value)))


def without_secrets(text: str) -> str:
    """Return *text* for people, with secrets that it may hold masked."""
    # A URL that is wrong may still have a password in it.
    text = re.sub(r"(?<=://)[^/@\s]*@", f"{HIDDEN}@", text[:10_000])
    return Masker().text(text)


def is_secret(path: Sequence[str], value: Any) -> bool:
    """Return whether the value at *path* is a secret, or a URL with one."""
    is_url = path[-1] == "url" and "@" in str(value)
    return is_url or not SECRETS.isdisjoint(path)


def _short(text: str) -> str:
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}..."


def models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """Yield the models that a value of that type may be."""
    for part in (annotation, *getattr(annotation, "__args__", ())):
        if isinstance(part, type) and issubclass(part, BaseModel):
            yield part


def names_at(path: Sequence[str], model: type[BaseModel]) -> list[str]:
    """Return the names that may stand below *path* in *model*."""
    for name in path:
        field = model.model_fields.get(name)
        found = next(models_in(field.annotation), None) if field else None
        if found is None:
            return []
        model = found
    return list(model.model_fields)


def _holds_secret(path: Sequence[str], model: type[BaseModel]) -> bool:
    """Return whether the type of the value at *path* hides it."""
    for name in path:
        field = model.model_fields.get(name)
        if field is None:
            return False
        if SecretStr.__name__ in str(field.annotation):
            return True
        model = next(models_in(field.annotation), model)
    return False
