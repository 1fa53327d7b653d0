"""
The programs of docs/examples/ on real servers, and what the pages show.

With ``WRITE_EXAMPLES`` set, the files that the pages include are
written anew instead of compared.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys

from pathlib import Path

import pytest


EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"

UVICORN = ["-m", "uvicorn", "--port", "{port}"]
GUNICORN = ["-m", "gunicorn", "-b", "127.0.0.1:{port}"]

WEB = {
    "asgi_shop": [*UVICORN, "asgi_shop:app"],
    "django_shop": [*GUNICORN, "django_shop:application"],
    "fastapi_shop": [*UVICORN, "fastapi_shop:app"],
    "flask_shop": [*GUNICORN, "flask_shop:app"],
    "wsgi_shop": [*GUNICORN, "wsgi_shop:app"],
}

REQUESTS = {
    "demo-1": "/orders/17?page=2&token=hunter22",
    "demo-2": "/fail",
    "demo-3": "/healthz",
}

SEND = """
import mohflow
from celery_shop import ship

with mohflow.bound(correlation_id="demo-4"):
    ship.delay(17)
"""


def shown(lines: list[str]) -> list[dict]:
    """Return the events, with what differs from run to run made equal."""
    events = [json.loads(line) for line in lines]
    ids = {None: None}
    for event in events:
        event["timestamp"] = "2026-11-25T09:30:00.000000Z"
        if "duration_ms" in event:
            event["duration_ms"] = 1.234
        if "user_agent" in event:
            event["user_agent"] = "curl/8.5.0"
        if "exception" in event:
            event["exception"].pop("frames")
        if "task_id" in event:
            ids.setdefault(event["task_id"], f"id-{len(ids)}")
            event["task_id"] = ids[event["task_id"]]
        if "parent_id" in event:
            event["parent_id"] = ids[event["parent_id"]]
    return events


def compare(name: str, lines: list[str]) -> None:
    path = EXAMPLES / f"{name}.jsonl"
    events = shown(lines)
    if "WRITE_EXAMPLES" in os.environ:
        compact = (json.dumps(e, separators=(",", ":")) for e in events)
        path.write_text("".join(line + "\n" for line in compact))

    assert [*map(json.loads, path.read_text().splitlines())] == events


def lines_of(server, count):
    """Return the lines that carry an id, once there are so many."""

    def found():
        return [
            line
            for line in server.output.splitlines()
            if line.startswith("{") and "demo-" in line
        ]

    server.wait_until(lambda: len(found()) >= count)
    return found()


def agree(events):
    """Return what every framework must tell alike."""
    names = ("event", "level", "correlation_id", "path", "status", "items")
    return [{n: event[n] for n in names if n in event} for event in events]


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.slow)
        if name in ("asgi_shop", "wsgi_shop")
        else name
        for name in WEB
    ],
)
def test_a_web_program_writes_what_its_page_shows(serve, name) -> None:
    server = serve(None, WEB[name], PYTHONPATH=str(EXAMPLES))
    for correlation_id, path in REQUESTS.items():
        answer = server.get(path, headers={"X-Request-ID": correlation_id})
        assert correlation_id == answer.headers["x-request-id"]
    lines = lines_of(server, 3)
    events = [json.loads(line) for line in lines]

    assert [
        {
            "event": "order.read",
            "level": "info",
            "correlation_id": "demo-1",
        },
        {
            "event": "request_finished",
            "level": "info",
            "correlation_id": "demo-1",
            "path": "/orders/17",
            "status": 200,
            "items": 2,
        },
        {
            "event": "request_finished",
            "level": "error",
            "correlation_id": "demo-2",
            "path": "/fail",
            "status": 500,
        },
    ] == agree(events)
    compare(name, lines)


def test_the_worker_writes_what_its_page_shows(serve, tmp_path) -> None:
    command = ["-m", "celery", "-A", "celery_shop", "worker"]
    environ = {"PYTHONPATH": str(EXAMPLES)}
    server = serve(None, [*command, "--pool=prefork", "-c1"], **environ)
    subprocess.run(
        [sys.executable, "-W", "ignore", "-c", SEND],
        check=True,
        cwd=tmp_path,
        env={**os.environ, **environ},
        timeout=60,
    )

    compare("celery_shop", lines_of(server, 3))
