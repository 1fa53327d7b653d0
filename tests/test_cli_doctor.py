"""What the doctor says about real servers, folders and programs."""

from __future__ import annotations

import os
import socket
import ssl
import subprocess
import sys
import textwrap

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from mohflow.testing import LokiServer


CERTIFICATES = Path(__file__).parent / "sinks" / "certificates"


@pytest.fixture
def doctor(tmp_path):
    """Run the doctor with these variables; return exit code and screen."""

    def run(*arguments, **environ):
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.lower().endswith("_proxy")
        }
        done = subprocess.run(
            [sys.executable, "-m", "mohflow", "doctor", *arguments],
            capture_output=True,
            check=False,
            cwd=tmp_path,
            env={**inherited, **environ},
            text=True,
            timeout=60,
        )
        assert "Traceback" not in done.stderr
        return done.returncode, done.stdout

    return run


@pytest.fixture
def server():
    with LokiServer() as server:
        yield server


@pytest.fixture
def port():
    """Return a port where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def tls(name):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATES / name)
    return context


def test_a_loki_that_works(doctor, server, tmp_path):
    code, out = doctor(
        MOHFLOW_LOKI_URL=server.url,
        MOHFLOW_FILE=str(tmp_path / "new" / "a.log"),
        MOHFLOW_SPOOL_DIR=str(tmp_path / "spool"),
    )

    assert 0 == code
    assert "push: it took an event and showed it again" in out
    assert "No fault was found." in out
    assert [] == list(tmp_path.iterdir())
    assert 1 == len(server.entries())


class TestLoki:
    def fault(self, doctor, url, *said, **environ):
        code, out = doctor(MOHFLOW_LOKI_URL=url, **environ)

        assert 1 == code
        assert "FAULT  loki" in out
        assert [] == [text for text in said if text not in out], out

    def test_no_such_host(self, doctor):
        url = "http://no.such.host.invalid:3100"
        self.fault(doctor, url, ": dns", "name cannot be resolved")

    def test_refused(self, doctor, port):
        url = f"http://127.0.0.1:{port}"
        self.fault(doctor, url, ": connect", "Nothing answers")

    def test_silent(self, doctor, server):
        server.hang()
        self.fault(doctor, server.url, ": timeout", MOHFLOW_LOKI_TIMEOUT="0.3")

    @pytest.mark.parametrize(
        ("certificate", "ca", "said"),
        [
            ("server.pem", "other_ca.pem", "not known here: set ca_file"),
            ("expired.pem", "expired.pem", "has expired"),
            ("other_name.pem", "other_name.pem", "is for another name"),
        ],
    )
    def test_certificates(self, doctor, certificate, ca, said):
        with LokiServer(tls=tls(certificate)) as server:
            url = server.url.replace("127.0.0.1", "localhost")
            self.fault(
                doctor,
                url,
                ": tls",
                said,
                MOHFLOW_LOKI_CA_FILE=str(CERTIFICATES / ca),
            )

    def test_no_tls_there(self, doctor, server):
        url = server.url.replace("http:", "https:")
        self.fault(doctor, url, ": tls", "is it http in url?")

    def test_who_we_are_is_asked(self, doctor):
        context = tls("server.pem")
        context.load_verify_locations(CERTIFICATES / "ca.pem")
        context.verify_mode = ssl.CERT_REQUIRED
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        with LokiServer(tls=context) as server:
            url = server.url.replace("127.0.0.1", "localhost")
            ca = str(CERTIFICATES / "ca.pem")
            self.fault(doctor, url, "cert_file", MOHFLOW_LOKI_CA_FILE=ca)

    def test_a_proxy_that_is_not_there(self, doctor, server, port):
        self.fault(
            doctor,
            server.url,
            ": connect",
            f"through the proxy 127.0.0.1:{port}",
            "HTTP_PROXY",
            HTTP_PROXY=f"http://user:hidden@127.0.0.1:{port}",
        )

    def test_a_missing_tenant(self, doctor):
        with LokiServer(auth_enabled=True) as server:
            self.fault(doctor, server.url, ": http_401", "no org id", "tenant")

    @pytest.mark.parametrize(
        ("status", "said"),
        [(401, "Check username"), (403, "not allowed"), (404, "the path of")],
    )
    def test_not_welcome(self, doctor, server, status, said):
        server.respond(status, "go away", times=None)
        self.fault(doctor, server.url, f": http_{status}", "go away", said)

    def test_a_login_page(self, doctor, server):
        html = {"Content-Type": "text/html"}
        server.respond(200, "<html>Log in</html>", html, times=None)
        self.fault(
            doctor, server.url, ": not_loki", "<html>Log in", "a login page"
        )

    def test_a_redirect(self, doctor, server):
        to = {"Location": "https://sso.example.org/login"}
        server.respond(302, headers=to, times=None)
        self.fault(doctor, server.url, ": not_loki", "sso.example.org/login")

    def test_bad_labels(self, doctor, server):
        text = "stream '{}' has 16 label names; limit 15"
        server.respond(400, text, times=None)
        self.fault(doctor, server.url, ": labels", "limit 15")

    @pytest.mark.parametrize("minutes", [-30, 30])
    def test_a_clock_that_is_wrong(self, doctor, server, minutes):
        date = datetime.now(UTC) + timedelta(minutes=minutes)
        server.respond(
            204, headers={"Date": format_datetime(date, usegmt=True)}
        )
        self.fault(doctor, server.url, ": clock_skew", "The clock of")

    def test_stored_and_never_shown(self, doctor, server):
        server.respond(204)
        self.fault(doctor, server.url, ": not_shown", "does not show it")

    def test_labels_that_no_loki_takes(self, doctor, server):
        code, _ = doctor(
            MOHFLOW_LOKI_URL=server.url,
            MOHFLOW_LOKI_LABELS='{"__x": "y"}',
        )

        assert 2 == code


class TestSettings:
    def test_what_differs_from_the_defaults_has_its_source(
        self, doctor, tmp_path
    ):
        (tmp_path / "a.toml").write_text(
            'level = "info"\n[file]\npath = "a.log"\n[profiles.x]\n'
            'level = "error"\n[profiles.x.sinks.far]\ntype = "http"\n'
            'url = "http://127.0.0.1:1"\ntoken = "hunter22"\n'
        )
        _, out = doctor(
            MOHFLOW_CONFIG_FILE="a.toml",
            MOHFLOW_ENVIRONMENT="x",
            OTEL_SERVICE_NAME="shop",
        )
        rows = [line.split(None, 2) for line in out.splitlines()[1:9]]

        assert [
            ["service", "'shop'", "OTEL_SERVICE_NAME"],
            ["environment", "'x'", "MOHFLOW_ENVIRONMENT"],
            ["level", "'error'", "a.toml:5, profile x"],
            ["file.path", "'a.log'", "a.toml:3"],
            ["sinks.far.type", "'http'", "a.toml:7, profile x"],
            ["sinks.far.url", "'http://127.0.0.1:1'", "a.toml:8, profile x"],
            ["sinks.far.token", "**********", "a.toml:9, profile x"],
            ["config_file", "'a.toml'", "MOHFLOW_CONFIG_FILE"],
        ] == rows
        assert "have their default; --all shows them." in out

    def test_all_of_them_are_shown_on_demand(self, doctor):
        _, out = doctor("--all")

        assert "watch" in out
        assert "default" == out.splitlines()[1].split()[-1]
        assert "--all" not in out

    def test_a_variable_that_nobody_reads_is_a_fault(self, doctor):
        code, out = doctor(MOHFLOW_LEVL="debug")

        assert 1 == code
        assert "FAULT  MOHFLOW_LEVL is no variable of MohFlow" in out
        assert "Did you mean 'MOHFLOW_LEVEL'?" in out

    def test_those_that_are_refused_are_told_alone(self, doctor):
        code, out = doctor(MOHFLOW_CONSOLE_LEVL="x", MOHFLOW_LEVEL="LOUD")

        assert 2 == code
        assert 2 == out.count("FAULT")
        assert out.endswith("There are 2 faults. Nothing else was checked.\n")


def test_reading_may_be_forbidden(doctor, server):
    server.flaky(lambda request: 403 if request.method == "GET" else None)
    code, out = doctor("--loki", server.url)

    assert 0 == code
    assert "could not be read back: queries answer HTTP 403" in out


class TestFiles:
    @pytest.mark.parametrize(
        ("path", "said"),
        [(".", "is a folder"), ("in_the_way/a.log", "is no folder")],
    )
    def test_a_path_that_cannot_be(self, doctor, tmp_path, path, said):
        (tmp_path / "in_the_way").touch()
        target = tmp_path / path if path != "." else tmp_path
        code, out = doctor(MOHFLOW_FILE=str(target))

        assert 1 == code
        assert said in out

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
    def test_a_folder_of_somebody_else(self, doctor, tmp_path):
        (tmp_path / "closed").mkdir(0o500)
        code, out = doctor(MOHFLOW_FILE=str(tmp_path / "closed" / "a.log"))

        assert 1 == code
        assert "may not write to" in out

    def test_a_full_disk(self, monkeypatch, tmp_path):
        from mohflow import Settings
        from mohflow.cli import doctor_files

        monkeypatch.setattr(
            doctor_files.shutil,
            "disk_usage",
            lambda _: type("usage", (), {"free": 4096}),
        )
        first, *_ = doctor_files.file(Settings(file=tmp_path / "a.log"))

        assert "FAULT" == first.mark
        assert "4,096 bytes are free" in first.what


class TestProgram:
    def write(self, tmp_path, source):
        (tmp_path / "app.py").write_text(textwrap.dedent(source))

    def test_its_loggers_and_sinks_are_shown(self, doctor, tmp_path, server):
        source = f"""
            import logging, logging.config, sys, mohflow
            mohflow.configure(console=False, loki={server.url!r})
            file = open("x.txt", "w")
            logging.getLogger("db").addHandler(logging.StreamHandler(file))
            pool = logging.getLogger("db.pool")
            pool.addHandler(logging.StreamHandler(file))
            logging.getLogger("mute").propagate = False
            logging.config.dictConfig({{"version": 1}})
            logging.getLogger("late").disabled = True
        """
        self.write(tmp_path, source)
        code, out = doctor("--import", "app")

        assert 1 == code
        assert "configure() was called: loki" in out
        assert "dictConfig() at " in out
        assert "app.py:9" in out
        assert "FAULT    db.pool" in out
        assert "records show twice" in out
        assert "has no handler: its records are lost" in out
        assert "FAULT  late: no level, disabled" in out
        assert "app.py:9 did it, give disable_existing_loggers=False" in out
        assert "  file" not in out.partition("Settings")[2].split("\n")[0]
        assert "argument loki" in out
        assert "it took an event and showed it again" in out

    def test_a_handler_that_was_taken_away(self, doctor, tmp_path):
        source = """
            import logging, mohflow
            mohflow.configure()
            logging.getLogger().handlers.clear()
        """
        self.write(tmp_path, source)
        code, out = doctor("--import", "app")

        assert 1 == code
        assert "the handler of MohFlow is not there" in out
        assert "It was taken away at app.py:4, or just above." in out

    @pytest.mark.parametrize(
        ("source", "said"),
        [
            ("1 / 0", "cannot be imported: ZeroDivisionError"),
            ("import sys; sys.exit(3)", "cannot be imported: SystemExit"),
            ("x = 1", "does not call mohflow.configure()"),
        ],
    )
    def test_one_that_is_not_set_up(self, doctor, tmp_path, source, said):
        self.write(tmp_path, source)
        code, out = doctor("--import", "app")

        assert 1 == code
        assert said in out

    def test_a_clean_one(self, doctor, tmp_path):
        self.write(tmp_path, "import mohflow; mohflow.configure()")

        assert 0 == doctor("--import", "app")[0]
