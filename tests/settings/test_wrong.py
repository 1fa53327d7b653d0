"""
Every way to be wrong that people have found, and what each is answered.

The answers are kept as text in ``golden/wrong.txt``; ``WRITE_GOLDEN=1``
writes it anew, to be read.
"""

from __future__ import annotations

import json
import os
import tomllib

from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

import mohflow

from mohflow import ConfigurationError, Settings
from mohflow.settings.schema import json_schema


GOLDEN = Path(__file__).parent / "golden" / "wrong.txt"

URL = {"url": "http://h"}
NAN, INFINITE = float("nan"), float("inf")


def loki(**options: Any) -> dict[str, Any]:
    return {"loki": {**URL, **options}}


def file(**options: Any) -> dict[str, Any]:
    return {"file": {"path": "a", **options}}


ARGUMENTS: list[dict[str, Any]] = [
    *({"levle": "debug"}, {"level": "debgu"}, {"level": None}),
    *({"level": True}, {"level": 1.5}, {"level": NAN}, {"level": ""}),
    *({"level": [10]}, {"level": b"debug"}, {"levels": {"db": "LOUD"}}),
    *({"levels": "db=debug"}, {"levels": {"db": None}}, {"service": 5}),
    *({"environment": ["x"]}, {"console": True}, {"console": "json"}),
    *({"console": {"format": "jsno"}}, {"console": {"stream": "stdrr"}}),
    *({"file": True}, {"file": 5}, {"file": ""}, file(max_bytes="10 mbb")),
    *(file(max_bytes=-1), file(max_bytes="ten"), file(max_bytes=INFINITE)),
    *(file(rotate="weekly"), file(mode=640), file(mode="rw")),
    *(file(max_age="1 day"), file(max_age=NAN), file(backups=1.5)),
    *(file(backups=-1), file(compress="maybe"), {"loki": "localhost:3100"}),
    *({"loki": "loki"}, {"loki": ""}, {"loki": "ftp://x"}),
    *({"loki": "http://"}, {"loki": True}, {"loki": {"host": "x"}}),
    *(loki(timeout="10s"), loki(timeout=0), loki(timeout=INFINITE)),
    *(loki(labels="a=b"), loki(labels=["a"]), loki(labels={"a": 1})),
    *(loki(labels={"": "x"}), loki(durability="disk"), loki(overflow="drop")),
    *(loki(durability="wal"), loki(batch_bytes="5 MB"), loki(queue_bytes=0)),
    *(loki(queue_events=0), loki(linger=-1), loki(password="synthetic")),
    *(loki(token="syn thetic"), loki(token="synthetic", username="a")),
    *(loki(headers={"a b": "c"}), loki(verify="no way"), loki(key_file="k")),
    *(loki(proxy="socks5://x"), {"loki": "http://h:99999"}),
    *(loki(tenant="a/b"), loki(structured_metadata="level")),
    *(loki(tenant_field="t"), loki(ca_file="c", verify=False)),
    *({"sinks": {"a": "http://x"}}, {"sinks": [1]}, {"sinks": {"a": {}}}),
    *({"sinks": {"a": {"type": "kafka"}}}, {"sinks": {"a": 5}}),
    *({"sinks": {"loki": {"type": "loki", **URL}}},),
    *({"sinks": {1: {"type": "http", **URL}}},),
    *({"sinks": {"": {"type": "http", **URL}}}, {"masking": True}),
    *({"masking": {"strategy": "hash"}}, {"masking": {"strategy": "rot13"}}),
    *(
        {"masking": {"keys": "password"}},
        {"masking": {"patterns": {"a": "("}}},
    ),
    *({"masking": {"hash_key": "synthetic", "strategy": "hash"}},),
    *({"watch": "5s"}, {"watch": -1}, {"watch": INFINITE}),
    *({"max_line_bytes": 10}, {"max_line_bytes": "64 KB"}),
    *({"shutdown_timeout": NAN}, {"capture_stdlib": "perhaps"}),
    *({"spool_dir": 5}, {"spool_dir": ""}, {"config_file": 5}),
    *({"config_file": ""}, {"config_file": "folder"}),
    *({"config_file": "folder.toml"}, {"config_file": "nowhere.toml"}),
    *({"config_file": "a.toml\0"}, {"secrets_dir": "nowhere"}),
    *({"secrets_dir": "a.txt"}, {"secrets_dir": ""}, {"traceback_locals": 5}),
]

