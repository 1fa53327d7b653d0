"""Sinks of other packages: installed by pip, found by name, or explained."""

from __future__ import annotations

import shutil
import subprocess
import sys

from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path

import pytest
import structlog

import mohflow

from mohflow import ConfigurationError
from mohflow.settings import plugins
from mohflow.testing import LokiServer, check_sink


SAMPLE = Path(__file__).parents[1] / "plugins" / "mohflow-lantern"


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Return a folder into which pip has installed the sample plug-in."""
    folder = tmp_path_factory.mktemp("plugin")
    source = shutil.copytree(SAMPLE, folder / "source")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    offline = ["--no-index", "--no-deps", "--no-build-isolation"]
    subprocess.run(
        [*pip, "install", *offline, "--target", folder / "site", source],
        check=True,
        capture_output=True,
        timeout=120,
    )
    return folder / "site"


PROGRAM = """
    import os, sys
    sys.path.insert(0, os.environ["SITE"])
    import mohflow, structlog
    mohflow.configure(
        service="shop",
        console=False,
        sinks={"lamp": {
            "type": "lantern",
            "url": os.environ["URL"],
            "token": "made-up-token",
        }},
    )
    structlog.get_logger().info("order.paid", email="ann@example.org")
    print(mohflow.shutdown()["lamp"])
"""


def test_an_installed_one_is_used_by_its_name(site, program) -> None:
    with LokiServer() as server:
        server.respond(200)
        result = program(PROGRAM, SITE=str(site), URL=f"{server.url}/in")
        (request,) = server.requests

    assert (0, "") == (result.returncode, result.stderr)
    assert "delivered=1" in result.stdout
    assert "Bearer made-up-token" == request.headers["authorization"]
    assert "mohflow" == request.headers["x-lantern-source"]
    assert "order.paid" == request.json[0]["event"]
    assert b"ann@example.org" not in request.body


def test_it_has_at_most_twenty_lines() -> None:
    text = (SAMPLE / "mohflow_lantern.py").read_text(encoding="utf-8")

    assert len(text.splitlines()) <= 20


def test_it_keeps_the_contract(site, monkeypatch) -> None:
    monkeypatch.syspath_prepend(site)
    sink_type = plugins.load("lantern")
    with LokiServer() as server:
        server.respond(200, times=None)
        check_sink(
            lambda: sink_type(
                sink_type.options_type(url=f"{server.url}/in", token="made-up")
            )
        )


class TestMessages:
    """Three things that go wrong are three different sentences."""

    @pytest.fixture
    def declared(self, monkeypatch, tmp_path):
        """Declare an entry point for a module with some text."""
        monkeypatch.syspath_prepend(tmp_path)

        def declare(text, name="lamp_plugin"):
            (tmp_path / f"{name}.py").write_text(text)
            entry = EntryPoint("lamp", f"{name}:LampSink", plugins.GROUP)
            monkeypatch.setattr(
                plugins, "entry_points", lambda **_: EntryPoints([entry])
            )

        yield declare
        for name in [n for n in sys.modules if n.endswith("_plugin")]:
            del sys.modules[name]

    def message(self, kind):
        with pytest.raises(ConfigurationError) as caught:
            mohflow.configure(console=False, sinks={"x": {"type": kind}})
        structlog.get_logger().info("still works")
        where = "sinks.x.type (from argument sinks): "
        assert str(caught.value).startswith(where)
        return str(caught.value).removeprefix(where)

    def test_an_unknown_name(self) -> None:
        assert (
            "Unknown kind of sink 'lokii'. Did you mean 'loki'?"
            == self.message("lokii")
        )
        assert "Known: http, loki" in self.message("qqqq")

    def test_a_missing_extra_of_ours_is_named(self, monkeypatch) -> None:
        monkeypatch.setitem(
            plugins.BUILT_IN, "dummy", "no_such_driver_at_all:DummySink"
        )
        monkeypatch.setitem(plugins.EXTRAS, "dummy", "dummyextra")

        assert (
            "Sink 'dummy' needs 'no_such_driver_at_all', which is not "
            "installed. Install it: python -m pip install "
            "'mohflow[dummyextra]'." == self.message("dummy")
        )

    def test_a_missing_package_of_a_plugin_is_named(self, declared) -> None:
        declared("import no_such_driver_at_all")

        assert (
            "Sink 'lamp' needs 'no_such_driver_at_all', which is not "
            "installed. Install it: python -m pip install "
            "no_such_driver_at_all." == self.message("lamp")
        )

    def test_a_driver_that_is_missing_when_it_is_made_is_named(
        self, declared
    ) -> None:
        declared(
            "import mohflow\n"
            "class LampSink(mohflow.Sink):\n"
            "    options_type = mohflow.DeliveryOptions\n"
            "    def __init__(self, options):\n"
            "        import no_such_driver_at_all\n"
        )
        with pytest.raises(ConfigurationError) as caught:
            mohflow.configure(console=False, sinks={"x": {"type": "lamp"}})

        assert (
            "LampSink needs 'no_such_driver_at_all', which is not installed. "
            "Install it: python -m pip install no_such_driver_at_all."
            == str(caught.value)
        )

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("1 / 0", "cannot be imported: ZeroDivisionError"),
            ("def (", "cannot be imported: SyntaxError"),
            ("x = 1", "cannot be imported: AttributeError"),
            ("LampSink = 1", "is no mohflow.Sink"),
        ],
    )
    def test_one_that_cannot_be_imported(self, declared, text, said) -> None:
        declared(text)
        message = self.message("lamp")

        assert said in message
        assert "lamp_plugin:LampSink" in message

    def test_entry_points_are_read_on_a_miss_only(self, monkeypatch) -> None:
        monkeypatch.setattr(plugins, "entry_points", None)

        assert "LokiSink" == plugins.load("loki").__name__
