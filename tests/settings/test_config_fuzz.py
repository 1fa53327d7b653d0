"""No content of a configuration file gets past the one clear error."""

from __future__ import annotations

import json
import math
import os
import tempfile

from collections.abc import Callable
from pathlib import Path

import pytest
import structlog
import yaml

from hypothesis import example, given
from hypothesis import strategies as st

import mohflow

from mohflow import ConfigurationError, Settings
from mohflow._pipeline import STAGE
from mohflow.settings import Settings as Model
from mohflow.settings import _config_file, known_variables
from mohflow.settings.checks import faults_in


SECRET = "pl4nted-s3cret"

NAMES = [
    *Model.model_fields,
    *mohflow.LokiOptions.model_fields,
    *mohflow.FileOptions.model_fields,
    "profiles",
    "production",
    "type",
    "",
    "a.b",
]
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(
        [
            "debug",
            "http://localhost:1",
            f"http://ann:{SECRET}@localhost:1",
            "http",
            "loki",
            "10MB",
            "a.log",
            "production",
        ]
    )
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(NAMES) | st.text(max_size=8), inner, max_size=4
        )
    ),
    max_leaves=12,
)
TEXTS = [
    *(b"", b"{", b"[", b'{"a": 1}', b"[1]", b"a=b", b"a,b", b"null", b"true"),
    *(b"http://localhost", b"http://a:b@", b"~nobody", b"\x00", b"1e999"),
]
SETTINGS = st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=6)
HIDDEN = st.sampled_from(["password", "token", "hash_key", "proxy"])


@pytest.fixture(autouse=True, scope="module")
def folder():
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as found:
        os.chdir(found)
        yield
        os.chdir(before)


@pytest.fixture(autouse=True)
def _quiet(monkeypatch):
    monkeypatch.setattr("mohflow.diagnostics.complain._stream", lambda: None)


def outcome(name: str, content: bytes, environment=None) -> str | None:
    """Return what is refused of a file; whatever else comes is a failure."""
    Path(name).write_bytes(content)
    try:
        Settings(config_file=name, environment=environment)
    except ConfigurationError as error:
        assert str(error)
        return str(error)
    return None


def refusal(make: Callable[[], object] = Settings) -> str | None:
    """Return what is refused; whatever else comes is a failure."""
    try:
        make()
    except ConfigurationError as error:
        assert str(error)
        return str(error)
    return None


def without_nulls(value):
    if isinstance(value, dict):
        found = {k: without_nulls(v) for k, v in value.items()}
        return {k: v for k, v in found.items() if v is not None}
    if isinstance(value, list):
        return [without_nulls(v) for v in value if v is not None]
    return value


def toml(value) -> str:
    """Return a document of TOML: tables in a line, as its syntax allows."""
    return "\n".join(f"{key(k)} = {inline(v)}" for k, v in value.items())


def key(name: str) -> str:
    return json.dumps(name, ensure_ascii=False).replace("\x7f", "\\u007f")


def inline(value) -> str:
    if isinstance(value, dict):
        pairs = (f"{key(k)} = {inline(v)}" for k, v in value.items())
        return "{" + ", ".join(pairs) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(inline, value)) + "]"
    if isinstance(value, float) and not math.isfinite(value):
        return "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"
    return key(value) if isinstance(value, str) else json.dumps(value)


@pytest.mark.parametrize("suffix", ["toml", "json", "yaml"])
class TestAnyContent:
    @given(content=st.binary(max_size=60) | st.text(max_size=60))
    @example(content="a: !!bool x")
    @example(content="? [a]\n: b")
    @example(content="!!set {a}")
    @example(content="&a a: *a")
    @example(content="<<: [1]")
    @example(content="\0")
    @example(content='{"a": 1e999999}')
    @example(content="a = 1979-05-27T07:32:00Z\n[[b]]\n[[b.c]]")
    @example(content="9" * 5000)
    def test_it_is_settings_or_one_error(self, suffix, content) -> None:
        if isinstance(content, str):
            content = content.encode("utf-8", "surrogatepass")
        refused = outcome(f"a.{suffix}", content)

        assert bool(refused) == bool(faults_in(f"a.{suffix}"))