CONFIGURE: list[dict[str, Any]] = [
    *({"level": "LOUD"}, {"file": "a.txt/a.log"}, {"file": "folder"}),
    *({"processors": "x"}, {"processors": [1]}, {"settings": "shop"}),
    *({"sinks": {"a": mohflow.Sink}}, {"level": "debug", "file": 5}),
    *(loki(ca_file="nowhere.pem"), {"capture_stdlib": "perhaps"}),
]

VARIABLES: list[dict[str, str]] = [
    *({"LEVEL": "LOUD"}, {"LOKI_ULR": "http://h"}, {"MASKING_KEYS": '["a",'}),
    *({"LEVELS": "db"}, {"LEVELS": '{"db":'}, {"LEVELS": "db=LOUD"}),
    *({"SINKS": "http"}, {"SINKS": "[1]"}, {"SINKS": '{"a":1}'}),
    *({"FILE": "{"}, {"LOKI": "{bad"}, {"LOKI": "true"}, {"CONSOLE": "json"}),
    *({"CONSOLE": "true"}, {"CONSOLE_FORMAT": "JSON"}),
    *({"FILE_MAX_BYTES": "10MB"}, {"FILE": "a", "FILE_MAX_BYTES": "10 zb"}),
    *({"CAPTURE_STDLIB": "2"}, {"WATCH": "often"}, {"LOKI_URL_X": "a"}),
    *({"CONFIG_FILE": "nowhere.toml"}, {"CONFIG_FILE": "folder"}),
    *({"SECRETS_DIR": "nowhere"}, {"LOKI": "http://h", "LOKI_LABELS": "a"}),
    *({"LOKI": "http://h", "LOKI_HEADERS": '{"a": 1}'},),
    *({"LOKI": "http://h", "LOKI_TIMEOUT": "ten"},),
    *({"LOKI_URL": "http://ann:synthetic@h:port"},),
    *({"LOKI_URL": "http://h", "LOKI_PASSWORD": "synthetic"},),
    *({"LEVEL": "LOUD", "WATCH": "0", "FILE_BACKUP": "1", "FILE": "a"},),
]

PASSED_OVER: list[dict[str, str]] = [
    *({"MOHFLOW_LOKKI_URL": "http://h"}, {"MOHFLOW_LEVL": "debug"}),
    *({"MOHFLOW_LEVEL_DB": "debug"}, {"MOHFLOW_SINKS_AUDIT_URL": "http://h"}),
    *({"MOHFLOW_PROFILES": "x"}, {"LOG_LEVEL": "LOUD"}),
]
"""Variables that end no program, and what is said of them on stderr."""

TOML: list[str] = [
    *("level = debug", "level: debug", 'level = "debug', '[loki\nurl="x"'),
    *("service = 2026-01-01", "spool_dir = 10:00:00"),
    *('level="info"\nlevel="debug"', '[loki]\nurl="http://h"\n[loki]'),
    *('[[loki]]\nurl="http://h"', 'loki = ["http://h"]'),
    *('[file]\npath="a"\n[file.max_bytes]\nx=1', '[logging]\nlevel="debug"'),
    *('[mohflow]\nlevel="debug"', '[tool.mohflow]\nlevel="debug"'),
    *("batch_bytes=5", 'path="a"', "backups=1", '[loki.loki]\nurl="x"'),
    *('[production]\nlevel="debug"', '[profile.production]\nlevel="debug"'),
    *('[profiles.x.profiles.y]\nlevel="debug"', '[profiles.x]\nservce="a"'),
    *('[profiles.x]\nconfig_file="b.toml"', "[profiles]\nx=1", "profiles=1"),
    *('[profiles.x]\nenvironment="y"', "level = nan", "watch = -inf"),
    *('file = ""', "level='\x00'", 'config_file = "b.toml"', "sinks = []"),
    *('[sinks]\na = "http://h"', '[sinks.""]\ntype = "http"\nurl="http://h"'),
    *('[sinks.a]\ntype = "http"', '[sinks.a]\nurl = "http://h"'),
    *('[sinks.a]\ntype = "http"\nurl = "http://h"\nqueue_byte = 1',),
    *('[sinks.stdout]\ntype = ["http"]', 'loki.durability = "wal"'),
    *("x = " + "[" * 30 + "]" * 30, 'levels.db = "LOUD"', "\ta = 1"),
]

