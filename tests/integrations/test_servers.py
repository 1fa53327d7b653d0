"""Many requests at once against real servers: none mixed, each told once."""

from __future__ import annotations

import importlib.util

from collections import Counter
from pathlib import Path

import pytest


spec = importlib.util.spec_from_file_location(
    "programs", Path(__file__).with_name("programs.py")
)
programs = importlib.util.module_from_spec(spec)
spec.loader.exec_module(programs)

UVICORN = ["-m", "uvicorn", "app:app", "--port", "{port}"]
GUNICORN = ["-m", "gunicorn", "-b", "127.0.0.1:{port}", "--access-logfile=-"]
HYPERCORN = ["-m", "hypercorn", "-b", "127.0.0.1:{port}", "app:app"]
HYPERCORN += ["--access-logfile", "-"]
RUNSERVER = ["app.py", "runserver", "{port}", "--noreload"]
FLASK_RUN = ["-m", "flask", "--app", "app", "run", "-p", "{port}"]
ASGI_WORKER = ["-k", "uvicorn_worker.UvicornWorker"]

slow = pytest.mark.slow

SERVERS = [
    pytest.param("ASGI", UVICORN, id="uvicorn"),
    pytest.param(
        "ASGI", [*UVICORN, "--workers=2"], id="uvicorn, 2 workers", marks=slow
    ),
    pytest.param(
        "ASGI", [*UVICORN, "--reload"], id="uvicorn, reload", marks=slow
    ),
    pytest.param("FASTAPI", UVICORN, id="fastapi"),
    pytest.param("ASGI", HYPERCORN, id="hypercorn", marks=slow),
    pytest.param("FASTAPI", HYPERCORN, id="fastapi, hypercorn", marks=slow),
    pytest.param("WSGI", [*GUNICORN, "app:app"], id="gunicorn", marks=slow),
    pytest.param("FLASK", [*GUNICORN, "app:app", "-w2"], id="flask"),
    pytest.param(
        "FLASK",
        [*GUNICORN, "app:app", "-w2", "--preload"],
        id="gunicorn, preload",
        marks=slow,
    ),
    pytest.param(
        "FLASK",
        [*GUNICORN, "app:app", "--threads=8"],
        id="gunicorn, threads",
        marks=slow,
    ),
    pytest.param(
        "FASTAPI",
        [*GUNICORN, "app:app", *ASGI_WORKER, "-w2"],
        id="gunicorn, uvicorn workers",
        marks=slow,
    ),
    pytest.param("FLASK", FLASK_RUN, id="flask's own", marks=slow),
    pytest.param("DJANGO", RUNSERVER, id="django's own"),
    pytest.param("DJANGO", UVICORN, id="django, uvicorn", marks=slow),
    pytest.param(
        "DJANGO", [*GUNICORN, "app:wsgi"], id="django, gunicorn", marks=slow
    ),
]

REQUESTS = 300
"""Per server, on 40 connections that are kept alive."""


def program(name: str) -> str:
    return getattr(programs, name)


@pytest.mark.parametrize(("name", "command"), SERVERS)
def test_no_request_carries_the_id_of_another_and_each_is_told_once(
    serve, name, command
) -> None:
    server = serve(program(name), command)
    server.get("/healthz")
    is_async_too = name == "FASTAPI" or (
        name == "DJANGO" and "uvicorn" in command
    )
    paths = {
        f"req-{n}": f"/{'async' if is_async_too and n % 2 else 'items'}/{n}"
        for n in range(REQUESTS)
    }

    answers = server.get_many(paths)
    told = server.wait_for(REQUESTS, "request_finished", status=200)
    handled = server.named("handled")
    if name in ("ASGI", "WSGI"):
        # They know no /healthz, and answer it as any path.
        handled = [e for e in handled if e["number"] != "healthz"]
    of_items = [e for e in told if e["path"] != "/healthz"]

    assert {200} == {answer.status_code for answer in answers}
    assert list(paths) == [a.headers["x-request-id"] for a in answers]
    assert Counter(list(paths)) == Counter(
        e["correlation_id"] for e in of_items
    )
    assert paths == {e["correlation_id"]: e["path"] for e in of_items}
    assert Counter(list(paths)) == Counter(
        e["correlation_id"] for e in handled
    )
    assert all(f"req-{e['number']}" == e["correlation_id"] for e in handled)
    # Nothing else tells of a request: no logger of a server, no console.
    assert set() == {
        e["event"]
        for e in server.events
        if e.get("logger") != "mohflow.access" and "/items/" in e["event"]
    }
    assert "/items/" not in server.output, server.output
    check_unhandled_error(server)


def check_unhandled_error(server) -> None:
    """See that it is told once, and that its answer has the id."""
    answer = server.get("/boom", headers={"X-Request-ID": "of-boom"})
    [told] = server.wait_for(1, "request_finished", path="/boom")
    server.stop()
    loud = [e for e in server.events if e["level"] in ("error", "critical")]

    assert 500 == answer.status_code
    assert "of-boom" == answer.headers["x-request-id"]
    assert ("of-boom", 500, "error", "failed", "boom") == (
        told["correlation_id"],
        told["status"],
        told["level"],
        told["outcome"],
        told["exception"]["message"],
    )
    assert [told] == [e for e in server.events if "exception" in e] == loud


@pytest.mark.parametrize("name", ["ASGI", pytest.param("FASTAPI", marks=slow)])
def test_pipelined_requests_on_one_connection_do_not_mix(serve, name) -> None:
    server = serve(program(name), UVICORN)
    server.get("/healthz")
    count = 50
    requests = [
        (
            f"GET /items/{n} HTTP/1.1\r\nHost: x\r\n"
            + (f"X-Request-ID: pipe-{n}\r\n" if n % 2 else "")
            + ("Connection: close\r\n" if n == count - 1 else "")
            + "\r\n"
        ).encode()
        for n in range(count)
    ]

    answer = server.pipeline(requests)
    handled = [
        e
        for e in server.wait_for(count, "handled")
        if e["number"] != "healthz"
    ]

    assert count == answer.count(b"HTTP/1.1 200")
    assert count == len({e["correlation_id"] for e in handled})
    assert {f"pipe-{n}" for n in range(1, count, 2)} == {
        e["correlation_id"] for e in handled if int(e["number"]) % 2
    }
    assert all(
        f"pipe-{e['number']}" == e["correlation_id"]
        for e in handled
        if int(e["number"]) % 2
    )
