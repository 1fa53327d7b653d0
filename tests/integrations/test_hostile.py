"""Input and programs that nobody asked for: one event a request, ids right."""

from __future__ import annotations

import asyncio
import importlib.util
import socket
import textwrap
import warnings

from pathlib import Path

import pytest
import structlog

from fastapi import BackgroundTasks, Depends, FastAPI
from starlette.middleware.base import BaseHTTPMiddleware

from mohflow.integrations.fastapi import init_app


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

with warnings.catch_warnings():
    # It would rather have another client than httpx.
    warnings.simplefilter("ignore")
    from starlette.testclient import TestClient

log = structlog.get_logger("app")

ASYNC = ["-m", "uvicorn", "app:app", "--port", "{port}"]
SYNC = ["-m", "gunicorn", "app:app", "-b", "127.0.0.1:{port}"]

TRACE = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@pytest.fixture(scope="module", params=["FASTAPI", "FLASK"])
def server(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("hostile")
    source = getattr(programs, request.param)
    (folder / "app.py").write_text(textwrap.dedent(source))
    command = ASYNC if request.param == "FASTAPI" else SYNC
    server = conftest.Server(folder, command)
    server.get("/healthz")
    yield server
    server.stop()


def request(path: str, headers: bytes = b"") -> bytes:
    line = f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
    return line.encode() + headers + b"\r\n"


def id_in(answer: bytes) -> str:
    head = answer.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")
    [value] = [
        line.partition(":")[2].strip()
        for line in head
        if line.lower().startswith("x-request-id:")
    ]
    return value


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(b"a" * 4000, id="long"),
        pytest.param(b"\xe9\xfc", id="not ASCII"),
        pytest.param(b"", id="empty"),
        pytest.param(b"a b", id="two words"),
        pytest.param(b"a\tb", id="tabulator"),
        pytest.param(b"<script>", id="markup"),
        pytest.param(b"../../etc/passwd", id="path"),
    ],
)
def test_a_bad_id_is_replaced_and_shown_nowhere(server, value) -> None:
    answer = server.pipeline(
        [request("/items/1", b"X-Request-ID: " + value + b"\r\n")]
    )
    made = id_in(answer)
    [told] = server.wait_for(1, "request_finished", correlation_id=made)

    assert answer.startswith(b"HTTP/1.1 200")
    assert 32 == len(made)
    assert "x-request-id" == told["refused_header"]
    assert [made] == [
        e["correlation_id"]
        for e in server.named("handled", correlation_id=made)
    ]
    text = value.decode("latin-1")
    assert not text or text not in server.log.read_text()


@pytest.mark.parametrize(
    "injection", [b"a\r\n b", b"a\nX-Evil: 1", b"a\rb", b"a\0b"]
)
def test_a_line_break_in_an_id_forges_nothing(server, injection) -> None:
    before = len(server.events)
    answer = server.pipeline(
        [request("/items/1", b"X-Request-ID: " + injection + b"\r\n")]
    )
    server.get("/items/2", headers={"X-Request-ID": "behind"})
    server.wait_for(1, "request_finished", path="/items/2")

    # A server refuses it, or hands over something that is refused by us.
    assert b"X-Evil" not in answer
    assert b"\nx-evil" not in answer.lower()
    for event in server.events[before:]:
        assert event.get("correlation_id", "x").isascii()
        assert "Evil" not in event.get("correlation_id", "")


def test_of_two_ids_the_first_is_taken_or_another_is_made(server) -> None:
    two = b"X-Request-ID: first\r\nX-Request-ID: second\r\n"
    taken = id_in(server.pipeline([request("/items/1", two)]))
    [told] = server.wait_for(1, "request_finished", correlation_id=taken)

    # WSGI has one text for both, "first,second", which is no id.
    assert taken == "first" or "x-request-id" == told["refused_header"]
    assert "second" != taken


def test_white_space_around_an_id_is_none_of_it(server) -> None:
    padded = b"X-Request-ID:  \t padded.1 \t \r\n"

    assert "padded.1" == id_in(server.pipeline([request("/items/1", padded)]))


