"""Context: what is bound appears, where it holds and nowhere else."""

from __future__ import annotations

import asyncio
import logging
import socket
import threading

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import pytest
import structlog

from structlog.contextvars import (
    bind_contextvars,
    clear_contextvars,
    get_contextvars,
)

import mohflow


def ids(log_file) -> list[str | None]:
    return [event.get("correlation_id") for event in log_file.events]


def test_native_and_stdlib_events_carry_what_is_bound(log_file) -> None:
    log_file.configure()
    bind_contextvars(correlation_id="c1")
    structlog.get_logger().info("native")
    logging.getLogger("x").info("stdlib")

    assert ["c1", "c1"] == ids(log_file)


def test_two_tasks_at_once_are_never_mixed(log_file) -> None:
    log_file.configure()

    async def request(number: int) -> None:
        bind_contextvars(correlation_id=f"c{number}")
        for _ in range(5):
            structlog.get_logger().info("x", number=number)
            await asyncio.sleep(0)

    async def main() -> None:
        await asyncio.gather(*(request(number) for number in range(50)))

    asyncio.run(main())

    assert 250 == len(log_file.events)
    for event in log_file.events:
        assert f"c{event['number']}" == event["correlation_id"]


def test_static_fields_survive_that_a_request_clears_the_context(
    log_file,
) -> None:
    log_file.configure(service="shop")
    clear_contextvars()
    structlog.get_logger().info("x")

    assert "shop" == log_file.last["service"]


def test_tasks_threads_and_gathered_work_of_a_request_carry_its_id(
    log_file,
) -> None:
    log_file.configure()
    log = structlog.get_logger()

    async def child(name: str) -> None:
        log.info(name)

    async def main() -> None:
        with mohflow.bound(correlation_id="c1"):
            await asyncio.create_task(child("task"))
            await asyncio.gather(child("gather"))
            await asyncio.to_thread(log.info, "thread")
            await log.ainfo("async method")

    asyncio.run(main())

    assert ["c1"] * 4 == ids(log_file)


class Shop(BaseHTTPRequestHandler):
    """Answers on connections that stay open, under the id of each request."""

    protocol_version = "HTTP/1.1"
    contexts: ClassVar[list[dict]] = []

    def do_GET(self) -> None:
        before = get_contextvars()
        with mohflow.bound(correlation_id=self.headers["X-Request-ID"]):
            structlog.get_logger().info("native", path=self.path)
            logging.getLogger("shop").info("stdlib", extra={"path": self.path})
        self.contexts.append(before | get_contextvars())
        self.send_response(204)
        self.end_headers()

    def log_message(self, *args) -> None:
        """Stay silent."""