YAML: list[str] = [
    *("level: debug\n\tservice: x", "\tlevel: debug", "level: [debug"),
    *("level: debug\nlevel: info", "x: &a {level: debug}\n<<: *a"),
    *("level: *nope", "level: !!python/object/apply:os.system ['id']"),
    *("level: !env X", "- level", "level", "a: b: c", "service: yes"),
    *("service: 007\nenvironment: 1.0", "level: debug\n---\nlevel: info"),
    *("1: x", "? {a: b}\n: x", "levels:\n  yes: debug", "file: 2026-01-01"),
    *("service: 2026-99-99", "%YAML 9.9\n---\na: b", "level: 'debug"),
    *("sinks:\n- type: http", "a: &a [*a]", 'service: "\\uD800"'),
]

JSON: list[str] = [
    *('{"level": "debug",}', '// c\n{"level": "debug"}', "{'level': 1}"),
    *('{"level": NaN}', '{"watch": Infinity}', '"x"', "", '{"a": 1} x'),
    *('{\n"level": 1,\n"level": 2}', '{"a\\ud800": 1}', '{"service": "\\ud8'),
    *('{"service": "\\ud800"}', '{"level": 1e400}', "[" * 100_000),
    *(
        '{"file": {"path": "a",\n"backup": 1}}',
        '{"level": ' + "9" * 5000 + "}",
    ),
]

PYPROJECT: list[str] = [
    *('[tool.mohflow]\nlevl="x"', "[tool]\nmohflow=1"),
    *('[tool.mohflow]\nlevel="x"\n[project', '[tool.mohflow.loki]\nulr="x"'),
    *('[tool.mohflow.profiles.x]\nlevl="x"', "[tool.mohflow]\nprofiles=1"),
    *('[tool.mohflow]\nconfig_file="x"', '[[tool.mohflow]]\nlevel="x"'),
]

SECRETS: list[dict[str, str]] = [
    *({"mohflow_loki_token": "syn thetic"}, {"mohflow_loki_pasword": "x"}),
    *({"mohflow_level": "LOUD"}, {"mohflow_loki_password": "synthetic"}),
    *({"mohflow_loki": "no URL"},),
    *(
        {
            "mohflow_masking_hash_key": "short",
            "mohflow_masking_strategy": "hash",
        },
    ),
]

FILES = {"a.toml": TOML, "a.yaml": YAML, "a.json": JSON}

BYTES: dict[str, bytes] = {
    "latin.toml": b"level='\xff'",
    "large.toml": b"#" * 1_000_001,
    "carriage.toml": b"level='debug'\r\nservice='a\r\n'",
    "settings.ini": b"x",
    "settings": b"x",
    "settings.yaml.bak": b"x",
}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("folder").mkdir()
    Path("folder.toml").mkdir()
    Path("a.txt").touch()
    return tmp_path


def answer(ask) -> str:
    """Return what is refused, a line for each fault."""
    with pytest.raises(ConfigurationError) as caught:
        ask()
    return str(caught.value).replace(f"{Path.cwd()}/", "")


def of_arguments(case) -> str:
    return answer(lambda: Settings(**case))


def of_configure(case) -> str:
    return answer(lambda: mohflow.configure(**{"console": False, **case}))


def of_variables(case) -> str:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in case.items():
            patch.setenv(f"MOHFLOW_{name}", value)
        return answer(Settings)


def of_secrets(case) -> str:
    Path("secrets").mkdir(exist_ok=True)
    for path in Path("secrets").iterdir():
        path.unlink()
    for name, text in case.items():
        Path("secrets", name).write_text(text)
    given = {} if "mohflow_loki" in case else {"loki": "http://h"}
    return answer(lambda: Settings(secrets_dir="secrets", **given))


