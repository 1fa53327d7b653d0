"""
Carry requests over a network, each within one deadline.

httpx bounds each read and each write alone, so a server that sends a byte now
and then holds a request for ever. The streams here give each of them what is
left of the request's time.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import time

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

import httpcore
import httpx

from mohflow.sinks._tls import Tls


PIECE = 64 * 1024
"""Bytes that are written between two looks at the clock."""

KEEP_ALIVE = 30.0
"""Seconds that an idle connection is kept; servers close after 60 or more."""

_TRANSLATED = {
    httpcore.ConnectTimeout: httpx.ConnectTimeout,
    httpcore.ReadTimeout: httpx.ReadTimeout,
    httpcore.WriteTimeout: httpx.WriteTimeout,
    httpcore.PoolTimeout: httpx.PoolTimeout,
    httpcore.ConnectError: httpx.ConnectError,
    httpcore.ReadError: httpx.ReadError,
    httpcore.WriteError: httpx.WriteError,
    httpcore.ProxyError: httpx.ProxyError,
    httpcore.RemoteProtocolError: httpx.RemoteProtocolError,
    httpcore.LocalProtocolError: httpx.LocalProtocolError,
    httpcore.UnsupportedProtocol: httpx.UnsupportedProtocol,
}


class Transport(httpx.BaseTransport):
    """
    One connection at a time, and one deadline for each request.

    Args:
        timeout: Seconds for each request.
        context: Whom we believe, and who we are; not needed for ``http``.
        proxy: Through whom.
    """

    def __init__(
        self,
        timeout: float,
        context: ssl.SSLContext | None,
        proxy: httpx.Proxy | None,
    ) -> None:
        self._network = _Network(timeout)
        settings: dict[str, Any] = {
            "ssl_context": context,
            "max_connections": 1,
            "keepalive_expiry": KEEP_ALIVE,
            "network_backend": self._network,
        }
        self._pool = (
            httpcore.ConnectionPool(**settings)
            if proxy is None
            else httpcore.HTTPProxy(
                proxy_url=str(proxy.url),
                proxy_auth=proxy.raw_auth,
                proxy_ssl_context=proxy.ssl_context,
                **settings,
            )
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        assert isinstance(request.stream, httpx.SyncByteStream)  # noqa: S101 - tells the type checker
        self._network.start()
        with _translated():
            answer = self._pool.handle_request(
                httpcore.Request(
                    method=request.method,
                    url=str(request.url),
                    headers=request.headers.raw,
                    content=request.stream,
                    extensions=request.extensions,
                )
            )
        return httpx.Response(
            answer.status,
            headers=answer.headers,
            stream=_Body(answer),
            extensions=answer.extensions,
        )

    def close(self) -> None:
        self._pool.close()

    def abandon(self) -> None:
        """
        Close the socket that the child of a fork got from its parent.

        No lock is taken and nothing is sent: the parent's connection lives.
        """
        self._network.close()


class _Body(httpx.SyncByteStream):
    def __init__(self, answer: httpcore.Response) -> None:
        self._answer = answer

    def __iter__(self) -> Iterator[bytes]:
        with _translated():
            yield from self._answer.iter_stream()

    def close(self) -> None:
        self._answer.close()


class _Network(httpcore.NetworkBackend):
    """Connect, within what is left of the time of a request."""

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        self._deadline = 0.0
        self._tcp = httpcore.SyncBackend()
        self._newest: httpcore.NetworkStream | None = None

    def start(self) -> None:
        """Begin the time of a request."""
        self._deadline = time.monotonic() + self._timeout

    def left(self, error: type[Exception]) -> float:
        """Return the seconds that are left, or raise *error*."""
        seconds = self._deadline - time.monotonic()
        if seconds <= 0:
            msg = f"not done within {self._timeout} s"
            raise error(msg)
        return seconds

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        addresses = _addresses(host, port)
        while True:
            # An address that swallows packets leaves time for the others.
            patience = self.left(httpcore.ConnectTimeout) / len(addresses)
            try:
                stream = self._tcp.connect_tcp(
                    addresses.pop(0), port, patience
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if not addresses:
                    raise
            else:
                return self.wrap(stream)

    def wrap(self, stream: httpcore.NetworkStream) -> httpcore.NetworkStream:
        """Return *stream* with our clock, and remember it."""
        self._newest = stream
        return _Stream(stream, self)

    def close(self) -> None:
        """Close the newest stream."""
        if self._newest is not None:
            self._newest.close()


class _Stream(httpcore.NetworkStream):
    def __init__(
        self, stream: httpcore.NetworkStream, network: _Network
    ) -> None:
        self._stream = stream
        self._network = network

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        left = self._network.left(httpcore.ReadTimeout)
        return self._stream.read(max_bytes, left)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        for start in range(0, len(buffer), PIECE):
            left = self._network.left(httpcore.WriteTimeout)
            self._stream.write(buffer[start : start + PIECE], left)

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        with contextlib.ExitStack() as failed:
            failed.callback(self.close)
            stream = _TlsStream(self, ssl_context, server_hostname)
            failed.pop_all()
        return self._network.wrap(stream)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class _TlsStream(httpcore.NetworkStream):
    """
    A stream within another, which bounds the time of both.

    Raises:
        httpcore.ConnectError: The two sides do not trust each other, or the
            other one hung up.
        httpcore.ConnectTimeout: The other one does not answer.
    """

    def __init__(
        self,
        stream: httpcore.NetworkStream,
        context: ssl.SSLContext,
        server_hostname: str | None,
    ) -> None:
        self._stream = stream
        self._tls = Tls(
            context, server_hostname, partial(stream.read, PIECE), stream.write
        )
        with _raised_as(httpcore.ConnectError, httpcore.ConnectTimeout):
            self._tls.handshake()

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        with _raised_as(httpcore.ReadError):
            return self._tls.read(max_bytes)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        with _raised_as(httpcore.WriteError):
            self._tls.write(buffer)

    def close(self) -> None:
        self._stream.close()

    def get_extra_info(self, info: str) -> Any:
        if info == "ssl_object":
            return self._tls.ssl_object
        return self._stream.get_extra_info(info)


@contextlib.contextmanager
def _raised_as(
    fault: type[Exception], timeout: type[Exception] | None = None
) -> Iterator[None]:
    """Raise the errors of a connection as those of what is done with it."""
    try:
        yield
    except httpcore.TimeoutException as error:
        if timeout is None:
            raise
        raise timeout(error) from error
    except (httpcore.NetworkError, ssl.SSLError) as error:
        raise fault(error) from error


def _addresses(host: str, port: int) -> list[str]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise httpcore.ConnectError(error) from error
    return [str(address[0]) for *_, address in found]


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    """Raise what httpx calls the errors of httpcore."""
    try:
        yield
    except tuple(_TRANSLATED) as error:
        raise _TRANSLATED[type(error)](str(error)) from error
