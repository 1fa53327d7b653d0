"""The JSON Schema of configuration files, held against the models."""

from __future__ import annotations

import json
import re
import textwrap
import tomllib

from pathlib import Path

import jsonschema
import pytest
import yaml

import mohflow

from mohflow.settings import Settings
from mohflow.settings.checks import faults_in
from mohflow.settings.schema import docs_of, json_schema


PUBLISHED = Path(__file__).parents[2] / "docs/_static/mohflow.schema.json"


@pytest.fixture(scope="module")
def schema():
    return json_schema()


@pytest.fixture(scope="module")
def validator(schema):
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def test_the_published_copy_is_what_the_command_prints(schema) -> None:
    assert schema == json.loads(PUBLISHED.read_text(encoding="utf-8"))


def test_every_setting_but_one_may_stand_in_a_file(schema) -> None:
    names = {*Settings.model_fields} - {"config_file"}

    assert {*names, "profiles", "$schema"} == schema["properties"].keys()


def test_every_setting_and_option_is_described(schema) -> None:
    kinds = [schema, *schema["$defs"].values()]
    silent = [
        name
        for kind in kinds
        for name, part in kind.get("properties", {}).items()
        if "description" not in part and "const" not in part
    ]

    assert ["$schema"] == silent


def test_what_stands_under_a_field_is_found_for_those_inherited_too() -> None:
    docs = docs_of(mohflow.LokiOptions)

    assert {*mohflow.LokiOptions.model_fields} == docs.keys()


VALID = [
    "",
    'level = "WARNING"',
    "level = 15",
    'file = "a.log"',
    "file = false",
    'loki = "http://localhost:3100"',
    '[file]\npath = "a"\nmax_bytes = "10 MiB"\nmode = "0640"\nlevel = "Err"',
    "[profiles.production.loki]\nqueue_bytes = 1000\nlabels = {a = 'b'}",
    '[sinks.a]\ntype = "http"\nurl = "https://h"\nheaders = {X-A = "b"}',
    '[masking]\nkeys = ["a"]\npatterns = {a = "b"}\nhash_key = "k"',
    'levels = {db = "debug", "urllib3.pool" = 30}',
    '"$schema" = "./mohflow.schema.json"',
]

INVALID = [
    "levell = 1",
    'level = "LOUD"',
    "service = 3",
    'config_file = "x"',
    'file = ""',
    '[sinks.""]\ntype = "http"\nurl = "https://h"',
    '[sinks.file]\ntype = "http"\nurl = "https://h"',
    '[profiles.x.profiles.y]\nlevel = "debug"',
    "console = true",
    '[console]\nformat = "xml"',
    '[file]\npath = "a"\nbackups = -1',
    '[profiles.production]\nenvironment = "x"',
    "[profiles.production.loki]\nbatch_byte = 5",
    '[sinks.a]\ntype = "http"\nurl = "https://h"\ntimeout = "soon"',
]


EXAMPLES = sorted(
    path
    for path in (Path(__file__).parents[2] / "docs/examples").iterdir()
    if path.suffix in {".toml", ".yaml", ".json"}
)

LOADERS = {
    ".toml": tomllib.loads,
    ".yaml": yaml.safe_load,
    ".json": json.loads,
}

HINTS = {
    ".toml": "#:schema {}",
    ".yaml": "# yaml-language-server: $schema={}",
    ".json": '{{\n  "$schema": "{}"',
}


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
class TestExamples:
    """The configuration files that the documentation shows."""

    def test_editors_and_the_program_take_them(self, validator, path) -> None:
        values = LOADERS[path.suffix](path.read_text(encoding="utf-8"))

        assert [] == list(validator.iter_errors(values))
        assert [] == faults_in(path)

    def test_their_first_line_leads_an_editor_to_the_schema(
        self, path
    ) -> None:
        text = path.read_text(encoding="utf-8")
        hint = "../_static/mohflow.schema.json"

        assert text.startswith(HINTS[path.suffix].format(hint))
        assert PUBLISHED == (path.parent / hint).resolve()


def test_the_examples_say_the_same() -> None:
    said = [LOADERS[p.suffix](p.read_text(encoding="utf-8")) for p in EXAMPLES]
    for values in said:
        values.pop("$schema", None)

    assert [said[0]] * 3 == said


def test_the_files_that_the_pages_write_are_valid(validator) -> None:
    pages = PUBLISHED.parents[1].rglob("*.rst")
    written = re.compile(
        r'Path\("(\w+\.toml)"\)\.write_text\("""\\?\n(.*?)"""\)', re.DOTALL
    )
    found = [
        textwrap.dedent(text)
        for page in pages
        for _, text in written.findall(page.read_text(encoding="utf-8"))
    ]

    assert 2 <= len(found)
    for text in found:
        assert [] == list(validator.iter_errors(tomllib.loads(text)))


class TestAgreement:
    @pytest.mark.parametrize("text", VALID)
    def test_what_is_valid_has_no_fault_either(
        self, validator, text, tmp_path
    ) -> None:
        path = tmp_path / "a.toml"
        path.write_text(text)
        missing = "is missing"

        assert [] == list(validator.iter_errors(tomllib.loads(text)))
        assert [] == [f for f in faults_in(path) if missing not in f]

    @pytest.mark.parametrize("text", INVALID)
    def test_what_is_not_has_a_fault_too(
        self, validator, text, tmp_path
    ) -> None:
        path = tmp_path / "a.toml"
        path.write_text(text)

        assert list(validator.iter_errors(tomllib.loads(text)))
        assert faults_in(path)
