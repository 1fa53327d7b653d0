"""Frameworks that configure logging themselves, as they really do it."""

from __future__ import annotations

import logging
import signal
import socket
import subprocess
import sys
import textwrap
import time

import httpx
import pytest

import mohflow


def test_an_alembic_migration_with_the_stock_env_py_is_survived(
    program, tmp_path
) -> None:
    result = program(
        """
        import logging
        import mohflow, structlog
        from alembic import command
        from alembic.config import Config

        mohflow.configure()
        existing = logging.getLogger("app")
        config = Config("alembic.ini")
        command.init(config, "migrations")
        text = open("alembic.ini").read()
        url = "driver://user:pass@localhost/dbname"
        open("alembic.ini", "w").write(text.replace(url, "sqlite://"))
        command.upgrade(Config("alembic.ini"), "head")
        existing.info("after")
        structlog.get_logger().info("native")
        """
    )
    events = [event["event"] for event in result.events]

    assert 0 == result.returncode, result.stderr
    assert "logging_hijacked" in events
    assert ["after", "native"] == events[-2:]
    assert "INFO  [alembic" not in result.stderr


def test_django_setup_is_survived(program) -> None:
    result = program(
        """
        import logging
        import mohflow
        import django
        from django.conf import settings

        mohflow.configure()
        settings.configure(
            LOGGING={
                "version": 1,
                "disable_existing_loggers": True,
                "root": {"level": "ERROR", "handlers": []},
            }
        )
        existing = logging.getLogger("app")
        django.setup()
        existing.info("after")
        logging.getLogger("django.request").warning("Not Found: /x")
        """
    )
    events = [event["event"] for event in result.events]

    assert 0 == result.returncode, result.stderr
    assert ["after", "Not Found: /x"] == events[-2:]


def test_the_console_that_django_has_in_debug_mode_shows_nothing_twice(
    program,
) -> None:
    result = program(
        """
        import logging
        import mohflow
        import django
        from django.conf import settings

        mohflow.configure()
        settings.configure(DEBUG=True)
        django.setup()
        logging.getLogger("django.request").warning("Not Found: /?token=abc")
        """
    )

    assert ["Not Found: /?token=[redacted]"] == [
        event["event"] for event in result.events
    ]
    assert "" == result.stderr


def test_statements_of_sqlalchemy_are_events(program) -> None:
    result = program(
        """
        import mohflow, sqlalchemy

        mohflow.configure()
        engine = sqlalchemy.create_engine("sqlite://", echo=True)
        with engine.connect() as connection:
            connection.execute(sqlalchemy.text("select 42"))
        """
    )
    statements = [
        event
        for event in result.events
        if "sqlalchemy.engine.Engine" == event["logger"]
    ]

    assert any("select 42" == event["event"] for event in statements)
    assert result.stdout.count("select 42") == 1, result.stdout


class Server:
    """A server process on a free port of loopback, and its output."""

    def __init__(self, path, command: list[str]) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.process = subprocess.Popen(
            [sys.executable, "-m", *(a.format(self.port) for a in command)],
            cwd=path,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def get(self, path: str, deadline: float = 20) -> httpx.Response:
        """Return the answer, once the server is up."""
        until = time.monotonic() + deadline
        while True:
            try:
                return httpx.get(f"http://127.0.0.1:{self.port}{path}")
            except httpx.TransportError:
                if time.monotonic() > until or self.process.poll() is not None:
                    self.process.kill()
                    pytest.fail(self.process.communicate()[0])

    def stop(self) -> list[str]:
        """Ask it to stop, as an orchestrator does; return what it wrote."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.communicate(timeout=20)[0].splitlines()
        finally:
            self.process.kill()


APP = """
    import os
    import mohflow, structlog

    mohflow.configure(console=mohflow.ConsoleOptions(format="json"))
    log = structlog.get_logger("app")

    async def asgi(scope, receive, send):
        assert scope["type"] == "http"
        await log.ainfo("asgi.handled", pid=os.getpid())
        start = {"type": "http.response.start", "status": 200}
        await send({**start, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body"})

    def wsgi(environ, start_response):
        log.info("wsgi.handled", pid=os.getpid(), parent=os.getppid())
        start_response("200 OK", [("Content-Length", "0")])
        return [b""]
"""


@pytest.mark.parametrize(
    ("command", "event"),
    [
        (
            ["uvicorn", "app:asgi", "--port", "{}", "--lifespan", "off"],
            "asgi.handled",
        ),
        (["gunicorn", "app:wsgi", "-b", "127.0.0.1:{}"], "wsgi.handled"),
        (
            ["gunicorn", "app:wsgi", "-b", "127.0.0.1:{}", "-w4", "--preload"],
            "wsgi.handled",
        ),
    ],
    ids=["uvicorn", "gunicorn", "gunicorn with four preforked workers"],
)
def test_every_line_of_a_server_is_json_and_each_request_is_logged_once(
    tmp_path, command, event
) -> None:
    (tmp_path / "app.py").write_text(textwrap.dedent(APP))
    server = Server(tmp_path, command)
    for number in range(8):
        assert 200 == server.get(f"/{number}?q=1").status_code
    lines = server.stop()
    handled = [line for line in lines if f'"event":"{event}"' in line]
    after_start = lines[lines.index(handled[0]) :]
    # The master of gunicorn has not loaded the program unless it preloads.
    master = f"[{server.process.pid}]"

    assert 8 == len(handled)
    assert [] == [
        line
        for line in after_start
        if not line.startswith("{")
        and ("--preload" in command or master not in line)
    ]


def test_levels_that_a_framework_sets_on_its_loggers_stay(log_file) -> None:
    logging.getLogger("framework").setLevel(logging.WARNING)
    log_file.configure(level="debug")
    logging.getLogger("framework").info("no")
    logging.getLogger("framework").setLevel(logging.NOTSET)
    logging.getLogger("framework").info("yes")
    mohflow.flush()

    assert ["yes"] == [event["event"] for event in log_file.events]
