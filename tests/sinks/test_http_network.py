"""Against real sockets: connections, and how long they may take."""

from __future__ import annotations

import os
import socket
import ssl
import time

from pathlib import Path

import pytest

from mohflow._event import Event
from mohflow.exceptions import Unavailable
from mohflow.sinks.http import HttpOptions, HttpSink


pytestmark = pytest.mark.usefixtures("_no_proxies")

EVENTS = [Event(1, 20, {"event": "e"}, b'{"event":"e"}\n')]

CERTIFICATES = Path(__file__).parent / "certificates"

STORED = b"HTTP/1.1 204 No Content\r\n\r\n"


def store_one(server, connection):
    server.requests.append(server.read(connection))
    connection.sendall(STORED)


def hang(server, connection):
    server.stopped.wait(20)


def drip(server, connection):
    """Answer a byte at a time, for ever."""
    server.read(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
    while not server.stopped.wait(0.02):
        connection.sendall(b"x")


def drip_body(server, connection):
    server.read(connection)
    connection.sendall(b"HTTP/1.1 503 Busy\r\nContent-Length: 60000\r\n\r\n")
    while not server.stopped.wait(0.02):
        connection.sendall(b"x")


def read_slowly(server, connection):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    while not server.stopped.wait(0.02):
        connection.recv(1024)


def reset(server, connection):
    server.read(connection)
    option = b"\x01\x00\x00\x00\x00\x00\x00\x00"
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, option)


def hang_up(server, connection):
    server.read(connection)


def cut_short(server, connection):
    server.read(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab")


def babble(server, connection):
    server.read(connection)
    connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")


def reason(sink, events=EVENTS):
    with pytest.raises(Unavailable) as caught:
        sink.write(events)
    return caught.value.reason


class TestConnection:
    def test_batches_share_one(self, serve, store, sink_for):
        server = serve(store)
        sink = sink_for(server)
        for _ in range(5):
            sink.write(EVENTS)

        assert (1, 5) == (server.connections, len(server.requests))

    def test_one_that_the_server_has_closed_costs_no_batch(
        self, serve, sink_for
    ):
        server = serve(store_one)
        sink = sink_for(server)
        sink.write(EVENTS)
        server.threads[1].join(20)
        sink.write(EVENTS)

        assert (2, 2) == (server.connections, len(server.requests))

    def test_closing_the_sink_closes_it(self, serve, store, sink_for):
        server = serve(store)
        sink = sink_for(server)
        sink.write(EVENTS)
        sink.close()
        server.threads[1].join(20)

        assert not server.threads[1].is_alive()

    @pytest.mark.parametrize(
        ("behave", "expected"),
        [
            (reset, "reset"),
            (hang_up, "protocol"),
            (cut_short, "protocol"),
            (babble, "protocol"),
        ],
    )
    def test_a_failure_is_named_and_the_next_batch_is_tried(
        self, serve, store, sink_for, behave, expected
    ):
        server = serve(behave)
        sink = sink_for(server)

        assert expected == reason(sink)
        server.behave = store
        assert sink.write(EVENTS) is None

    def test_nobody_at_the_port(self, serve, store, sink_for):
        server = serve(store)
        server.stop()
        server.stop = lambda: None

        assert "connect" == reason(sink_for(server))

    def test_an_unknown_host(self):
        sink = HttpSink(HttpOptions(url="http://no.such.host.invalid"))

        assert "dns" == reason(sink)


class TestTimeout:
    @pytest.mark.parametrize("behave", [hang, drip, drip_body])
    def test_it_bounds_the_whole_request(self, serve, sink_for, behave):
        sink = sink_for(serve(behave), timeout=0.3)
        began = time.monotonic()

        assert "timeout" == reason(sink)
        assert 0.25 < time.monotonic() - began < 3

    def test_it_bounds_a_server_that_reads_slowly(self, serve, sink_for):
        sink = sink_for(serve(read_slowly), timeout=0.3)
        large = [Event(1, 20, {}, b'"%b"\n' % (b"x" * 20_000_000))]
        began = time.monotonic()

        assert "timeout" == reason(sink, large)
        assert time.monotonic() - began < 3

    def test_each_request_has_all_of_it(self, serve, sink_for):
        def slow(server, connection):
            while server.read(connection)[0]:
                server.stopped.wait(0.3)
                connection.sendall(STORED)

        sink = sink_for(serve(slow), timeout=0.5)
        for _ in range(3):
            assert sink.write(EVENTS) is None

    def test_an_address_that_refuses_leaves_the_others(
        self, serve, store, sink_for, monkeypatch
    ):
        real = socket.getaddrinfo

        def two(host, port, *rest, **options):
            if host != "two.example.org":
                return real(host, port, *rest, **options)
            found = socket.AF_INET, socket.SOCK_STREAM, 6, ""
            return [(*found, (a, port)) for a in ("127.0.0.9", "127.0.0.1")]

        monkeypatch.setattr(socket, "getaddrinfo", two)
        server = serve(store)

        assert sink_for(server, host="two.example.org").write(EVENTS) is None


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_parent_and_child_of_a_fork_have_a_connection_each(
    serve, store, program, scheme
):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATES / "server.pem")
    server = serve(store, context if scheme == "https" else None)
    done = program(
        """
        import os, sys
        from mohflow._event import Event
        from mohflow.sinks.http import HttpOptions, HttpSink

        def sockets():
            links = (f"/proc/self/fd/{n}" for n in os.listdir("/proc/self/fd"))
            links = [os.readlink(l) for l in links if os.path.lexists(l)]
            return sum(link.startswith("socket:") for link in links)

        events = [Event(1, 20, {}, b"{}")]
        options = HttpOptions(url=sys.argv[1], ca_file=sys.argv[2])
        sink = HttpSink(options)
        sink.write(events)
        before = sockets()
        if not os.fork():
            sink.after_fork()
            assert sockets() == before - 1
            sink.write(events)
            os._exit(0)
        assert os.wait()[1] == 0
        sink.write(events)
        sink.close()
        """,
        f"{scheme}://localhost:{server.port}",
        str(CERTIFICATES / "ca.pem"),
        PYTHONWARNINGS="error",
    )

    assert ("", 0) == (done.stderr, done.returncode)
    assert (2, 3) == (server.connections, len(server.requests))
