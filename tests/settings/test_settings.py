"""Where settings come from, and what is said of those that are wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

import mohflow

from mohflow import ConfigurationError, FileOptions, MaskingOptions, Settings


class TestPrecedence:
    def test_an_argument_wins_over_a_variable(self, monkeypatch) -> None:
        monkeypatch.setenv("MOHFLOW_SERVICE", "from-variable")

        assert "from-argument" == Settings(service="from-argument").service
        assert "from-variable" == Settings().service

    def test_our_variable_wins_over_those_of_others(self, monkeypatch) -> None:
        monkeypatch.setenv("OTEL_SERVICE_NAME", "otel")
        monkeypatch.setenv(
            "OTEL_RESOURCE_ATTRIBUTES",
            "service.name=attribute,deployment.environment.name=staging",
        )
        monkeypatch.setenv("LOG_LEVEL", "warn")
        others = Settings()
        monkeypatch.setenv("MOHFLOW_SERVICE", "ours")
        monkeypatch.setenv("MOHFLOW_LEVEL", "debug")

        assert ("otel", "staging", 30) == (
            others.service,
            others.environment,
            others.level,
        )
        assert ("ours", 10) == (Settings().service, Settings().level)

    def test_single_options_of_both_are_combined(self, monkeypatch) -> None:
        monkeypatch.setenv("MOHFLOW_FILE_MAX_BYTES", "1000000")
        options = Settings(file="app.log").file

        assert isinstance(options, FileOptions)
        assert (Path("app.log"), 1_000_000) == (
            options.path,
            options.max_bytes,
        )

    def test_the_shorthand_and_the_options_of_variables_are_combined(
        self, monkeypatch
    ) -> None:
        monkeypatch.setenv("MOHFLOW_FILE", "app.log")
        monkeypatch.setenv("MOHFLOW_FILE_LEVEL", "error")
        options = Settings().file

        assert isinstance(options, FileOptions)
        assert (Path("app.log"), 40) == (options.path, options.level)

    def test_other_arguments_win_over_settings_made_before(
        self, log_file
    ) -> None:
        settings = Settings(service="a", environment="b", file=log_file.path)
        mohflow.configure(settings, service="c", console=False)
        mohflow.get_logger().info("x")

        assert ("c", "b") == (
            log_file.last["service"],
            log_file.last["environment"],
        )


class TestVariables:
    @pytest.mark.parametrize("text", ["false", "off", "No", "0"])
    def test_a_sink_can_be_turned_off(self, monkeypatch, text) -> None:
        monkeypatch.setenv("MOHFLOW_CONSOLE", text)
        monkeypatch.setenv("MOHFLOW_FILE", text)

        assert (False, False) == (Settings().console, Settings().file)

    def test_an_empty_one_is_as_good_as_none(self, monkeypatch) -> None:
        for name in ("LEVEL", "FILE", "SERVICE"):
            monkeypatch.setenv(f"MOHFLOW_{name}", "")

        assert (20, None, None) == (
            Settings().level,
            Settings().file,
            Settings().service,
        )

    def test_a_path_may_begin_at_home(self, monkeypatch, tmp_path) -> None:
        monkeypatch.setenv("HOME", str(tmp_path))

        assert tmp_path / "a.log" == Settings(file="~/a.log").file.path

    def test_levels_by_name_are_json_too(self, monkeypatch) -> None:
        monkeypatch.setenv("MOHFLOW_LEVELS", '{"db": "DEBUG"}')

        assert {"db": 10} == Settings().levels

    def test_levels_by_name_are_pairs(self, monkeypatch) -> None:
        monkeypatch.setenv("MOHFLOW_LEVELS", "db=DEBUG, urllib3=30")

        assert {"db": 10, "urllib3": 30} == Settings().levels

    def test_an_unknown_one_is_said_with_the_nearest(
        self, monkeypatch, capsys
    ) -> None:
        monkeypatch.setenv("MOHFLOW_SERVISE", "x")
        mohflow.configure(console=False)
        said = capsys.readouterr().err

        assert "MOHFLOW_SERVISE" in said
        assert "Did you mean 'MOHFLOW_SERVICE'?" in said

    def test_a_bad_level_that_may_be_meant_for_others_is_passed_over(
        self, monkeypatch, capsys
    ) -> None:
        monkeypatch.setenv("LOG_LEVEL", "LOUD")

        assert 20 == Settings().level
        assert "LOG_LEVEL" in capsys.readouterr().err

    def test_secrets_do_not_show_in_the_settings(self) -> None:
        key = "k" * 32
        settings = Settings(
            masking=MaskingOptions(strategy="hash", hash_key=key)
        )

        assert key not in repr(settings)


class TestErrors:
    def test_a_bad_argument_is_named_with_its_value_and_the_remedy(
        self,
    ) -> None:
        with pytest.raises(ConfigurationError) as caught:
            mohflow.configure(level="LOUD")

        expected = (
            "level cannot be 'LOUD' (from argument level). Unknown level "
            "'LOUD'. Use a number or one of: notset, trace, debug, info, msg, "
            "success, notice, warning, warn, error, err, exception, critical, "
            "fatal."
        )
        assert expected == str(caught.value)

    def test_a_bad_variable_is_named(self, monkeypatch) -> None:
        monkeypatch.setenv("MOHFLOW_FILE_PATH", "a.log")
        monkeypatch.setenv("MOHFLOW_FILE_BACKUPS", "many")
        with pytest.raises(ConfigurationError) as caught:
            Settings()

        expected = (
            "file.backups cannot be 'many' (from environment variable "
            "MOHFLOW_FILE_BACKUPS). Give a whole number, with no unit."
        )
        assert expected == str(caught.value)

    def test_an_unknown_option_is_named_with_the_nearest(
        self, monkeypatch
    ) -> None:
        monkeypatch.setenv("MOHFLOW_CONSOLE_FROMAT", "json")
        with pytest.raises(ConfigurationError) as caught:
            Settings()

        expected = (
            "Unknown setting 'console.fromat' (from environment variable "
            "MOHFLOW_CONSOLE_FROMAT). Did you mean 'format'?"
        )
        assert expected == str(caught.value)

    def test_an_unknown_setting_is_named_with_the_nearest(self) -> None:
        with pytest.raises(ConfigurationError) as caught:
            Settings(servise="x")

        expected = (
            "Unknown setting 'servise' (from argument servise). Did you mean "
            "'service'?"
        )
        assert expected == str(caught.value)

    def test_all_faults_are_told_at_once(self, monkeypatch) -> None:
        monkeypatch.setenv("MOHFLOW_LEVEL", "x")
        with pytest.raises(ConfigurationError) as caught:
            Settings(shutdown_timeout=-1)

        assert 2 == len(str(caught.value).splitlines())

    def test_a_value_that_is_no_json_names_its_variable(
        self, monkeypatch
    ) -> None:
        monkeypatch.setenv("MOHFLOW_MASKING_KEYS", "[broken")
        with pytest.raises(ConfigurationError) as caught:
            Settings()

        expected = (
            "masking.keys cannot be '[broken' (from environment variable "
            "MOHFLOW_MASKING_KEYS). Give a list. In a variable: a JSON list, "
            "or a,b."
        )
        assert expected == str(caught.value)

    def test_a_secret_is_not_repeated(self, monkeypatch) -> None:
        monkeypatch.setenv("MOHFLOW_MASKING_STRATEGY", "hash")
        monkeypatch.setenv("MOHFLOW_MASKING_HASH_KEY", "tooshort")
        with pytest.raises(ConfigurationError) as caught:
            Settings()

        assert "tooshort" not in str(caught.value)

    def test_a_file_that_cannot_be_opened_is_an_error_at_once(
        self, tmp_path
    ) -> None:
        (tmp_path / "file").write_text("")
        with pytest.raises(ConfigurationError, match="file"):
            mohflow.configure(file=tmp_path / "file" / "app.log")

    def test_a_sink_cannot_take_the_name_of_another(self) -> None:
        with pytest.raises(ConfigurationError, match="'file'"):
            mohflow.configure(sinks={"file": mohflow.Sink()})

    @pytest.mark.parametrize("ttl", [0, -1, float("nan")])
    def test_a_time_that_is_none_is_refused(self, ttl) -> None:
        with pytest.raises(ConfigurationError, match="ttl"):
            mohflow.set_level("debug", ttl=ttl)

    @pytest.mark.parametrize("path", ["", ".", "a\0b"])
    def test_a_path_that_is_none_is_refused(self, path) -> None:
        with pytest.raises(ConfigurationError, match="no path of a file"):
            mohflow.configure(file=path)

    def test_settings_that_are_none_are_refused(self) -> None:
        with pytest.raises(ConfigurationError, match="settings"):
            mohflow.configure("shop")

    def test_an_unknown_level_is_refused(self) -> None:
        with pytest.raises(ConfigurationError, match="LOUD"):
            mohflow.set_level("LOUD")
