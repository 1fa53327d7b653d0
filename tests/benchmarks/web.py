"""
What the middleware costs: requests per second and CPU time per request.

Each variant is a server process of its own in a virtual environment of its
own, which is made in ``--venvs`` when it is missing. A client in this process
keeps some connections busy over loopback. Rounds are interleaved; the median
and the best of them are shown, as they are and as a ratio to the same
framework without middleware in the same run. CPU time is the server's own,
read from ``/proc``, so that neighbours on the machine matter less.

Run it: python tests/benchmarks/web.py --venvs DIR --json FILE.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import re
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import textwrap
import time

from pathlib import Path


ROOT = Path(__file__).parents[2]
CONNECTIONS = 8
TICK = os.sysconf("SC_CLK_TCK")

FASTAPI = """
    from fastapi import FastAPI
    app = FastAPI()

    @app.get("/items/{number}")
    async def item(number: int):
        return "ok"
"""

FLASK = """
    from flask import Flask
    app = Flask(__name__)

    @app.get("/items/<int:number>")
    def item(number):
        return "ok"
"""

DJANGO = """
    import django
    from django.conf import settings
    from django.core.wsgi import get_wsgi_application
    from django.http import HttpResponse
    from django.urls import path

    MIDDLEWARE = ["django.middleware.common.CommonMiddleware"]
    INSTALLED_APPS = []
    {0}
    settings.configure(
        ALLOWED_HOSTS=["*"], ROOT_URLCONF="app", SECRET_KEY="none",
        MIDDLEWARE=MIDDLEWARE, INSTALLED_APPS=INSTALLED_APPS,
        LOGGING_CONFIG=None,
    )
    django.setup()

    def item(request, number):
        return HttpResponse("ok")

    urlpatterns = [path("items/<int:number>", item)]
    app = get_wsgi_application()
"""

OURS = """
    import mohflow
    mohflow.configure(console=mohflow.ConsoleOptions(format="json"))
    from mohflow.integrations import {0} as integration
    integration.init_app(app)
"""

ASGI_CORRELATION_ID = """
    from asgi_correlation_id import CorrelationIdMiddleware
    app.add_middleware(CorrelationIdMiddleware)
"""

# The access line of uvicorn, with the id, as the package's page shows it.
ASGI_CORRELATION_ID_LINES = (
    ASGI_CORRELATION_ID
    + """
    import logging
    from asgi_correlation_id import CorrelationIdFilter
    handler = logging.StreamHandler()
    handler.addFilter(CorrelationIdFilter())
    form = "%(asctime)s %(levelname)s [%(correlation_id)s] %(message)s"
    handler.setFormatter(logging.Formatter(form))
    logger = logging.getLogger("uvicorn.access")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False
