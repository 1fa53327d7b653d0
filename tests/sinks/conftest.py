from __future__ import annotations

import contextlib
import os
import socket
import threading

import pytest

from mohflow.sinks.http import HttpOptions, HttpSink


STORED = b"HTTP/1.1 204 No Content\r\n\r\n"


class Server:
    """Accept connections and hand each to a thread."""

    def __init__(self, behave, context=None):
        self.behave = behave
        self.context = context
        self.connections = 0
        self.requests = []
        self.stopped = threading.Event()
        self.threads = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.start(self.accept)

    def read(self, connection):
        return read_request(connection)

    def start(self, work, *arguments):
        thread = threading.Thread(target=work, args=arguments)
        self.threads.append(thread)
        thread.start()

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            self.start(self.serve, connection)

    def serve(self, connection):
        with contextlib.suppress(OSError), connection:
            connection.settimeout(20)
            if self.context is not None:
                connection = self.context.wrap_socket(
                    connection, server_side=True
                )
            with connection:
                self.behave(self, connection)

    def stop(self):
        self.stopped.set()
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for thread in self.threads:
            thread.join(20)


def read_request(connection):
    """Return the head and the body of one request; the head may be empty."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(65536)
        if not piece:
            return "", b""
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    wanted = 0
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            wanted = int(value)
    while len(body) < wanted:
        body += connection.recv(65536)
    return head.decode(), body


def store_all(server, connection):
    """Take requests until the other side goes away."""
    while True:
        head, body = read_request(connection)
        if not head:
            return
        server.requests.append((head, body))
        connection.sendall(STORED)


@pytest.fixture
def serve():
    servers = []

    def start(behave, context=None):
        servers.append(Server(behave, context))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


@pytest.fixture
def sink_for():
    sinks = []

    def make(server, scheme="http", host="127.0.0.1", **options):
        url = f"{scheme}://{host}:{server.port}/in"
        sinks.append(HttpSink(HttpOptions(url=url, **options)))
        return sinks[-1]

    yield make
    for sink in sinks:
        sink.close()


@pytest.fixture
def store():
    return store_all


@pytest.fixture
def _no_proxies(monkeypatch):
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
