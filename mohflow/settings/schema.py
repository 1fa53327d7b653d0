"""A JSON Schema of configuration files, for editors and for CI."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from mohflow._levels import NUMBERS
from mohflow.settings import plugins
from mohflow.settings._environment import SHORTHANDS
from mohflow.settings._model import Settings
from mohflow.settings._validation import models_in


DIALECT = "https://json-schema.org/draft/2020-12/schema"

_NOT_IN_FILES = frozenset({"config_file"})
_LEVELS = frozenset({"level", "levels"})


def json_schema() -> dict[str, Any]:
    """
    Return the JSON Schema of a configuration file.

    It knows the options of the sinks that MohFlow has; those of a plug-in
    are taken as they are.
    """
    schema = Settings.model_json_schema(ref_template="#/$defs/{model}")
    definitions = schema.pop("$defs", {})
    for kind in plugins.BUILT_IN:
        definitions[f"{kind}_sink"] = _sink(kind, definitions)
    for model in _models():
        described = (
            schema if model is Settings else definitions[model.__name__]
        )
        _describe(model, described)
    settings = schema["properties"]
    for name in _NOT_IN_FILES:
        del settings[name]
    for name in SHORTHANDS:
        settings[name]["anyOf"].append({"type": "string", "minLength": 1})
    settings["sinks"]["additionalProperties"] = _any_sink()
    settings["sinks"]["propertyNames"] = {
        "minLength": 1,
        "not": {"enum": sorted(plugins.TAKEN)},
    }
    for definition in definitions.values():
        # What is missing may come from a variable, or from the base.
        definition.pop("required", None)
    definitions["level"] = _level()
    profile = {k: v for k, v in settings.items() if k != "environment"}
    definitions["profile"] = {
        "type": "object",
        "properties": profile,
        "additionalProperties": False,
    }
    settings["profiles"] = {
        "type": "object",
        "description": "What differs, by environment.",
        "additionalProperties": {"$ref": "#/$defs/profile"},
    }
    settings["$schema"] = {"type": "string"}
    return {
        "$schema": DIALECT,
        "title": "Settings of MohFlow",
        "type": "object",
        "properties": settings,
        "additionalProperties": False,
        "$defs": dict(sorted(definitions.items())),
    }


def docs_of(model: type[BaseModel]) -> dict[str, str]:
    """Return what stands under each field of *model*, those inherited too."""
    docs: dict[str, str] = {}
    for part in reversed(model.__mro__):
        if part.__module__.startswith("mohflow."):
            docs.update(_docs_in(part))
    return docs


def _docs_in(part: type) -> Iterator[tuple[str, str]]:
    (node,) = ast.parse(textwrap.dedent(inspect.getsource(part))).body
    assert isinstance(node, ast.ClassDef)  # noqa: S101 - tells the type checker
    for field, text in zip(node.body, node.body[1:], strict=False):
        if (
            isinstance(field, ast.AnnAssign)
            and isinstance(field.target, ast.Name)
            and isinstance(text, ast.Expr)
            and isinstance(text.value, ast.Constant)
        ):
            yield field.target.id, inspect.cleandoc(str(text.value.value))


def _models() -> list[type[BaseModel]]:
    found: list[type[BaseModel]] = [Settings]
    for field in Settings.model_fields.values():
        found += models_in(field.annotation)
    return found


def _describe(model: type[BaseModel], schema: dict[str, Any]) -> None:
    """Add the documentation of *model* and the names of levels."""
    docs = docs_of(model)
    schema.pop("description", None)
    for name, part in schema["properties"].items():
        part.pop("title", None)
        if name in docs:
            part["description"] = _plain(docs[name])
        if name in _LEVELS:
            _name_levels(part)


def _plain(text: str) -> str:
    """Return documentation without its markup."""
    text = re.sub(r":\w+:`~?(?:mohflow\.)?([^`]*)`", r"\1", text)
    text = text.replace("``", "").replace("*", "")
    return " ".join(text.split())


def _name_levels(part: dict[str, Any]) -> None:
    level = {"$ref": "#/$defs/level"}
    if part.get("type") == "object":
        part["additionalProperties"] = level
        return
    others = [x for x in part.get("anyOf", []) if x == {"type": "null"}]
    part.pop("type", None)
    part["anyOf"] = [level, *others]


def _level() -> dict[str, Any]:
    """Return what a level may be: the enum is for completion."""
    names = "|".join(
        "".join(f"[{letter.upper()}{letter}]" for letter in name)
        for name in NUMBERS
    )
    return {
        "anyOf": [
            {"type": "integer"},
            {"enum": [*NUMBERS]},
            {"type": "string", "pattern": f"^ *(-?[0-9]+|{names}) *$"},
        ]
    }


def _sink(kind: str, definitions: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of the options of a kind of sink, with its type."""
    model: type[BaseModel] = plugins.load(kind).options_type  # type: ignore[attr-defined]
    schema = model.model_json_schema(ref_template="#/$defs/{model}")
    definitions.update(schema.pop("$defs", {}))
    _describe(model, schema)
    schema["properties"] = {"type": {"const": kind}, **schema["properties"]}
    del schema["title"]
    return schema


def _any_sink() -> Mapping[str, Any]:
    """Return what chooses the options by the type; plug-ins are free."""
    return {
        "type": "object",
        "properties": {"type": {"type": "string"}},
        "allOf": [
            {
                "if": {
                    "properties": {"type": {"const": kind}},
                    "required": ["type"],
                },
                "then": {"$ref": f"#/$defs/{kind}_sink"},
            }
            for kind in plugins.BUILT_IN
        ],
    }
