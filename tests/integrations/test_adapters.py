"""The edges of the adapters, without a server."""

from __future__ import annotations

import asyncio

from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

import pytest

import mohflow

from mohflow.integrations import asgi, wsgi


@pytest.mark.parametrize(
    ("module", "package"),
    [
        ("celery", "celery"),
        ("django", "django.conf"),
        ("fastapi", "fastapi"),
        ("flask", "flask"),
        ("requests", "requests"),
        ("starlette", "starlette.applications"),
    ],
)
def test_a_missing_package_is_named_with_how_to_get_it(
    program, module, package
) -> None:
    result = program(
        f"""
        import sys
        sys.modules["{package}"] = None
        import mohflow.integrations.{module}
        """
    )

    assert (
        f"ImportError: mohflow.integrations.{module} needs a package that is "
        f"not installed. Install it with: pip install 'mohflow[{module}]'"
    ) in result.stderr


def environ(path="/x", **more):
    made = {
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "SCRIPT_NAME": "",
        **more,
    }
    setup_testing_defaults(made)
    return made


class TestWsgi:
    def call(self, app, **more):
        told = {}

        def start(status, headers, exc_info=None):
            told.update(status=status, headers=dict(headers))
            return lambda _: None

        body = app(environ(**more), start)
        try:
            told["body"] = b"".join(body)
        finally:
            body.close()
        return told

    def test_it_keeps_to_the_protocol(self, log_file) -> None:
        log_file.configure()

        def app(environ, start_response):
            headers = [("Content-Type", "text/plain")]
            start_response("200 OK", headers)
            return [b"one", b"two"]

        wrapped = validator(wsgi.MohflowMiddleware(validator(app)))

        assert b"onetwo" == self.call(wrapped)["body"]
        assert (6, True) == (
            log_file.last["bytes"],
            log_file.last["streamed"],
        )

    def test_two_of_it_tell_once(self, log_file) -> None:
        log_file.configure()

        def app(environ, start_response):
            start_response("200 OK", [("X-Request-ID", "of the app")])
            return [b""]

        twice = wsgi.MohflowMiddleware(wsgi.MohflowMiddleware(app))

        assert "of the app" == self.call(twice)["headers"]["X-Request-ID"]
        assert 1 == len(log_file.events)

    def test_an_error_before_the_answer_becomes_a_500(self, log_file) -> None:
        log_file.configure()

        def app(environ, start_response):
            raise ValueError("boom")

        answer = self.call(
            wsgi.MohflowMiddleware(app), HTTP_X_CORRELATION_ID="one"
        )

        assert ("500 Internal Server Error", "one") == (
            answer["status"],
            answer["headers"]["X-Request-ID"],
        )
        assert "boom" == log_file.last["exception"]["message"]

    def test_what_is_no_exception_passes(self, log_file) -> None:
        log_file.configure()

        def app(environ, start_response):
            raise SystemExit

        with pytest.raises(SystemExit):
            self.call(wsgi.MohflowMiddleware(app))

        assert "cancelled" == log_file.last["outcome"]


class TestAsgi:
    def call(self, app, kind="http", **scope):
        sent = []

        async def receive():
            return {"type": f"{kind}.request"}

        async def send(message):
            sent.append(message)

        made = {"type": kind, "path": "/x", "headers": [], **scope}
        asyncio.run(app(made, receive, send))
        return sent

    def test_two_of_it_tell_once(self, log_file) -> None:
        log_file.configure()

        async def app(scope, receive, send):
            await send({"type": "http.response.start", "status": 204})
            await send({"type": "http.response.body"})

        sent = self.call(asgi.MohflowMiddleware(asgi.MohflowMiddleware(app)))

        assert 1 == len(log_file.events)
        assert 1 == len(sent[0]["headers"])

    def test_the_lifespan_passes_untouched(self, log_file) -> None:
        log_file.configure()
        seen = []

        async def app(scope, receive, send):
            seen.extend([scope["type"], await receive()])

        self.call(asgi.MohflowMiddleware(app), "lifespan")

        assert ["lifespan", {"type": "lifespan.request"}] == seen
        assert [] == log_file.events

    def test_an_application_that_sends_nothing_is_told_as_incomplete(
        self, log_file
    ) -> None:
        log_file.configure()

        async def app(scope, receive, send):
            return

        self.call(asgi.MohflowMiddleware(app))

        assert "incomplete" == log_file.last["outcome"]

    def test_a_task_that_is_cancelled_is_told_so_and_stays_cancelled(
        self, log_file
    ) -> None:
        log_file.configure()

        async def app(scope, receive, send):
            raise asyncio.CancelledError

        with pytest.raises(asyncio.CancelledError):
            self.call(asgi.MohflowMiddleware(app))

        assert "cancelled" == log_file.last["outcome"]

    def test_init_app_refuses_an_application_that_has_started(self) -> None:
        from fastapi import FastAPI

        from mohflow.integrations.fastapi import init_app

        app = FastAPI()
        app.middleware_stack = app.build_middleware_stack()

        with pytest.raises(RuntimeError, match="too late"):
            init_app(app)

    def test_the_route_of_what_is_included_and_mounted_is_whole(
        self, log_file
    ) -> None:
        from fastapi import APIRouter, FastAPI
        from starlette.applications import Starlette
        from starlette.responses import PlainTextResponse
        from starlette.routing import Mount, Route

        from mohflow.integrations.fastapi import init_app

        log_file.configure()
        app, inner = FastAPI(), APIRouter(prefix="/items")
        inner.get("/{number}")(lambda number: number)
        app.include_router(inner, prefix="/api")
        route = Route("/posts/{post}", lambda _: PlainTextResponse("x"))
        app.mount("/old", Starlette(routes=[Mount("/{user}", routes=[route])]))
        init_app(app)
        for path in ("/api/items/1", "/old/ann/posts/7"):
            self.call(
                app, method="GET", path=path, query_string=b"", root_path=""
            )

        assert ["/api/items/{number}", "/old/{user}/posts/{post}"] == [
            event["route"] for event in log_file.events
        ]


def test_the_lines_of_a_server_about_others_requests_stay(log_file) -> None:
    import logging

    log_file.configure()
    asgi.MohflowMiddleware(None)
    logging.getLogger("uvicorn.access").info("of another application")
    mohflow.flush()

    assert "of another application" == log_file.last["event"]