@pytest.mark.parametrize(
    "parent",
    [
        b"",
        b"00-xyz-1-01",
        TRACE.upper(),
        TRACE + b"-more",
        b"ff" + TRACE[2:],
        b"00-" + b"0" * 32 + TRACE[35:],
        b"\xff" * 55,
    ],
)
def test_an_invalid_traceparent_is_ignored(server, parent) -> None:
    headers = b"X-Request-ID: of-trace\r\ntraceparent: " + parent + b"\r\n"
    before = len(server.named("request_finished", correlation_id="of-trace"))
    server.pipeline([request("/items/1", headers)])
    *_, told = server.wait_for(
        before + 1, "request_finished", correlation_id="of-trace"
    )

    assert "trace_id" not in told


def test_weird_agents_queries_and_paths_are_one_line_each(server) -> None:
    agent = b"User-Agent: \x1b]0;evil\x07 \xe9" + b"y" * 1000 + b"\r\n"
    for number, path in enumerate(
        ("/items/1?a=%0d%0a&token=hunter22", "/%0d%0aevil", "//x", "/%ff%fe")
    ):
        name = f"weird-{number}"
        header = f"X-Request-ID: {name}\r\n".encode()
        # uvicorn refuses control characters in headers.
        more = agent.replace(b"\x1b", b"").replace(b"\x07", b"")
        answer = server.pipeline([request(path, header + more)])
        [told] = server.wait_for(1, "request_finished", correlation_id=name)

        assert name == id_in(answer)
        assert len(told["user_agent"]) == 256
        assert "hunter22" not in str(told)
        assert told["path"].isprintable() or "\n" in told["path"]


@pytest.fixture(scope="module")
def fastapi(tmp_path_factory):
    folder = tmp_path_factory.mktemp("leaving")
    (folder / "app.py").write_text(textwrap.dedent(programs.FASTAPI))
    server = conftest.Server(folder, ASYNC)
    server.get("/healthz")
    yield server
    server.stop()


class TestAClientThatLeaves:
    def leave(self, server, path, name):
        head = (
            f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n"
            f"X-Request-ID: {name}\r\n\r\nhello"
        )
        with socket.create_connection(("127.0.0.1", server.port)) as line:
            line.sendall(head.encode())
            if path == "/body":
                server.wait_for(1, "reading")
        [told] = server.wait_for(1, "request_finished", correlation_id=name)
        # What the server says of it comes before the next request.
        server.get("/items/1")
        return told

    def test_while_its_body_is_read_is_told_as_cancelled_only(
        self, fastapi
    ) -> None:
        told = self.leave(fastapi, "/body", "left")

        assert ("cancelled", "warning", None) == (
            told["outcome"],
            told["level"],
            told["status"],
        )
        assert [] == [e for e in fastapi.events if "exception" in e]

    def test_does_not_hide_a_fault_of_the_program(self, fastapi) -> None:
        told = self.leave(fastapi, "/body/boom", "fault")

        assert ("failed", "error") == (told["outcome"], told["level"])
        assert "behind the client's back" == told["exception"]["message"]
        assert [told] == [e for e in fastapi.events if "exception" in e]