def test_requests_of_one_connection_at_once_and_in_turn_are_never_mixed(
    log_file,
) -> None:
    log_file.configure()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Shop)
    serving = threading.Thread(target=server.serve_forever)
    serving.start()

    def pipeline(client: int) -> None:
        ids = [f"c{client}-{number}" for number in range(20)]
        requests = "".join(
            f"GET /{one} HTTP/1.1\r\nHost: x\r\nX-Request-ID: {one}\r\n\r\n"
            for one in ids
        )
        with socket.create_connection(server.server_address) as connection:
            connection.sendall(requests.encode())
            answer = b""
            while answer.count(b"HTTP/1.1 204") < len(ids):
                answer += connection.recv(65536)

    clients = [threading.Thread(target=pipeline, args=[n]) for n in range(8)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    server.shutdown()
    serving.join()
    server.server_close()

    assert 8 * 20 * 2 == len(log_file.events)
    for event in log_file.events:
        assert event["path"] == f"/{event['correlation_id']}"
    assert [{}] * 160 == Shop.contexts


class TestAsyncMethods:
    def test_they_run_in_the_callers_thread(self, log_file) -> None:
        threads = set()

        def note(logger, name, event_dict):
            threads.add(threading.get_ident())
            return event_dict

        log_file.configure(processors=[note])

        async def main() -> None:
            log = structlog.get_logger()
            await log.adebug("filtered")
            await log.ainfo("x")
            await log.alog(30, "x")
            await log.aexception("x")

        asyncio.run(main())

        assert {threading.get_ident()} == threads
        assert ["info", "warning", "error"] == [
            event["level"] for event in log_file.events
        ]

    @pytest.mark.parametrize("method", ["aerror", "ainfo", "aexception"])
    def test_they_keep_the_traceback(self, log_file, method) -> None:
        log_file.configure()

        async def main() -> None:
            try:
                1 / 0
            except ZeroDivisionError:
                log = structlog.get_logger()
                await getattr(log, method)("x", exc_info=True)

        asyncio.run(main())

        assert "ZeroDivisionError" == log_file.last["exception"]["type"]
        assert "main" == log_file.last["exception"]["frames"][-1]["function"]


class TestBound:
    def test_what_was_bound_before_comes_back(self) -> None:
        bind_contextvars(a=1, b=2)
        with mohflow.bound(a=10, c=30):
            inside = get_contextvars()

        assert {"a": 10, "b": 2, "c": 30} == inside
        assert {"a": 1, "b": 2} == get_contextvars()

    def test_it_comes_back_after_an_exception(self) -> None:
        with pytest.raises(KeyError), mohflow.bound(a=1):
            raise KeyError

        assert {} == get_contextvars()

    def test_it_can_be_nested_in_itself(self) -> None:
        block = mohflow.bound(a=1)
        with block, block:
            inside = get_contextvars()

        assert {"a": 1} == inside
        assert {} == get_contextvars()

    def test_as_decorator_of_a_function(self) -> None:
        @mohflow.bound(a=1)
        def work(factor: int, /, *, self: int) -> dict:
            """Documented."""
            return {**get_contextvars(), "result": factor * self}

        assert {"a": 1, "result": 6} == work(2, self=3)
        assert {} == get_contextvars()
        assert ("work", "Documented.") == (work.__name__, work.__doc__)

    def test_as_decorator_of_a_coroutine_function(self) -> None:
        @mohflow.bound(a=1)
        async def work() -> dict:
            await asyncio.sleep(0)
            return get_contextvars()

        async def main() -> tuple[dict, dict]:
            coroutine = work()
            return get_contextvars(), await coroutine

        assert ({}, {"a": 1}) == asyncio.run(main())

    def test_a_cancelled_coroutine_leaves_nothing_behind(self) -> None:
        @mohflow.bound(a=1)
        async def work() -> None:
            await asyncio.sleep(60)

        async def main() -> dict:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.01):
                    await work()
            return get_contextvars()

        assert {} == asyncio.run(main())

    def test_a_generator_is_bound_while_it_runs_only(self) -> None:
        seen = []

        @mohflow.bound(a=1)
        def work():
            try:
                seen.append((yield get_contextvars()))
                yield get_contextvars()
            except KeyError:
                seen.append(get_contextvars())
            finally:
                seen.append("closed")
            return "result"

        generator = work()
        first = next(generator)
        between = get_contextvars()
        generator.send("sent")
        with pytest.raises(StopIteration) as stop:
            generator.throw(KeyError())

        assert ({"a": 1}, {}) == (first, between)
        assert ["sent", {"a": 1}, "closed"] == seen
        assert "result" == stop.value.value
        assert {} == get_contextvars()

    def test_a_closed_generator_runs_its_end_bound(self) -> None:
        seen = []

        @mohflow.bound(a=1)
        def work():
            try:
                yield
            finally:
                seen.append(get_contextvars())

        generator = work()
        next(generator)
        generator.close()

        assert [{"a": 1}] == seen

    def test_an_async_generator_is_bound_while_it_runs_only(self) -> None:
        seen = []

        @mohflow.bound(a=1)
        async def work():
            try:
                seen.append((yield get_contextvars()))
                yield get_contextvars()
            finally:
                seen.append(get_contextvars())

        async def main() -> None:
            generator = work()
            seen.append(await anext(generator))
            seen.append(get_contextvars())
            await generator.asend("sent")
            await generator.aclose()

        asyncio.run(main())

        assert [{"a": 1}, {}, "sent", {"a": 1}] == seen
