"""Settings from files: formats, profiles, precedence, and every message."""

from __future__ import annotations

import json
import pickle
import sys
import tomllib

from pathlib import Path

import pytest
import yaml

import mohflow

from mohflow import ConfigurationError, Settings
from mohflow.settings.checks import faults_in
from mohflow.testing import LokiServer


TOML = """\
service = "shop"
level = "warning"
levels = { db = "debug" }
spool_dir = "spool"

[file]
path = "shop.log"
max_bytes = "10 MiB"

[loki]
url = "http://loki:3100"
labels = { team = "orders" }

[sinks.audit]
type = "http"
url = "https://audit.example.org"

[profiles.production]
level = "error"
console = false

[profiles.production.loki]
tenant = "shop"
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(name: str, text: str) -> Path:
    path = Path(name)
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)
    return path


def refusal(text: str = "", name: str = "a.toml", **values) -> str:
    """Return what is said of a file, its folder left out."""
    path = write(name, text)
    with pytest.raises(ConfigurationError) as caught:
        Settings(config_file=path, **values)
    return str(caught.value).replace(f"{Path.cwd()}/", "")


class TestFormats:
    @pytest.mark.parametrize(
        ("name", "dump"),
        [
            ("a.toml", lambda values: TOML),
            ("a.json", json.dumps),
            ("a.yaml", yaml.safe_dump),
            ("a.yml", yaml.safe_dump),
        ],
    )
    def test_all_say_the_same(self, name, dump) -> None:
        path = write(name, dump(tomllib.loads(TOML)))
        settings = Settings(config_file=path, environment="production")

        assert ("shop", 40, {"db": 10}, False, Path("spool")) == (
            settings.service,
            settings.level,
            settings.levels,
            settings.console,
            settings.spool_dir,
        )
        assert 10 * 1024**2 == settings.file.max_bytes
        assert ({"team": "orders"}, "shop") == (
            settings.loki.labels,
            settings.loki.tenant,
        )

    def test_an_empty_file_changes_nothing(self) -> None:
        for name in ("a.toml", "a.yaml"):
            settings = Settings(config_file=write(name, ""))

            assert (
                settings.model_copy(update={"config_file": None}) == Settings()
            )

    def test_a_mark_and_line_ends_of_windows_are_understood(self) -> None:
        path = Path("a.toml")
        path.write_bytes(b'\xef\xbb\xbfservice = "a"\r\nlevel = 30\r\n')

        assert ("a", 30) == (
            Settings(config_file=path).service,
            Settings(config_file=path).level,
        )

    def test_the_hint_for_editors_is_no_setting(self) -> None:
        path = write("a.json", '{"$schema": "x.json", "service": "a"}')

        assert "a" == Settings(config_file=path).service

    def test_yaml_merges_profiles_by_anchors(self) -> None:
        path = write(
            "a.yaml",
            "x: &x {level: debug}\nprofiles:\n  a:\n    <<: *x\n"
            "    service: s\n".replace("x: &x {level: debug}\n", "").replace(
                "<<: *x", "<<: &x {level: debug}"
            ),
        )
        settings = Settings(config_file=path, environment="a")

        assert (10, "s") == (settings.level, settings.service)

    def test_variables_in_values_are_not_invented(self) -> None:
        path = write("a.toml", 'service = "${HOME}"')

        assert "${HOME}" == Settings(config_file=path).service

    def test_a_file_is_named_by_a_variable(self, monkeypatch) -> None:
        write("a.toml", 'service = "a"')
        monkeypatch.setenv("MOHFLOW_CONFIG_FILE", "a.toml")

        assert "a" == Settings().service

    def test_yaml_without_its_extra_says_what_to_install(
        self, monkeypatch
    ) -> None:
        monkeypatch.setitem(sys.modules, "yaml", None)

        assert (
            "pip install 'mohflow[yaml]'. TOML and JSON need nothing."
        ) in refusal("service: a", "a.yaml")

    def test_sinks_of_a_file_are_used(self) -> None:
        with LokiServer() as loki:
            write(
                "a.toml",
                f'console = false\n[sinks.second]\ntype = "loki"\n'
                f'url = "{loki.url}"',
            )
            mohflow.configure(Settings(config_file="a.toml"))
            mohflow.get_logger().info("x")
            mohflow.shutdown()

            assert 1 == len(loki.entries())


class TestPrecedence:
    SOURCES = (
        "argument",
        "variable",
        "secret",
        "profile",
        "file",
        "pyproject profile",
        "pyproject",
        "other",
    )

    @pytest.mark.parametrize("strongest", range(len(SOURCES)))
    def test_the_stronger_source_wins(self, monkeypatch, strongest) -> None:
        """Every source but the stronger ones says which it is."""
        says = set(self.SOURCES[strongest:])

        def line(source):
            return f'service = "{source}"\n' if source in says else ""

        monkeypatch.setenv("OTEL_SERVICE_NAME", "other")
        write(
            "pyproject.toml",
            f"[tool.mohflow]\n{line('pyproject')}"
            f"[tool.mohflow.profiles.x]\n{line('pyproject profile')}",
        )
        write("a.toml", f"{line('file')}[profiles.x]\n{line('profile')}")
        Path("secrets").mkdir()
        if "secret" in says:
            write("secrets/mohflow_service", "secret\n")
        if "variable" in says:
            monkeypatch.setenv("MOHFLOW_SERVICE", "variable")
        given = {"service": "argument"} if "argument" in says else {}
        settings = Settings(
            config_file="a.toml",
            secrets_dir="secrets",
            environment="x",
            **given,
        )

        assert self.SOURCES[strongest] == settings.service

    def test_mappings_are_laid_over_each_other(self, monkeypatch) -> None:
        write(
            "a.toml",
            'levels = {a = 1, b = 1, c = 1}\n[file]\npath = "f"\n'
            "backups = 1\n[profiles.x]\nlevels = {b = 2}\n"
            "[profiles.x.file]\nbackups = 2",
        )
        monkeypatch.setenv("MOHFLOW_LEVELS", "c=3")
        monkeypatch.setenv("MOHFLOW_FILE_MODE", "0640")
        settings = Settings(config_file="a.toml", environment="x")

        assert {"a": 1, "b": 2, "c": 3} == settings.levels
        assert (Path("f"), 2, 0o640) == (
            settings.file.path,
            settings.file.backups,
            settings.file.mode,
        )

    @pytest.mark.parametrize(
        ("argument", "variable", "level"),
        [("x", "y", 10), (None, "y", 40), (None, None, 50)],
    )
    def test_the_environment_that_wins_chooses_the_profile(
        self, monkeypatch, argument, variable, level
    ) -> None:
        write(
            "a.toml",
            'environment = "z"\n[profiles]\nx.level = 10\ny.level = 40\n'
            "z.level = 50",
        )
        if variable:
            monkeypatch.setenv("MOHFLOW_ENVIRONMENT", variable)
        given = {"environment": argument} if argument else {}

        assert level == Settings(config_file="a.toml", **given).level

    def test_pyproject_is_read_where_the_program_is_started(
        self, folder, monkeypatch
    ) -> None:
        write("pyproject.toml", '[tool.mohflow]\nservice = "a"')
        (folder / "below").mkdir()

        assert "a" == Settings().service
        monkeypatch.chdir("below")
        assert Settings().service is None

    def test_a_pyproject_that_says_nothing_of_us_need_not_be_valid(
        self,
    ) -> None:
        write("pyproject.toml", "[broken")

        assert Settings().service is None

    def test_a_folder_that_is_gone_has_no_pyproject(
        self, folder, monkeypatch
    ) -> None:
        (folder / "gone").mkdir()
        monkeypatch.chdir("gone")
        (folder / "gone").rmdir()

        assert Settings().service is None
        with pytest.raises(ConfigurationError, match="No such file"):
            Settings(config_file="a.toml")

    def test_other_tables_of_pyproject_are_not_ours(self) -> None:
        write("pyproject.toml", "[tool.other]\nmohflow = 1")

        assert Settings().service is None


class TestVariables:
    @pytest.mark.parametrize(
        ("name", "text", "expected"),
        [
            ("MASKING_KEYS", '["a b", "c"]', ("a b", "c")),
            ("MASKING_KEYS", "a b, c", ("a b", "c")),
            ("MASKING_PATTERNS", "a=x.y", {"a": "x.y"}),
            ("MASKING_PATTERNS", '{"a": "x,y"}', {"a": "x,y"}),
            ("LOKI_LABELS", "a=b,c=d", {"a": "b", "c": "d"}),
            ("LOKI_LABEL_FIELDS", "a", ("a",)),
        ],
    )
    def test_lists_and_mappings_are_json_or_have_commas(
        self, monkeypatch, name, text, expected
    ) -> None:
        monkeypatch.setenv(f"MOHFLOW_{name}", text)
        monkeypatch.setenv("MOHFLOW_LOKI", "http://localhost:1")
        setting, _, option = name.lower().partition("_")

        assert expected == getattr(getattr(Settings(), setting), option)

    def test_sinks_are_json(self, monkeypatch) -> None:
        given = {"a": {"type": "http", "url": "https://x"}}
        monkeypatch.setenv("MOHFLOW_SINKS", json.dumps(given))

        assert given == Settings().sinks

    def test_a_setting_with_options_may_be_json(self, monkeypatch) -> None:
        monkeypatch.setenv("MOHFLOW_FILE", '{"path": "a.log", "backups": 2}')

        assert (Path("a.log"), 2) == (
            Settings().file.path,
            Settings().file.backups,
        )

    def test_values_of_resource_attributes_are_decoded(
        self, monkeypatch
    ) -> None:
        monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "service.name=a%2Cb")

        assert "a,b" == Settings().service


MESSAGES = {
    "levell = 1": (
        "Unknown setting 'levell' (from a.toml:1). Did you mean 'level'?"
    ),
    "# a comment\n\n[loki]\nurl = 'http://h'\nbatch_byte = 1": (
        "Unknown setting 'loki.batch_byte' (from a.toml:5). Did you mean "
        "'batch_bytes'?"
    ),
    "[loki]\nurl = 'http://h'\nlabels = [\n  1,\n]": (
        "loki.labels cannot be [1] (from a.toml:3). Give values by name."
    ),
    "[profiles.x]\nlevel = 'LOUD'": (
        "level cannot be 'LOUD' (from a.toml:2, profile x). Unknown level "
        "'LOUD'. Use a number or one of: notset, trace, debug, info, msg, "
        "success, notice, warning, warn, error, err, exception, critical, "
        "fatal."
    ),
    "console = 'json'": (
        "console cannot be 'json' (from a.toml:1). Give options by name: "
        "format, level, stream."
    ),
    "[file]\nbackups = 1": (
        "file.path is missing (from a.toml:1). Give it a value."
    ),
    "loki.url = 'http://ann:hunter2@'": (
        "loki.url cannot be 'http://' (from a.toml:1). It is no URL: empty "
        "host. Give one such as http://host:3100."
    ),
    "[loki]\nurl = 'http://h'\npassword = 5": (
        "loki.password cannot be ********** (from a.toml:3). Give text, in "
        "quotes."
    ),
    "[sinks.a]\nurl = 'http://h'": (
        "sinks.a.type (from a.toml:1): It must name a kind of sink. Known: "
        "http, loki, and plug-ins."
    ),
    "[sinks.a]\ntype = 'lokii'": (
        "sinks.a.type (from a.toml:2): Unknown kind of sink 'lokii'. Did you "
        "mean 'loki'?"
    ),
    "[sinks.a]\ntype = 'http'\nurl = 'http://h'\nlinger = -1": (
        "sinks.a.linger cannot be -1 (from a.toml:4). It must be at least 0.0."
    ),
    "config_file = 'b.toml'": (
        "config_file cannot be set in a file (from a.toml:1). Set "
        "MOHFLOW_CONFIG_FILE, or give Settings(config_file=...)."
    ),
    "profiles = 1": (
        "profiles is no table (from a.toml:1). Write [profiles.production] "
        "and what differs there."
    ),
    "[profiles]\nx = 1": (
        "profiles.x is no table (from a.toml:2). Write [profiles.x] and what "
        "differs there."
    ),
    "[profiles.x]\nenvironment = 'y'": (
        "profiles.x.environment cannot be set (from a.toml:2): the "
        "environment chooses the profile. Set it outside."
    ),
    "a = 1\nb = ]": (
        "a.toml:2 is no valid TOML: Invalid value. Nothing of the file is "
        "used."
    ),
    "a = 1\na = 2": (
        "a.toml:2 is no valid TOML: Cannot overwrite a value. Nothing of the "
        "file is used."
    ),
    "watch = 0": (
        "watch cannot be 0 (from a.toml:1). It must be at least 0.1."
    ),
}

OTHER_MESSAGES = {
    ("a.json", '{\n "level": 1,\n "level": 2\n}'): (
        "a.json:3 is no valid JSON: the name 'level' stands twice. Nothing of "
        "the file is used."
    ),
    ("a.json", '{"a": 1'): (
        "a.json:1 is no valid JSON: Expecting ',' delimiter. Nothing of the "
        "file is used."
    ),
    (
        "a.json",
        "[1]",
    ): "a.json holds a list. Write settings by name, as level.",
    ("a.json", '{\n "service":\n  "a", "file": {\n "backup": 1}}'): (
        "file.path is missing (from a.json:3). Give it a value.\n"
        "Unknown setting 'file.backup' (from a.json:4). Did you mean "
        "'backups'?"
    ),
    ("a.yaml", "level: info\nfile:\n  path: a\n  backup: 1"): (
        "Unknown setting 'file.backup' (from a.yaml:4). Did you mean "
        "'backups'?"
    ),
    ("a.yaml", "level: info\nlevel: debug"): (
        "a.yaml:2 is no valid YAML: the name 'level' stands twice. Nothing "
        "of the file is used."
    ),
    ("a.yaml", "a: [1"): (
        "a.yaml:1 is no valid YAML: expected ',' or ']', but got '<stream "
        "end>'. Nothing of the file is used."
    ),
    ("a.yaml", "a: !!python/object:os.system x"): (
        "a.yaml:1 is no valid YAML: could not determine a constructor for "
        "the tag 'tag:yaml.org,2002:python/object:os.system'. Nothing of the "
        "file is used."
    ),
    ("a.yaml", "levels: {404: debug}"): (
        "a.yaml: the name 404 is no text. Put it in quotes."
    ),
    ("a.yaml", "a: 2026-99-99"): (
        "a.yaml is no valid YAML: a value cannot be read (ValueError). "
        "Nothing of the file is used."
    ),
    ("a.ini", "x"): (
        "Cannot read 'a.ini': the suffix '.ini' is none of a configuration "
        "file. Use one of .toml, .json, .yaml, .yml."
    ),
}


class TestMessages:
    @pytest.mark.parametrize("text", MESSAGES)
    def test_in_toml(self, text) -> None:
        assert MESSAGES[text] == refusal(text, environment="x")

    @pytest.mark.parametrize(("name", "text"), OTHER_MESSAGES)
    def test_in_other_formats(self, name, text) -> None:
        assert OTHER_MESSAGES[name, text] == refusal(text, name)

    def test_all_faults_of_all_sources_are_told_at_once(
        self, monkeypatch
    ) -> None:
        monkeypatch.setenv("MOHFLOW_LEVEL", "LOUD")
        write("pyproject.toml", "[tool.mohflow]\nwatch = 0")
        text = '[sinks.a]\ntype = "x"\n[file]\npath = 1'
        lines = refusal(text, shutdown_timeout=-1).splitlines()

        assert [
            "environment variable MOHFLOW_LEVEL",
            "a.toml:4",
            "argument shutdown_timeout",
            "pyproject.toml:2",
            "a.toml:2",
        ] == [line.partition("(from ")[2].partition(")")[0] for line in lines]

    def test_a_file_that_is_not_there(self) -> None:
        with pytest.raises(ConfigurationError) as caught:
            Settings(config_file="/no/such.toml")

        assert (
            "Cannot read '/no/such.toml': No such file or directory. Choose "
            "another path, or let this user read it."
        ) == str(caught.value)

    def test_a_file_that_is_too_large_or_no_text(self) -> None:
        Path("a.toml").write_bytes(b"\xff")
        Path("b.toml").write_bytes(b"#" * 1_000_001)
        for name, what in (("a", "no text in UTF-8"), ("b", "1000000 bytes")):
            with pytest.raises(ConfigurationError, match=what):
                Settings(config_file=f"{name}.toml")

    def test_aliases_that_grow_are_refused(self) -> None:
        lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
        lines += [
            f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]"
            for n in range(1, 30)
        ]

        assert "more than 10000 values" in refusal("\n".join(lines), "a.yaml")

    def test_an_alias_of_itself_is_refused(self) -> None:
        assert "nested more than 20" in refusal("a: &a [*a]", "a.yaml")

    @pytest.mark.parametrize("name", ["a.toml", "a.json", "a.yaml"])
    def test_what_is_nested_too_deeply_is_refused(self, name) -> None:
        start = {"a.toml": "a = ", "a.json": '{"a": ', "a.yaml": "a: "}[name]
        text = start + "[" * 5000 + "]" * 5000

        assert "nested" in refusal(text + "}" * (name == "a.json"), name) or (
            "cannot be read" in refusal(text, name)
        )

    def test_a_secrets_directory_that_is_none(self) -> None:
        assert (
            "Cannot read the secrets in 'nope' (secrets_dir): No such file or "
            "directory. Choose another folder, or let this user read it."
        ) == refusal("secrets_dir = 'nope'").replace(f"{Path.cwd()}/", "")


class TestSecrets:
    def test_a_directory_holds_them_by_the_name_of_the_variable(self) -> None:
        Path("s").mkdir()
        write("s/mohflow_loki_password", "hunter22\n")
        write("s/other", "\0")
        settings = Settings(
            secrets_dir="s", loki={"url": "http://localhost", "username": "a"}
        )
        origins = {one.path: one for one in settings.origins()}

        assert "hunter22" == settings.loki.password.get_secret_value()
        assert "hunter22" not in repr(settings) + repr(origins)
        assert origins["loki.password"].source.endswith(
            "s/mohflow_loki_password"
        )

    def test_a_file_that_others_can_read_is_warned_of(self, capsys) -> None:
        path = write("a.toml", 'loki.url = "https://ann:hunter22@h"')
        Settings(config_file=path)
        before = capsys.readouterr().err
        path.chmod(0o644)
        Settings(config_file=path)
        said = capsys.readouterr().err

        assert "" == before
        assert "holds loki.url and every user of this machine can" in said
        assert "hunter22" not in said

    @pytest.mark.parametrize(
        ("environment", "said"),
        [("prodution", "Did you mean 'production'?"), ("production", "")],
    )
    def test_a_profile_that_was_nearly_named_is_said(
        self, capsys, environment, said
    ) -> None:
        write("a.toml", "[profiles.production]\n[profiles.eu1]")
        Settings(config_file="a.toml", environment=environment)

        err = capsys.readouterr().err

        assert bool(said) == ("has no profile" in err)
        assert said in err

    def test_other_environments_have_no_profile_and_nothing_is_said(
        self, capsys
    ) -> None:
        write("a.toml", "[profiles.production]\n[profiles.eu1]")
        for environment in ("eu2", "test", None):
            Settings(config_file="a.toml", environment=environment)

        assert "" == capsys.readouterr().err

    def test_a_file_without_secrets_may_be_read_by_all(self, capsys) -> None:
        write("a.toml", 'service = "a"').chmod(0o644)
        Settings(config_file="a.toml")

        assert "" == capsys.readouterr().err


class TestOrigins:
    def test_every_value_has_the_source_that_won(self, monkeypatch) -> None:
        monkeypatch.setenv("MOHFLOW_FILE", "b.log")
        monkeypatch.setenv("LOG_LEVEL", "error")
        write("pyproject.toml", "[tool.mohflow]\nlevels.db = 10")
        write("a.toml", '[file]\npath = "a.log"\nbackups = 2')
        origins = Settings(config_file="a.toml", service="s").origins()
        here = f"{Path.cwd()}/"

        assert {
            ("service", "'s'", "argument service"),
            ("config_file", "'a.toml'", "argument config_file"),
            ("file.path", "'b.log'", "environment variable MOHFLOW_FILE"),
            ("file.backups", "2", "a.toml:3"),
            ("levels.db", "10", "pyproject.toml:2"),
            ("level", "40", "environment variable LOG_LEVEL"),
        } == {
            (one.path, one.value, one.source.replace(here, ""))
            for one in origins
        }


class TestCopies:
    def test_settings_can_be_pickled_and_compared(self) -> None:
        settings = Settings(config_file=write("a.toml", "level = 40"))
        again = pickle.loads(pickle.dumps(settings))

        assert settings == again != Settings()
        assert again.reread() == settings

    def test_a_change_in_a_copy_counts_as_an_argument(self) -> None:
        write("a.toml", "level = 40\nshutdown_timeout = 1")
        settings = Settings(config_file="a.toml")
        mohflow.configure(settings.model_copy(update={"level": 10}))

        assert mohflow.get_logger().is_enabled_for(10)


class TestChecks:
    def test_the_base_and_all_profiles_are_checked(self) -> None:
        path = write("a.toml", "[profiles.a]\nx = 1\n[profiles.b]\ny = 1")

        assert 2 == len(faults_in(path))
        assert 1 == len(faults_in(path, "b"))

    def test_variables_supply_what_is_missing_and_hide_nothing(
        self, monkeypatch
    ) -> None:
        path = write("a.toml", "level = 'LOUD'\n[loki]\ntenant = 'a'")
        without = faults_in(path)
        monkeypatch.setenv("MOHFLOW_LOKI_URL", "http://localhost")
        monkeypatch.setenv("MOHFLOW_LEVEL", "info")

        assert (2, 1) == (len(without), len(faults_in(path)))

    def test_a_profile_that_is_not_there_is_a_fault(self) -> None:
        path = write("a.toml", "[profiles.production]")
        (fault,) = faults_in(path, "prodution")

        assert fault.endswith(
            "has no profile 'prodution'. Did you mean 'production'?"
        )

    def test_a_pyproject_is_checked_for_our_part(self) -> None:
        path = write("pyproject.toml", "[tool.mohflow]\nlevell = 1")
        (fault,) = faults_in(path)

        assert "'levell'" in fault
        path.write_text("[tool.x]")
        assert ["no table [tool.mohflow]. Add it."] == [
            fault.partition(" has ")[2] for fault in faults_in(path)
        ]