class TestUnusualPrograms:
    """In one process: what uvicorn adds is shown above."""

    @pytest.fixture
    def client(self, log_file):
        def make(app, **options):
            log_file.configure()
            return TestClient(app, raise_server_exceptions=False, **options)

        return make

    def told(self, log_file):
        return [
            (e["event"], e.get("correlation_id"), e.get("route"))
            for e in log_file.events
            if e.get("logger") != "httpx"
        ]

    def test_middleware_on_both_sides_of_ours(self, client, log_file) -> None:
        async def plain(request, call_next):
            log.info("base")
            return await call_next(request)

        app = FastAPI()
        app.get("/x")(lambda: log.info("inside"))
        app.add_middleware(BaseHTTPMiddleware, dispatch=plain)
        init_app(app)
        around = BaseHTTPMiddleware(app, dispatch=plain)
        client(around).get("/x", headers={"X-Request-ID": "one"})

        assert [
            ("base", None, None),
            ("base", "one", None),
            ("inside", "one", None),
            ("request_finished", "one", "/x"),
        ] == self.told(log_file)

    def test_a_mounted_application_with_a_middleware_of_its_own(
        self, client, log_file
    ) -> None:
        app, inner = FastAPI(), FastAPI()
        inner.get("/items/{n}")(lambda n: log.info("inside"))
        app.mount("/sub", inner)
        init_app(inner)
        init_app(app)
        answer = client(app).get("/sub/items/1", headers={"X-Request-ID": "a"})

        assert "a" == answer.headers["x-request-id"]
        assert [
            ("inside", "a", None),
            ("request_finished", "a", "/sub/items/{n}"),
        ] == self.told(log_file)

    def test_a_client_of_the_same_application_inside_a_request(
        self, client, log_file
    ) -> None:
        app = FastAPI()
        init_app(app)
        inner = TestClient(app)

        @app.get("/inner")
        def answer():
            log.info("inner")

        @app.get("/outer")
        def ask():
            inner.get("/inner", headers={"X-Request-ID": "second"})
            log.info("outer")

        client(app).get("/outer", headers={"X-Request-ID": "first"})

        assert [
            ("inner", "second", None),
            ("request_finished", "second", "/inner"),
            ("outer", "first", None),
            ("request_finished", "first", "/outer"),
        ] == self.told(log_file)

    def test_dependencies_that_are_overridden_or_fail_behind_the_answer(
        self, client, log_file
    ) -> None:
        app = FastAPI()
        init_app(app)

        def real():
            raise AssertionError

        def fake():
            log.info("fake")

        async def late():
            yield
            log.info("behind")
            raise ValueError("late")

        app.get("/x", dependencies=[Depends(real)])(lambda: None)
        app.get("/late", dependencies=[Depends(late)])(lambda: None)
        app.dependency_overrides[real] = fake
        one = client(app)
        one.get("/x", headers={"X-Request-ID": "a"})
        one.get("/late", headers={"X-Request-ID": "b"})

        assert [
            ("fake", "a", None),
            ("request_finished", "a", "/x"),
            ("request_finished", "b", "/late"),
            ("behind", "b", None),
            ("unhandled_exception", "b", None),
        ] == self.told(log_file)

    def test_background_work_that_fails_in_a_thread(
        self, client, log_file
    ) -> None:
        app = FastAPI()
        init_app(app)

        def work():
            log.info("working")
            raise ValueError("later")

        @app.get("/x")
        def x(tasks: BackgroundTasks):
            tasks.add_task(work)
            return "ok"

        answer = client(app).get("/x", headers={"X-Request-ID": "a"})

        assert 200 == answer.status_code
        assert [
            ("request_finished", "a", "/x"),
            ("working", "a", None),
            ("unhandled_exception", "a", None),
        ] == self.told(log_file)
        assert "later" == log_file.last["exception"]["message"]

    def test_a_lifespan_that_fails_is_not_hidden(
        self, client, log_file
    ) -> None:
        async def broken(app):
            log.info("starting")
            raise ValueError("no database")
            yield

        app = FastAPI(lifespan=broken)
        init_app(app)
        with (
            pytest.raises(ValueError, match="no database"),
            client(app),
        ):
            pass

        assert [("starting", None, None)] == self.told(log_file)

    def test_what_the_lifespan_binds_is_in_no_request(
        self, client, log_file
    ) -> None:
        async def lifespan(app):
            structlog.contextvars.bind_contextvars(stray=1)
            yield

        app = FastAPI(lifespan=lifespan)
        init_app(app)
        app.get("/x")(lambda: log.info("inside"))
        with client(app) as one:
            one.get("/x")

        assert 2 == len(self.told(log_file))
        assert not any("stray" in event for event in log_file.events)

    def test_an_answer_that_is_sent_again_has_no_id_of_before(
        self, log_file
    ) -> None:
        log_file.configure()
        # A program may keep the message that it sends.
        start = {"type": "http.response.start", "status": 200, "headers": []}
        sent = []

        async def app(scope, receive, send):
            await send(start)
            await send({"type": "http.response.body", "body": b""})

        async def send(message):
            sent.append(message)

        from mohflow.integrations.asgi import MohflowMiddleware

        wrapped = MohflowMiddleware(app)
        for name in (b"one", b"two"):
            scope = {
                "type": "http",
                "method": "GET",
                "path": "/",
                "headers": [(b"x-request-id", name)],
            }
            asyncio.run(wrapped(scope, None, send))

        assert [] == start["headers"]
        assert [[(b"x-request-id", b"one")], [(b"x-request-id", b"two")]] == [
            m["headers"] for m in sent if "headers" in m
        ]