class TestAnyPyproject:
    @given(content=st.binary(max_size=60) | st.text(max_size=60))
    @example(content="mohflow = 1")
    @example(content="[[tool.mohflow]]")
    @example(content='[tool.mohflow]\n"a.b" = {c = [1, {d = 2}]}')
    @example(content="tool.mohflow.profiles = [1]")
    @example(content="\udcffmohflow")
    def test_any_content_is_settings_or_one_error(self, content) -> None:
        if isinstance(content, str):
            content = content.encode("utf-8", "surrogatepass")
        for head in (b"", b"[tool.mohflow]\n", b"[tool.mohflow.loki]\n"):
            Path("pyproject.toml").write_bytes(head + content)
            refused = refusal()
            has_table = refusal(lambda: _config_file.read_pyproject(Path()))

            if has_table or refused:
                assert faults_in("pyproject.toml")
            Path("pyproject.toml").unlink()

    @given(values=SETTINGS, environment=st.sampled_from([None, "production"]))
    def test_any_values_are_settings_or_one_error(
        self, values, environment
    ) -> None:
        """TOML has no null; the same values as JSON must be judged alike."""
        values = without_nulls(values)
        text = toml({"tool": {"mohflow": values}})
        Path("pyproject.toml").write_text(text, encoding="utf-8")
        refused = refusal(lambda: Settings(environment=environment))
        Path("pyproject.toml").unlink()
        again = outcome("a.json", json.dumps(values).encode(), environment)

        assert bool(refused) == bool(again), text


class TestAnySecrets:
    @given(
        name=st.sampled_from(known_variables()) | st.text(max_size=10),
        content=st.binary(max_size=40) | st.sampled_from(TEXTS),
    )
    @example(name="MOHFLOW_LOKI", content=b"\xff")
    @example(name="MOHFLOW_SINKS", content=b'{"a": {"type": "http"}}')
    @example(name="MOHFLOW_CONFIG_FILE", content=b"a.toml")
    @example(name="MOHFLOW_SECRETS_DIR", content=b"secrets")
    def test_any_file_is_settings_or_one_error(self, name, content) -> None:
        with tempfile.TemporaryDirectory() as folder:
            try:
                Path(folder, name.lower()).write_bytes(content)
            except (OSError, ValueError):
                return  # No name of a file.
            refused = refusal(lambda: Settings(secrets_dir=folder))

        assert refused is None or "\n\n" not in refused

    @given(content=st.text(max_size=20), name=HIDDEN)
    def test_no_error_shows_its_content(self, content, name) -> None:
        content = f"{SECRET}\n{content}".encode("utf-8", "surrogatepass")
        with tempfile.TemporaryDirectory() as folder:
            owner = "masking" if name == "hash_key" else "loki"
            Path(folder, f"mohflow_{owner}_{name}").write_bytes(content)
            refused = refusal(lambda: Settings(secrets_dir=folder, watch=0))

        assert refused
        assert SECRET not in refused


class TestAnyVariable:
    @given(
        name=st.sampled_from(known_variables()),
        content=st.text(max_size=20)
        | st.sampled_from(TEXTS).map(bytes.decode),
    )
    def test_any_text_is_settings_or_one_error(self, name, content) -> None:
        with pytest.MonkeyPatch.context() as patch:
            try:
                patch.setenv(name, content)
            except (ValueError, UnicodeError):
                return  # No system can have such a variable.
            refused = refusal()

        assert refused is None or "\n\n" not in refused


class TestAnyValues:
    @given(values=SETTINGS, environment=st.sampled_from([None, "production"]))
    def test_they_are_settings_or_one_error(self, values, environment) -> None:
        refused = outcome("a.json", json.dumps(values).encode(), environment)
        again = outcome("a.yaml", yaml.safe_dump(values).encode(), environment)

        assert bool(refused) == bool(again)
        if refused:
            assert faults_in("a.json")

    @given(values=SETTINGS, name=HIDDEN, inside=st.booleans())
    @example(
        values={"level": f"http://a:{SECRET}@h"}, name="token", inside=False
    )
    @example(
        values={"sinks": {"a": {"type": f"http://a:{SECRET}@h"}}},
        name="token",
        inside=False,
    )
    @example(values={f"http://a:{SECRET}@h": 1}, name="token", inside=False)
    def test_no_error_shows_a_secret(self, values, name, inside) -> None:
        secret = [SECRET] if inside else SECRET
        loki = values.get("loki")
        loki = loki if isinstance(loki, dict) else {}
        values = {**values, "loki": {**loki, name: secret, "bad": 1}}
        refused = outcome("a.json", json.dumps(values).encode())

        assert refused
        assert SECRET not in refused


def test_a_running_configuration_is_changed_whole_or_not_at_all(
    log_file,
) -> None:
    path = Path("run.json")
    path.write_text('{"service": "a", "console": false}')
    settings = Settings(config_file=path, file=log_file.path)
    mohflow.configure(settings)

    @given(values=SETTINGS)
    def reload_with(values) -> None:
        values = {k: v for k, v in values.items() if k != "watch"}
        safe = {"loki": False, "console": False, "sinks": {}}
        path.write_text(json.dumps({**values, **safe}))
        before = STAGE.pipeline
        try:
            is_changed = mohflow.reload()
        except ConfigurationError:
            is_changed = False
            assert "settings_refused" == log_file.last["event"]
        assert is_changed == (STAGE.pipeline is not before)
        structlog.get_logger().critical("x")
        if "max_line_bytes" not in values:
            assert "x" == log_file.last["event"]

    reload_with()
