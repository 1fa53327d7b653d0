"""The same program in each framework, for the tests of servers."""

START = """
    import asyncio, os, threading, time
    import mohflow, structlog
    from structlog.contextvars import bind_contextvars

    mohflow.configure(
        console=False, file=os.environ["LOG"], level=os.environ.get("LVL")
    )
    log = structlog.get_logger("app")
"""

ASGI = (
    START
    + """
    from mohflow.integrations.asgi import MohflowMiddleware

    async def bare(scope, receive, send):
        if scope["type"] == "lifespan":
            while True:
                message = await receive()
                await send({"type": message["type"] + ".complete"})
                if message["type"] == "lifespan.shutdown":
                    return
        path = scope["path"]
        bind_contextvars(number=path.rpartition("/")[2])
        await asyncio.sleep(0.001)
        log.info("handled", pid=os.getpid())
        if path == "/boom":
            raise ValueError("boom")
        start = {"type": "http.response.start", "status": 200}
        await send({**start, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})

    app = MohflowMiddleware(bare)
"""
)

WSGI = (
    START
    + """
    from mohflow.integrations.wsgi import MohflowMiddleware

    def bare(environ, start_response):
        path = environ["PATH_INFO"]
        bind_contextvars(number=path.rpartition("/")[2])
        log.info("handled", pid=os.getpid())
        if path == "/boom":
            raise ValueError("boom")
        start_response("200 OK", [("Content-Length", "2")])
        return [b"ok"]

    app = MohflowMiddleware(bare)
"""
)

FASTAPI = (
    START
    + """
    from fastapi import (
        BackgroundTasks, Depends, FastAPI, Request, WebSocket
    )
    from fastapi.responses import JSONResponse, StreamingResponse
    from starlette.middleware.base import BaseHTTPMiddleware
    from mohflow.integrations import fastapi

    app = FastAPI()

    def dependency():
        log.info("dependency")

    @app.get("/items/{number}")
    def item(number: int, _=Depends(dependency)):
        bind_contextvars(number=str(number))
        log.info("handled", pid=os.getpid())
        return "ok"

    @app.get("/async/{number}")
    async def async_item(number: int):
        bind_contextvars(number=str(number))
        await asyncio.sleep(0.001)
        log.info("handled", pid=os.getpid())
        return "ok"

    @app.get("/spread")
    async def spread(tasks: BackgroundTasks):
        loop = asyncio.get_running_loop()
        tasks.add_task(lambda: log.info("background"))
        await asyncio.create_task(log.ainfo("task"))
        await asyncio.gather(log.ainfo("gathered"), log.ainfo("gathered"))
        await asyncio.to_thread(log.info, "to_thread")
        with mohflow.ContextExecutor() as executor:
            executor.submit(log.info, "executor").result()
        work = mohflow.in_context(lambda: log.info("run_in_executor"))
        await loop.run_in_executor(None, work)
        thread = threading.Thread(
            target=mohflow.in_context(lambda: log.info("thread"))
        )
        thread.start()
        thread.join()
        with mohflow.detached():
            log.info("detached")
        mohflow.annotate(basket=3)
        return "ok"

    @app.get("/boom")
    async def boom():
        raise ValueError("boom")

    @app.get("/boom/background")
    async def boom_later(tasks: BackgroundTasks):
        def fail():
            raise ValueError("later")
        tasks.add_task(fail)
        return "ok"

    @app.get("/stream")
    async def stream(parts: int, fail: bool = False):
        async def body():
            for part in range(parts):
                log.info("part", part=part)
                yield b"x" * 10
                await asyncio.sleep(0.01)
            if fail:
                raise ValueError("stream")
        return StreamingResponse(body())

    @app.post("/body")
    async def read_body(request: Request):
        log.info("reading")
        return len(await request.body())

    @app.post("/body/boom")
    async def read_and_fail(request: Request):
        try:
            await request.body()
        finally:
            raise ValueError("behind the client's back")

    @app.get("/healthz")
    async def health(ok: bool = True):
        return JSONResponse({}, 200 if ok else 503)

    @app.websocket("/ws/{room}")
    async def ws(socket: WebSocket, room: str):
        await socket.accept()
        log.info("in socket")
        await socket.send_text(await socket.receive_text())
        await socket.close()

    async def plain(request, call_next):
        return await call_next(request)

    if "BASE" in os.environ:
        app.add_middleware(BaseHTTPMiddleware, dispatch=plain)
    fastapi.init_app(app)
"""
)

