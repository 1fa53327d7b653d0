"""The ways in which the stand-in can be asked to fail, over a socket."""

import http.client
import json
import socket
import ssl
import threading
import time

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mohflow.testing import LokiServer


@pytest.fixture
def server():
    with LokiServer() as server:
        yield server


class Connection:
    """One connection that is kept alive."""

    def __init__(self, server, timeout=10):
        host = server.url.removeprefix("http://")
        self._connection = http.client.HTTPConnection(host, timeout=timeout)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._connection.close()

    def push(self, line="x", app="a"):
        values = [[str(time.time_ns()), line]]
        body = {"streams": [{"stream": {"app": app}, "values": values}]}
        self._connection.request(
            "POST",
            "/loki/api/v1/push",
            json.dumps(body).encode(),
            {"Content-Type": "application/json", "X-Mine": "1"},
        )
        self.response = self._connection.getresponse()
        return self.response.status, self.response.read()

    def expect_end(self):
        """Wait until the server has hung up."""
        assert b"" == self._connection.sock.recv(1)


@pytest.fixture
def connection(server):
    with Connection(server) as connection:
        yield connection


def lines(server):
    return [entry.line for entry in server.entries()]


class TestRefuse:
    def test_connections_are_refused_until_it_resumes(self, server):
        url = server.url
        server.refuse()

        with pytest.raises(ConnectionRefusedError), Connection(server) as c:
            c.push()
        server.resume()
        with Connection(server) as c:
            assert 204 == c.push()[0]
        assert url == server.url

    def test_connections_that_exist_are_dropped(self, server, connection):
        connection.push()
        server.refuse()

        connection.expect_end()

    def test_what_was_stored_stays(self, server, connection):
        connection.push("before")
        server.refuse()
        server.resume()
        with Connection(server) as c:
            c.push("after")

        assert ["before", "after"] == lines(server)

    def test_it_can_be_refused_and_resumed_twice(self, server):
        for _ in range(2):
            server.refuse()
            server.refuse()
            server.resume()
            server.resume()

        with Connection(server) as c:
            assert 204 == c.push()[0]


class TestHang:
    def test_requests_wait_until_it_is_healed(self, server, connection):
        server.hang()
        with ThreadPoolExecutor(1) as pool:
            pending = pool.submit(connection.push)

            assert server.wait_for(lambda: bool(server._requests))
            assert not pending.done()
            assert [None] == [r.status for r in server.requests]
            server.heal()
            assert 204 == pending.result(10)[0]

    def test_requests_wait_for_so_many_seconds(self, server, connection):
        server.hang(0.2, times=1)
        started = time.monotonic()

        assert 204 == connection.push()[0]

        assert time.monotonic() - started >= 0.2

    def test_the_client_may_give_up(self, server):
        server.hang()

        with (
            pytest.raises(TimeoutError),
            Connection(server, timeout=0.1) as c,
        ):
            c.push()

    def test_a_server_that_goes_down_stores_nothing(self, server, connection):
        server.hang()
        with ThreadPoolExecutor(1) as pool:
            pending = pool.submit(connection.push)
            server.wait_for(lambda: bool(server._requests))
            server.refuse()

            with pytest.raises((ConnectionError, http.client.HTTPException)):
                pending.result(10)
        assert [] == server.entries()


class TestConnections:
    def test_one_serves_many_requests(self, server, connection):
        for _ in range(3):
            connection.push()

        assert 1 == len({r.connection for r in server.requests})

    def test_a_second_one_has_another_number(self, server):
        for _ in range(2):
            with Connection(server) as c:
                c.push()

        assert 2 == len({r.connection for r in server.requests})

    def test_a_reset_stores_nothing(self, server, connection):
        server.reset()

        with pytest.raises(ConnectionResetError):
            connection.push()
        assert [] == lines(server)
        assert 204 == connection.push("again")[0]
        assert [None, 204] == [r.status for r in server.requests]

    def test_a_reset_may_come_after_storing(self, server, connection):
        server.reset_after_storing()

        with pytest.raises(ConnectionResetError):
            connection.push("kept")
        assert ["kept"] == lines(server)

    def test_an_answer_may_end_in_the_middle(self, server, connection):
        server.truncate()

        with pytest.raises(http.client.HTTPException):
            connection.push("kept")
            connection.response.getheader("Date")
        assert ["kept"] == lines(server)

    def test_idle_ones_are_dropped(self, server, connection):
        connection.push()
        server.drop_idle_connections()

        connection.expect_end()

    def test_busy_ones_are_not(self, server, connection):
        server.hang(times=1)
        with ThreadPoolExecutor(1) as pool:
            pending = pool.submit(connection.push)
            server.wait_for(lambda: bool(server._requests))
            server.drop_idle_connections()
            server.heal()

            assert 204 == pending.result(10)[0]