"""
)

# As the getting-started page of django-structlog shows it, with JSON lines.
DJANGO_STRUCTLOG = """
    import logging, sys, structlog
    MIDDLEWARE.insert(0, "django_structlog.middlewares.RequestMiddleware")
    INSTALLED_APPS.append("django_structlog")
    formatter = structlog.stdlib.ProcessorFormatter(
        processor=structlog.processors.JSONRenderer()
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(formatter)
    logging.getLogger().addHandler(handler)
    logging.getLogger().setLevel(logging.INFO)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.filter_by_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.stdlib.add_logger_name,
            structlog.stdlib.add_log_level,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.processors.StackInfoRenderer(),
            structlog.processors.format_exc_info,
            structlog.processors.UnicodeDecoder(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
"""

DJANGO_OURS = """
    import mohflow
    mohflow.configure(console=mohflow.ConsoleOptions(format="json"))
    MIDDLEWARE.insert(0, "mohflow.integrations.django.MohflowMiddleware")
"""

UVICORN = ["-m", "uvicorn", "app:app", "--port", "{port}"]
UVICORN += ["--log-level", "warning"]
GUNICORN = ["-m", "gunicorn", "app:app", "-b", "127.0.0.1:{port}"]
GUNICORN += ["--threads", str(CONNECTIONS), "--log-level", "warning"]

FAST = ["fastapi", "uvicorn", "httptools", "uvloop"]

VARIANTS = {
    "fastapi": (FASTAPI, UVICORN, [str(ROOT), *FAST]),
    "fastapi + mohflow": (
        FASTAPI + OURS.format("fastapi"),
        UVICORN,
        [str(ROOT), *FAST],
    ),
    "fastapi + asgi-correlation-id": (
        FASTAPI + ASGI_CORRELATION_ID,
        UVICORN,
        ["asgi-correlation-id", *FAST],
    ),
    "fastapi + asgi-correlation-id + access line": (
        FASTAPI + ASGI_CORRELATION_ID_LINES,
        UVICORN,
        ["asgi-correlation-id", *FAST],
    ),
    "flask": (FLASK, GUNICORN, [str(ROOT), "flask", "gunicorn"]),
    "flask + mohflow": (
        FLASK + OURS.format("flask"),
        GUNICORN,
        [str(ROOT), "flask", "gunicorn"],
    ),
    "django": (
        DJANGO.replace("{0}", ""),
        GUNICORN,
        [str(ROOT), "django", "gunicorn"],
    ),
    "django + mohflow": (
        DJANGO.replace("{0}", DJANGO_OURS.strip()),
        GUNICORN,
        [str(ROOT), "django", "gunicorn"],
    ),
    "django + django-structlog": (
        DJANGO.replace("{0}", DJANGO_STRUCTLOG.strip()),
        GUNICORN,
        ["django-structlog", "django", "gunicorn"],
    ),
}
"""What each server runs, how it is started, and what its environment has."""


def python_of(packages: list[str], folder: Path) -> Path:
    """Return the interpreter of an environment with *packages*."""
    names = "+".join(Path(package).name for package in packages)
    home = folder / re.sub(r"[^\w+-]", "", names)
    python = home / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", home], check=True)
        install = [python, "-m", "pip", "install", "-q", *packages]
        subprocess.run(install, check=True)
    return python


def cpu_seconds(pid: int) -> float:
    """Return the CPU time of *pid* and of its children that run now."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    total = (int(fields[11]) + int(fields[12])) / TICK
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return total + sum(cpu_seconds(int(child)) for child in children)


class Server:
    """One variant at work in an own process."""

    def __init__(self, name: str, venvs: Path) -> None:
        source, command, packages = VARIANTS[name]
        python = python_of(packages, venvs)
        self._folder = tempfile.TemporaryDirectory()
        program = Path(self._folder.name, "app.py")
        program.write_text(textwrap.dedent(source))
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.process = subprocess.Popen(
            [python, *(a.format(port=self.port) for a in command)],
            cwd=self._folder.name,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._wait()

    def _wait(self) -> None:
        until = time.monotonic() + 30
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
            except OSError:
                if time.monotonic() > until or self.process.poll() is not None:
                    raise
                time.sleep(0.05)
            else:
                return

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)
        self._folder.cleanup()


async def one_connection(port: int, count: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    request = b"GET /items/1 HTTP/1.1\r\nHost: x\r\n\r\n"
    for _ in range(count):
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200"), head
        length = re.search(rb"(?i)content-length: (\d+)", head)
        assert length, head
        await reader.readexactly(int(length[1]))
    writer.close()


async def load(port: int, count: int) -> None:
    each = count // CONNECTIONS
    await asyncio.gather(
        *(one_connection(port, each) for _ in range(CONNECTIONS))
    )


def measure(server: Server, count: int) -> dict[str, float]:
    """Return the rate and the CPU time of *count* requests."""
    pid = server.process.pid
    cpu, begun = cpu_seconds(pid), time.perf_counter()
    asyncio.run(load(server.port, count))
    seconds = time.perf_counter() - begun
    used = cpu_seconds(pid) - cpu
    return {
        "requests_per_second": count / seconds,
        "cpu_us_per_request": used / count * 1e6,
    }


def run(names: list[str], rounds: int, count: int, venvs: Path) -> dict:
    servers = {name: Server(name, venvs) for name in names}
    rows: dict[str, list[dict[str, float]]] = {name: [] for name in names}
    try:
        for server in servers.values():
            measure(server, count // 4)  # warm
        for _ in range(rounds):
            for name, server in servers.items():
                rows[name].append(measure(server, count))
    finally:
        for server in servers.values():
            server.stop()
    return rows


def summary(rows: dict[str, list[dict[str, float]]]) -> dict[str, dict]:
    """Return the median and the best of each variant, with ratios."""
    made: dict[str, dict] = {}
    for name, measured in rows.items():
        cpu = [row["cpu_us_per_request"] for row in measured]
        rate = [row["requests_per_second"] for row in measured]
        base = made.get(name.partition(" + ")[0])
        row = {
            "requests_per_second": statistics.median(rate),
            "requests_per_second_best": max(rate),
            "cpu_us_per_request": statistics.median(cpu),
            "cpu_us_per_request_best": min(cpu),
        }
        base = base or row
        row["cpu_ratio"] = (
            row["cpu_us_per_request"] / base["cpu_us_per_request"]
        )
        row["rate_ratio"] = (
            row["requests_per_second"] / base["requests_per_second"]
        )
        made[name] = row
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--venvs", type=Path, required=True)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--requests", type=int, default=4000)
    parser.add_argument("--only", default="", help="part of a variant's name")
    options = parser.parse_args()
    names = [name for name in VARIANTS if options.only in name]
    rows = run(names, options.rounds, options.requests, options.venvs)
    table = summary(rows)
    print(f"{'':45}{'req/s':>8}{'x':>7}{'CPU us':>9}{'x':>7}")
    for name, row in table.items():
        print(
            f"{name:45}{row['requests_per_second']:8.0f}"
            f"{row['rate_ratio']:7.2f}{row['cpu_us_per_request']:9.1f}"
            f"{row['cpu_ratio']:7.2f}"
        )
    if options.json is not None:
        machine = {
            "python": platform.python_version(),
            "machine": platform.machine(),
            "cores": os.cpu_count(),
            "rounds": options.rounds,
            "requests": options.requests,
        }
        told = {"machine": machine, "rounds": rows, "summary": table}
        options.json.write_text(json.dumps(told, indent=1) + "\n")


if __name__ == "__main__":
    main()
