"""The sockets of a Loki stand-in, and the ways in which they can fail."""

from __future__ import annotations

import socket
import ssl
import struct
import sys
import threading

from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from itertools import count
from socketserver import TCPServer, ThreadingMixIn
from typing import Any

from mohflow.testing._loki_api import Request
from mohflow.testing._loki_model import Answer


POLL = 0.02
"""Seconds until the listening thread notices that it is to end."""

STEP = 0.05
"""Seconds between two pieces of a slow transfer."""

PATIENCE = 5.0
"""Seconds that a thread of a connection has to end."""

TORN = 10
"""Bytes of an answer that ends too early, inside its status."""

_RESET = struct.pack("ii", 1, 0)

Fault = Callable[["Exchange"], None]
"""What is done with a request in place of answering it."""


class Exchange:
    """One request that has arrived, and what can be done with it."""

    def __init__(self, handler: _Handler, request: Request) -> None:
        self.request = request
        self._handler = handler
        self._ending = handler.server.ending

    @property
    def is_in_vain(self) -> bool:
        """Whether the server is going down."""
        return self._ending.is_set()

    def decide(self) -> Answer:
        """Store what is to be stored, and return what Loki answers."""
        return self._handler.server.decide(self.request)

    def send(self, answer: Answer, pace: int | None = None) -> None:
        """Send *answer*, with *pace* bytes a second."""
        self.request.status = answer.status
        self._handler.generation = self._handler.server.generation
        self._transfer(_serialized(answer), pace)

    def send_torn(self, answer: Answer) -> None:
        """Send the first bytes of *answer* and hang up."""
        self._transfer(_serialized(answer)[:TORN], None)
        self._handler.close_connection = True

    def reset(self) -> None:
        """End the connection as a process that dies does."""
        self._handler.server.reset(self._handler.connection)
        self._handler.close_connection = True

    def _transfer(self, data: bytes, pace: int | None) -> None:
        size = len(data) if pace is None else max(1, int(pace * STEP))
        for start in range(0, len(data), size):
            piece = data[start : start + size]
            self._handler.wfile.write(piece)
            if pace is not None:
                self._ending.wait(len(piece) / pace)


def _serialized(answer: Answer) -> bytes:
    try:
        phrase = HTTPStatus(answer.status).phrase
    except ValueError:
        phrase = f"status code {answer.status}"
    lines = [f"HTTP/1.1 {answer.status} {phrase}"]
    lines += [f"{name}: {value}" for name, value in answer.headers.items()]
    if answer.content_type:
        lines.append(f"Content-Type: {answer.content_type}")
    if answer.status != HTTPStatus.NO_CONTENT:
        lines.append(f"Content-Length: {len(answer.body)}")
    head = "\r\n".join(lines).encode("latin-1")
    return head + b"\r\n\r\n" + answer.body


class _Handler(BaseHTTPRequestHandler):
    """One connection; its thread ends with it."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Listener

    def setup(self) -> None:
        super().setup()
        self._number = next(self.server.numbers)
        self.generation = 0

    def _serve(self) -> None:
        self.server.busy.add(self.connection)
        try:
            fault, pace = self.server.next_fault()
            request = Request(
                self.command,
                self.path,
                {name.lower(): text for name, text in self.headers.items()},
                self._read_body(pace),
                self._number,
            )
            self.server.note(request)
            exchange = Exchange(self, request)
            if fault is None:
                exchange.send(exchange.decide(), pace)
            else:
                fault(exchange)
            self.server.note(None)
        finally:
            self.server.busy.discard(self.connection)
        if self.generation != self.server.generation:
            self.close_connection = True

    do_GET = do_POST = _serve  # noqa: N815 - http.server wants them

    def _read_body(self, pace: int | None) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            return b"".join(iter(self._read_chunk, b""))
        left = int(self.headers.get("Content-Length", 0))
        step = left if pace is None else max(1, int(pace * STEP))
        pieces = []
        while left > 0:
            piece = self.rfile.read(min(left, step))
            pieces.append(piece)
            left -= len(piece)
            if pace is not None:
                self.server.ending.wait(len(piece) / pace)
            if not piece or self.server.ending.is_set():
                raise ConnectionAbortedError
        return b"".join(pieces)

    def _read_chunk(self) -> bytes:
        size = int(self.rfile.readline().partition(b";")[0], 16)
        chunk = self.rfile.read(size)
        self.rfile.readline()
        return chunk

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Keep stderr for what matters."""


class Listener(ThreadingMixIn, TCPServer):
    """
    A listening socket and the connections that came from it.

    Args:
        address: Host and port; port 0 for any.
        decide: Returns the answer to a request.
        note: Is told of each request that arrives, and by ``None`` that one
            is done with.
        next_fault: Returns what to do with the next request, and how many
            bytes a second are read and sent.
        tls: To speak HTTPS.
    """

    allow_reuse_address = True
    request_queue_size = 128
    daemon_threads = True
    numbers = count(1)

    def __init__(
        self,
        address: tuple[str, int],
        *,
        decide: Callable[[Request], Answer],
        note: Callable[[Request | None], None],
        next_fault: Callable[[], tuple[Fault | None, int | None]],
        tls: ssl.SSLContext | None,
    ) -> None:
        super().__init__(address, _Handler, bind_and_activate=False)
        self.decide = decide
        self.note = note
        self.next_fault = next_fault
        self.ending = threading.Event()
        self.busy: set[socket.socket] = set()
        self.generation = 0
        self._tls = tls
        self._resets: set[socket.socket] = set()
        self._connections: dict[socket.socket, threading.Thread] = {}
        self._thread: threading.Thread | None = None
        self.server_bind()

    def open(self) -> None:
        """Listen, and answer in threads of its own."""
        self.server_activate()
        self._thread = threading.Thread(
            target=self.serve_forever, args=(POLL,), name="loki", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Refuse and drop connections; set ``ending`` before."""
        if self._thread is not None:
            self.shutdown()
            self._thread.join(PATIENCE)
        self.server_close()
        connections = dict(self._connections)
        for connection in connections:
            _hang_up(connection)
        for thread in connections.values():
            thread.join(PATIENCE)

    def drop_idle(self) -> None:
        """Hang up where no request is under way, or as soon as it is sent."""
        self.generation += 1
        for connection in set(self._connections) - self.busy:
            _hang_up(connection)

    def reset(self, connection: socket.socket) -> None:
        """Have *connection* closed without a farewell."""
        option = (socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        connection.setsockopt(*option)
        self._resets.add(connection)

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        if self._tls is not None:
            connection = self._tls.wrap_socket(
                connection, server_side=True, do_handshake_on_connect=False
            )
        return connection, address

    def process_request(self, request: Any, client_address: Any) -> None:
        thread = threading.Thread(
            target=self.process_request_thread,
            args=(request, client_address),
            name="loki-connection",
            daemon=True,
        )
        self._connections[request] = thread
        thread.start()

    def shutdown_request(self, request: Any) -> None:
        if request in self._resets:
            self._resets.discard(request)
            request.close()
        else:
            super().shutdown_request(request)
        self._connections.pop(request, None)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Pass over clients that hang up; say what else goes wrong."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


def _hang_up(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # The other side was quicker.
