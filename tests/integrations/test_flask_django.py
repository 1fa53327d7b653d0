"""Flask and Django: streams, errors, late users, probes, on real servers."""

from __future__ import annotations

import importlib.util

from pathlib import Path

import httpx
import pytest


spec = importlib.util.spec_from_file_location(
    "programs", Path(__file__).with_name("programs.py")
)
programs = importlib.util.module_from_spec(spec)
spec.loader.exec_module(programs)

GUNICORN = ["-m", "gunicorn", "-b", "127.0.0.1:{port}"]
UVICORN = ["-m", "uvicorn", "app:app", "--port", "{port}"]
RUNSERVER = ["app.py", "runserver", "{port}", "--noreload"]

STREAMS = [
    pytest.param("FLASK", [*GUNICORN, "app:app"], "", id="flask"),
    pytest.param("DJANGO", [*GUNICORN, "app:wsgi"], "", id="django"),
    pytest.param("DJANGO", UVICORN, "&async=1", id="django, asgi"),
]


@pytest.mark.parametrize(("name", "command", "more"), STREAMS)
def test_streams_that_end_fail_or_are_left_are_told_apart(
    serve, name, command, more
) -> None:
    server = serve(getattr(programs, name), command)
    path = "/stream?parts={}" + more
    server.get(path.format(3), headers={"X-Request-ID": "whole"})
    with pytest.raises(httpx.RemoteProtocolError):
        server.get(
            path.format(2) + "&fail=1", headers={"X-Request-ID": "fails"}
        )
    with (
        httpx.Client(base_url=server.url) as client,
        client.stream(
            "GET", path.format(1000), headers={"X-Request-ID": "left"}
        ) as answer,
    ):
        next(answer.iter_raw())
    told = {
        event["correlation_id"]: (
            event.get("outcome"),
            event["level"],
            event["streamed"],
            "exception" in event,
        )
        for event in server.wait_for(3, "request_finished")
    }
    parts = server.named("part", correlation_id="whole")
    server.stop()

    assert {
        "whole": (None, "info", True, False),
        "fails": ("failed", "error", True, True),
        "left": ("cancelled", "warning", True, False),
    } == told
    assert 3 == len(parts)
    assert (
        30
        == server.named("request_finished", correlation_id="whole")[0]["bytes"]
    )
    assert 1 == sum("exception" in event for event in server.events)


@pytest.mark.parametrize(
    ("name", "command"),
    [
        pytest.param("FLASK", [*GUNICORN, "app:app"], id="flask"),
        pytest.param("DJANGO", RUNSERVER, id="django"),
    ],
)
def test_a_probe_is_quiet_unless_it_fails_and_a_404_is_told_once(
    serve, name, command
) -> None:
    server = serve(getattr(programs, name), command)
    server.get("/healthz")
    server.get("/healthz?ok=0")
    server.get("/nowhere")
    told = [
        (event["path"], event["status"], event["level"])
        for event in server.wait_for(2, "request_finished")
    ]
    lines = [e for e in server.events if "nowhere" in str(e)]

    assert [("/healthz", 503, "error"), ("/nowhere", 404, "warning")] == told
    assert 1 == len(lines)


def test_the_context_of_flask_lasts_until_the_teardown_after_an_error(
    serve,
) -> None:
    server = serve(programs.FLASK, [*GUNICORN, "app:app"])
    server.get("/boom", headers={"X-Request-ID": "first"})
    server.get("/items/2", headers={"X-Request-ID": "second"})
    told = server.wait_for(2, "request_finished")
    teardowns = [e["correlation_id"] for e in server.named("teardown")]

    assert ["first", "second"] == teardowns
    assert ["/boom", "/items/<int:number>"] == [e["route"] for e in told]


class TestDjango:
    @pytest.fixture(params=["wsgi", "asgi"])
    def server(self, serve, request):
        command = [*GUNICORN, "app:wsgi"]
        server = serve(
            programs.DJANGO, command if request.param == "wsgi" else UVICORN
        )
        server.get("/healthz")
        return server

    def test_sync_and_async_views_and_a_late_user(self, server) -> None:
        for path in ("/items/1", "/async/2", "/late"):
            answer = server.get(path, headers={"X-Request-ID": path[1:5]})
            assert path[1:5] == answer.headers["x-request-id"]
        told = {
            event["path"]: (
                event["route"],
                event["correlation_id"],
                event.get("user_id"),
            )
            for event in server.wait_for(3, "request_finished")
        }
        handled = [
            (e["number"], e["correlation_id"]) for e in server.named("handled")
        ]

        assert {
            "/items/1": ("/items/<int:number>", "item", None),
            "/async/2": ("/async/<int:number>", "asyn", None),
            "/late": ("/late", "late", "42"),
        } == told
        assert [("1", "item"), ("2", "asyn")] == handled

    def test_an_error_in_an_async_view_is_told_once(self, server) -> None:
        answer = server.get("/async-boom", headers={"X-Request-ID": "one"})
        [told] = server.wait_for(1, "request_finished")
        server.stop()

        assert (500, "one") == (
            answer.status_code,
            answer.headers["x-request-id"],
        )
        assert ("one", "failed") == (told["correlation_id"], told["outcome"])
        assert 1 == sum("exception" in event for event in server.events)


def test_an_unknown_option_in_the_settings_of_django_is_refused(
    program,
) -> None:
    result = program(
        """
        from django.conf import settings
        from mohflow.integrations.django import MohflowMiddleware

        settings.configure(MOHFLOW={"quite": []})
        MohflowMiddleware(lambda request: None)
        """
    )

    assert (
        "ConfigurationError: MOHFLOW in Django's settings cannot have "
        "'quite'. Known: headers, quiet." in result.stderr
    )
