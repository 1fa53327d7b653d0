"""The fixtures, in runs of pytest of their own."""

import pytest


pytest_plugins = ["pytester"]


@pytest.fixture
def run(pytester, monkeypatch):
    """Run a test file in another process, with our plug-in only."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")

    def run(source):
        pytester.makepyfile(source)
        return pytester.runpytest_subprocess(
            "-p", "mohflow.pytest_plugin", "-p", "no:cacheprovider"
        )

    return run


def test_events_are_recorded_where_nothing_is_configured(run):
    result = run(
        """
        import structlog

        def test_log(log_events, capsys):
            structlog.get_logger("shop").debug("hi", user=7, password="p")

            (event,) = log_events
            assert "hi" == event["event"]
            assert "debug" == event["level"]
            assert "shop" == event["logger"]
            assert 7 == event["user"]
            assert "p" != event["password"]
            assert "" == capsys.readouterr().out

        def test_afterwards_all_is_as_it_was():
            assert not structlog.is_configured()
        """
    )

    result.assert_outcomes(passed=2)


def test_events_are_recorded_beside_a_configuration(run):
    result = run(
        """
        import json
        import mohflow
        import pytest
        import structlog

        @pytest.fixture(scope="module", autouse=True)
        def configured(tmp_path_factory):
            path = tmp_path_factory.mktemp("logs") / "log"
            mohflow.configure(console=False, file=path, service="shop")
            yield path
            mohflow.shutdown()

        log = structlog.get_logger()

        def test_log(log_events, configured):
            log.info("hi")
            log.debug("below the level")

            assert ["hi"] == [event["event"] for event in log_events]
            assert "shop" == log_events[0]["service"]
            assert "hi" == json.loads(configured.read_text())["event"]

        def test_each_test_has_its_own(log_events):
            log.info("another")

            assert ["another"] == [event["event"] for event in log_events]

        def test_without_the_fixture_the_chain_is_as_before(configured):
            log.info("last")
            name = type(structlog.get_config()["processors"][-1]).__name__

            assert "function" != name
            assert 3 == len(configured.read_text().splitlines())
        """
    )

    result.assert_outcomes(passed=3)


def test_a_program_that_configures_itself_in_the_test_is_recorded(run):
    result = run(
        """
        import mohflow
        import structlog

        def test_log(log_events, tmp_path):
            mohflow.configure(console=False, file=tmp_path / "log")
            structlog.get_logger().info("hi")

            assert ["hi"] == [event["event"] for event in log_events]
        """
    )

    result.assert_outcomes(passed=1)


def test_a_server_runs_for_one_test(run):
    result = run(
        """
        import socket
        import urllib.request

        import pytest

        def test_it_runs(loki_server, record_testsuite_property):
            with urllib.request.urlopen(f"{loki_server.url}/ready") as ready:
                assert b"ready" == ready.read().strip()
            global PORT
            PORT = int(loki_server.url.rpartition(":")[2])

        def test_it_has_ended():
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", PORT), 1)
        """
    )

    result.assert_outcomes(passed=2)


def test_nothing_is_imported_before_it_is_used(run):
    result = run(
        """
        import sys

        def test_modules():
            assert "mohflow.pytest_plugin" in sys.modules
            assert "mohflow.testing" not in sys.modules
            assert "http.server" not in sys.modules

        def test_recording_needs_no_server(log_events):
            assert "http.server" not in sys.modules
        """
    )

    result.assert_outcomes(passed=2)
