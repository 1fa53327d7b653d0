"""What happens inside a request of FastAPI, under a real uvicorn."""

from __future__ import annotations

import importlib.util
import textwrap

from pathlib import Path

import httpx
import pytest

from websockets.sync.client import connect


spec = importlib.util.spec_from_file_location(
    "programs", Path(__file__).with_name("programs.py")
)
programs = importlib.util.module_from_spec(spec)
spec.loader.exec_module(programs)
spec = importlib.util.spec_from_file_location(
    "servers", Path(__file__).with_name("conftest.py")
)
conftest = importlib.util.module_from_spec(spec)
spec.loader.exec_module(conftest)

UVICORN = ["-m", "uvicorn", "app:app", "--port", "{port}"]
NAMES = ("handled", "request_finished")
ID = {"X-Request-ID": "the-one"}


PURE_AND_BASE = pytest.mark.parametrize(
    "environ",
    [
        pytest.param({}, id="pure"),
        pytest.param({"BASE": "1"}, id="base", marks=pytest.mark.slow),
    ],
)
"""Without and with a BaseHTTPMiddleware inside."""


@pytest.fixture
def start(serve):
    def run(**environ):
        server = serve(programs.FASTAPI, UVICORN, LVL="debug", **environ)
        server.get("/healthz")
        return server

    return run


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fastapi")
    (folder / "app.py").write_text(textwrap.dedent(programs.FASTAPI))
    server = conftest.Server(folder, UVICORN, LVL="debug")
    server.get("/healthz")
    yield server
    server.stop()


@PURE_AND_BASE
def test_everything_that_a_request_starts_carries_its_id(
    start, environ
) -> None:
    server = start(**environ)
    server.get("/spread", headers=ID)
    server.get("/items/1", headers=ID)
    server.wait_for(1, "background")
    [told] = server.wait_for(1, "request_finished", path="/spread")

    for name in (
        "background",
        "dependency",
        "executor",
        "gathered",
        "run_in_executor",
        "task",
        "thread",
        "to_thread",
    ):
        ids = {e["correlation_id"] for e in server.wait_for(1, name)}
        assert {"the-one"} == ids, name
    assert 2 == len(server.named("gathered"))
    assert "correlation_id" not in server.named("detached")[0]
    assert (3, "/spread") == (told["basket"], told["route"])


def test_the_route_is_the_template_of_the_path(server) -> None:
    server.get("/items/17?page=2&token=hunter22")
    server.get("/nowhere")
    [item] = server.wait_for(1, "request_finished", path="/items/17")
    [nowhere] = server.wait_for(1, "request_finished", path="/nowhere")

    assert "/items/{number}" == item["route"]
    assert "page=2&token=[redacted]" == item["query"]
    assert (None, 404, "warning") == (
        nowhere["route"],
        nowhere["status"],
        nowhere["level"],
    )


def test_an_error_behind_the_answer_is_told_once_with_the_id(server) -> None:
    assert 200 == server.get("/boom/background", headers=ID).status_code
    [later] = server.wait_for(1, "unhandled_exception")

    assert "the-one" == later["correlation_id"]
    assert 1 == sum("later" in str(event) for event in server.events)


def test_a_stream_that_ends_and_one_that_fails_are_told_apart(server) -> None:
    server.get("/stream?parts=3", headers={"X-Request-ID": "whole"})
    with pytest.raises(httpx.RemoteProtocolError):
        server.get("/stream?parts=2&fail=1", headers={"X-Request-ID": "fails"})
    [whole] = server.wait_for(1, "request_finished", correlation_id="whole")
    [fails] = server.wait_for(1, "request_finished", correlation_id="fails")
    # The server has told of what is before by now.
    server.get("/items/1")

    assert (True, None, 30, "info") == (
        whole["streamed"],
        whole.get("outcome"),
        whole["bytes"],
        whole["level"],
    )
    assert ("failed", 20, "error") == (
        fails["outcome"],
        fails["bytes"],
        fails["level"],
    )
    assert 3 == len(server.named("part", correlation_id="whole"))
    told = [e.get("exception", {}).get("message") for e in server.events]
    assert 1 == told.count("stream")


@PURE_AND_BASE
def test_a_client_that_goes_away_is_told_as_cancelled(start, environ) -> None:
    server = start(**environ)
    with (
        httpx.Client(base_url=server.url) as client,
        client.stream("GET", "/stream?parts=1000", headers=ID) as answer,
    ):
        next(answer.iter_raw())
    [told] = server.wait_for(1, "request_finished", correlation_id="the-one")
    server.stop()

    assert ("cancelled", "warning", 200) == (
        told["outcome"],
        told["level"],
        told["status"],
    )
    assert not any("exception" in event for event in server.events)


def test_a_probe_is_quiet_unless_it_fails(server) -> None:
    probe = {"X-Request-ID": "probe"}
    server.get("/healthz", headers=probe)
    server.get("/healthz?ok=0", headers=probe)
    levels = [
        event["level"]
        for event in server.wait_for(
            2, "request_finished", correlation_id="probe"
        )
    ]

    assert ["debug", "error"] == levels


def test_a_socket_has_a_context_and_an_event_too(server) -> None:
    url = f"ws://127.0.0.1:{server.port}/ws/blue"
    with connect(url, additional_headers=ID) as socket:
        socket.send("hello")
        assert "hello" == socket.recv()
        echoed = socket.response.headers["x-request-id"]
    [inside] = server.wait_for(1, "in socket")
    [told] = server.wait_for(1, "websocket_finished")

    assert "the-one" == echoed == inside["correlation_id"]
    assert ("/ws/{room}", 101, 1000, 5) == (
        told["route"],
        told["status"],
        told["close_code"],
        told["bytes"],
    )


def test_a_traceparent_is_in_every_event_of_the_request(server) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    parent = f"00-{trace}-00f067aa0ba902b7-01"
    server.get("/async/1", headers={"traceparent": parent})
    server.wait_for(1, "request_finished", trace_id=trace)

    assert 2 == len(
        server.named("handled", "request_finished", trace_id=trace)
    )