FLASK = (
    START
    + """
    from flask import Flask, request
    from mohflow.integrations import flask

    app = Flask(__name__)

    @app.get("/items/<int:number>")
    def item(number):
        bind_contextvars(number=str(number))
        log.info("handled", pid=os.getpid())
        return "ok"

    @app.get("/boom")
    def boom():
        raise ValueError("boom")

    @app.get("/stream")
    def stream():
        def body():
            for part in range(int(request.args["parts"])):
                log.info("part", part=part)
                yield b"x" * 10
                time.sleep(0.01)
            if "fail" in request.args:
                raise ValueError("stream")
        from flask import stream_with_context
        return app.response_class(stream_with_context(body()))

    @app.teardown_request
    def teardown(error):
        log.info("teardown")

    @app.get("/healthz")
    def health():
        return "ok", 503 if "ok" in request.args else 200

    flask.init_app(app)
"""
)

DJANGO = (
    START
    + """
    import sys
    import django
    from django.conf import settings
    from django.core.asgi import get_asgi_application
    from django.core.wsgi import get_wsgi_application
    from django.http import HttpResponse, StreamingHttpResponse
    from django.urls import path

    sys.modules["app"] = sys.modules[__name__]
    settings.configure(
        ALLOWED_HOSTS=["*"],
        DEBUG="DEBUG" in os.environ,
        ROOT_URLCONF="app",
        SECRET_KEY="not-one",
        INSTALLED_APPS=["django.contrib.staticfiles"],
        STATIC_URL="static/",
        MIDDLEWARE=[
            "mohflow.integrations.django.MohflowMiddleware",
            "django.middleware.common.CommonMiddleware",
        ],
        WSGI_APPLICATION="app.wsgi",
        REST_FRAMEWORK={
            "DEFAULT_AUTHENTICATION_CLASSES": [],
            "DEFAULT_PERMISSION_CLASSES": [],
            "UNAUTHENTICATED_USER": None,
        },
    )
    django.setup()
    from rest_framework.authentication import BaseAuthentication
    from rest_framework.decorators import (
        api_view, authentication_classes
    )
    from rest_framework.response import Response

    class User:
        pk = 42
        is_authenticated = True

    class Auth(BaseAuthentication):
        def authenticate(self, request):
            return User(), None

    @api_view(["GET"])
    @authentication_classes([Auth])
    def late(request):
        return Response({"user": request.user.pk})

    def item(request, number):
        bind_contextvars(number=str(number))
        log.info("handled", pid=os.getpid())
        return HttpResponse("ok")

    async def async_item(request, number):
        bind_contextvars(number=str(number))
        await asyncio.sleep(0.001)
        log.info("handled", pid=os.getpid())
        return HttpResponse("ok")

    def boom(request):
        raise ValueError("boom")

    async def async_boom(request):
        raise ValueError("boom")

    def stream(request):
        def body():
            for part in range(int(request.GET["parts"])):
                log.info("part", part=part)
                yield b"x" * 10
                time.sleep(0.01)
            if "fail" in request.GET:
                raise ValueError("stream")
        async def async_body():
            for part in range(int(request.GET["parts"])):
                log.info("part", part=part)
                yield b"x" * 10
                await asyncio.sleep(0.01)
            if "fail" in request.GET:
                raise ValueError("stream")
        made = async_body() if "async" in request.GET else body()
        return StreamingHttpResponse(made)

    def health(request):
        return HttpResponse("ok", status=503 if "ok" in request.GET else 200)

    urlpatterns = [
        path("items/<int:number>", item),
        path("async/<int:number>", async_item),
        path("boom", boom),
        path("async-boom", async_boom),
        path("stream", stream),
        path("late", late),
        path("healthz", health),
    ]
    wsgi = get_wsgi_application()
    app = get_asgi_application()

    if __name__ == "__main__":
        from django.core.management import execute_from_command_line
        execute_from_command_line(sys.argv)
"""
)