class TestAnswers:
    def test_they_can_be_given(self, server, connection):
        server.respond(429, "slow down", {"Retry-After": "7"}, times=2)

        assert (429, b"slow down") == connection.push()
        assert "7" == connection.response.headers["Retry-After"]
        assert 429 == connection.push()[0]
        assert 204 == connection.push("kept")[0]
        assert ["kept"] == lines(server)

    @pytest.mark.parametrize(
        ("status", "body", "headers"),
        [
            (302, "", {"Location": "http://127.0.0.1:1/login"}),
            (200, "<html>Log in</html>", {"Content-Type": "text/html"}),
            (500, "grpc: received message larger than max", {}),
            (413, "", {}),
            (260, "ingestion blocked", {}),
        ],
    )
    def test_they_come_as_they_are(
        self, server, connection, status, body, headers
    ):
        server.respond(status, body, headers)

        assert (status, body.encode()) == connection.push()
        for name, value in headers.items():
            assert value == connection.response.headers[name]

    def test_statuses_follow_a_plan(self, server, connection):
        server.flaky([503, None, 500, 204])

        answers = [connection.push(str(n))[0] for n in range(5)]

        assert [503, 204, 500, 204, 204] == answers
        assert ["1", "3", "4"] == lines(server)

    def test_a_function_may_decide_for_each_request(self, server, connection):
        server.flaky(lambda r: 413 if len(r.body) > 200 else None)

        assert 413 == connection.push("x" * 200)[0]
        assert 204 == connection.push("x")[0]
        server.heal()
        assert 204 == connection.push("x" * 200)[0]

    def test_faults_happen_in_the_order_they_were_asked_for(
        self, server, connection
    ):
        server.respond(500)
        server.respond(503, times=None)
        server.respond(400)

        assert [500, 503, 503] == [connection.push()[0] for _ in range(3)]


class TestSlow:
    def test_requests_are_read_and_answered_slowly(self, server, connection):
        server.slow(1000, times=1)
        started = time.monotonic()

        assert 204 == connection.push("x" * 300)[0]

        assert time.monotonic() - started > 0.3

    def test_it_does_not_outlive_the_server(self, server):
        server.slow(1)
        with ThreadPoolExecutor(1) as pool, Connection(server) as c:
            pending = pool.submit(c.push)
            busy = server._listener.busy
            while not busy:
                time.sleep(0.01)
            started = time.monotonic()
            server.close()

            with pytest.raises((ConnectionError, http.client.HTTPException)):
                pending.result(10)
        assert time.monotonic() - started < 2


class TestEnd:
    def test_it_leaves_no_thread_and_no_socket(self, server):
        before = threading.active_count()
        with LokiServer() as other, Connection(other) as c:
            other.hang()
            with ThreadPoolExecutor(1) as pool:
                pending = pool.submit(c.push)
                other.wait_for(lambda: bool(other._requests))
                started = time.monotonic()
                other.close()
                with pytest.raises((OSError, http.client.HTTPException)):
                    pending.result(10)

        assert time.monotonic() - started < 1
        assert before == threading.active_count()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", other._port), 1)

    def test_clear_forgets_all_but_the_faults(self, server, connection):
        connection.push()
        server.respond(503)
        server.clear()

        assert ([], []) == (server.entries(), server.requests)
        assert 503 == connection.push()[0]


class TestRequests:
    def test_they_are_kept_as_they_came(self, server, connection):
        connection.push("hello")

        (request,) = server.requests
        assert "POST" == request.method
        assert "/loki/api/v1/push" == request.path
        assert "1" == request.headers["x-mine"]
        assert 204 == request.status
        assert request.raw == request.body
        value = request.json["streams"][0]["values"][0]
        assert "hello" == value[1]

    def test_chunks_are_read(self, server):
        host = server.url.removeprefix("http://")
        connection = http.client.HTTPConnection(host, timeout=10)
        connection.request(
            "POST",
            "/loki/api/v1/push",
            iter([b'{"streams"', b":[]}"]),
            {"Content-Type": "application/json"},
            encode_chunked=True,
        )

        assert 422 == connection.getresponse().status
        connection.close()
        assert b'{"streams":[]}' == server.requests[0].raw

    def test_a_proxy_may_be_meant(self, server):
        host = server.url.removeprefix("http://")
        connection = http.client.HTTPConnection(host, timeout=10)
        connection.request("GET", "http://loki.example:3100/ready")

        assert 200 == connection.getresponse().status
        connection.close()


def test_eight_threads_lose_nothing(server):
    def push(thread):
        with Connection(server) as c:
            return [
                c.push(f"{thread}-{n}", app=str(n % 3))[0] for n in range(100)
            ]

    with ThreadPoolExecutor(8) as pool:
        statuses = [s for done in pool.map(push, range(8)) for s in done]

    expected = {f"{thread}-{n}" for thread in range(8) for n in range(100)}
    assert {204} == set(statuses)
    assert 800 == len(server.entries()) == len(server.requests)
    assert expected == set(lines(server))


def test_it_speaks_https_with_a_context_of_the_test():
    certificates = Path(__file__).parents[1] / "sinks" / "certificates"
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificates / "server.pem")
    trust = ssl.create_default_context(cafile=certificates / "ca.pem")

    with LokiServer(tls=context) as server:
        scheme, _, host = server.url.partition("://")
        connection = http.client.HTTPSConnection(host, context=trust)
        connection.request("GET", "/ready")

        assert "https" == scheme
        assert 200 == connection.getresponse().status
        connection.close()