def of_file(name: str):
    def ask(case) -> str:
        data = case if isinstance(case, bytes) else case.encode()
        Path(name).write_bytes(data)
        Path(name).chmod(0o600)
        given = {"config_file": name} if name != "pyproject.toml" else {}
        return answer(lambda: Settings(environment="x", **given))

    return ask


ASKED = {
    "argument": (ARGUMENTS, of_arguments),
    "configure": (CONFIGURE, of_configure),
    "variable": (VARIABLES, of_variables),
    "secret": (SECRETS, of_secrets),
    **{name: (cases, of_file(name)) for name, cases in FILES.items()},
    "pyproject.toml": (PYPROJECT, of_file("pyproject.toml")),
    **{name: ([data], of_file(name)) for name, data in BYTES.items()},
}


def title(kind: str, case: object) -> str:
    return f"# {kind}: {repr(case)[:100]}"


@pytest.fixture(scope="module")
def golden():
    """Return the answers by title, and write those that were given."""
    texts = GOLDEN.read_text("utf-8").split("\n\n") if GOLDEN.exists() else []
    kept = dict(text.strip().split("\n", 1) for text in texts)
    given: dict[str, str] = {}
    yield kept, given
    if "WRITE_GOLDEN" in os.environ:
        GOLDEN.parent.mkdir(exist_ok=True)
        blocks = (f"{one}\n{text}\n" for one, text in given.items())
        GOLDEN.write_text("\n".join(blocks), "utf-8")


@pytest.mark.parametrize("kind", ASKED)
def test_each_mistake_is_answered_as_it_is_kept(kind, golden) -> None:
    kept, given = golden
    cases, ask = ASKED[kind]
    answers = {title(kind, case): ask(case) for case in cases}
    given.update(answers)

    assert len(cases) == len(answers)
    if "WRITE_GOLDEN" not in os.environ:
        assert {name: kept.get(name) for name in answers} == answers


def test_variables_that_nobody_reads_are_said_once(golden, capsys) -> None:
    kept, given = golden
    answers = {}
    for case in PASSED_OVER:
        mohflow.diagnostics.complain.forget()
        with pytest.MonkeyPatch.context() as patch:
            for name, value in case.items():
                patch.setenv(name, value)
            mohflow.configure(console=False)
        said = capsys.readouterr().err.strip()
        answers[title("passed over", case)] = said
    given.update(answers)

    if "WRITE_GOLDEN" not in os.environ:
        assert {name: kept.get(name) for name in answers} == answers


UNSEEN = {
    "is missing": "a variable or the base may supply it",
    "It must name a kind of sink": "the base of a profile may have the type",
    "It needs spool_dir": "a variable may supply it",
    "stands twice": "parsers take the last, or refuse it themselves",
    "the name True": "YAML 1.2, which editors read, has text there",
    "half of a character": "no schema can tell it",
    "Give a finite number": "JSON has no such number",
}
"""Answers that a JSON Schema cannot give, and why."""


@pytest.mark.parametrize(
    ("name", "load"),
    [
        ("a.toml", tomllib.loads),
        ("a.yaml", yaml.safe_load),
        ("a.json", json.loads),
    ],
)
def test_editors_mark_the_same_mistakes(name, load) -> None:
    validator = jsonschema.Draft202012Validator(json_schema())
    missed = {}
    for case in FILES[name]:
        try:
            values = load(case)
        except Exception:
            continue
        said = of_file(name)(case)
        is_known = any(words in said for words in UNSEEN)
        if not (is_known or list(validator.iter_errors(values))):
            missed[case] = said

    assert {} == missed


def test_every_answer_is_whole_sentences_that_name_a_source() -> None:
    blocks = GOLDEN.read_text("utf-8").strip().split("\n\n")
    lines = [line for block in blocks for line in block.split("\n")[1:]]
    bare = [line for line in lines if not line.endswith((".", "?"))]
    foreign = [line for line in lines if "Input " in line or "class" in line]
    secret = [line for line in lines if "synthetic" in line]

    assert [[], [], []] == [bare, foreign, secret]
    assert len(blocks) > 200
