"""Any WSGI application: Flask, Django, Pyramid, Bottle, or one by hand."""

from __future__ import annotations

import sys

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from mohflow.integrations._environ import Environ
from mohflow.integrations._http import HEADERS, QUIET, Exchange, Policy


StartResponse = Callable[..., Callable[[bytes], object]]
App = Callable[[dict[str, Any], StartResponse], Iterable[bytes]]

KEY = "mohflow.exchange"
"""Where the environ says that a middleware of ours is at it already."""

ERROR_BODY = b"Internal Server Error"


class MohflowMiddleware:
    """
    Give each request an id and a context of its own, and tell how it ended.

    It belongs around everything else: ``app = MohflowMiddleware(app)``, or
    ``init_app()`` of the framework's module. An exception that the
    application does not handle is told by the access event and answered with
    a plain 500, unless an answer has begun; then it goes on to the server.

    Args:
        app: The application.
        headers: Where a correlation id may come in, by preference; the answer
            has the first.
        quiet: Paths whose answers below 400 are told at level debug.
    """

    def __init__(
        self,
        app: App,
        *,
        headers: Iterable[str] = HEADERS,
        quiet: Iterable[str] = QUIET,
    ) -> None:
        self.app = app
        self._environ = Environ(Policy(headers, quiet))

    def __call__(
        self, environ: dict[str, Any], start_response: StartResponse
    ) -> Iterable[bytes]:
        """Serve one request."""
        if KEY in environ:
            return self.app(environ, start_response)
        environ[KEY] = True
        exchange = self._environ.exchange(environ, _path(environ))
        exchange.start()
        answer = _Answer(exchange, start_response)
        try:
            body = self.app(environ, answer.start)
        except BaseException as error:
            exchange.fail(error)
            if exchange.error is None or answer.has_begun or self.reraises:
                exchange.finish()
                raise
            body = answer.error()
        return _Body(body, exchange)

    reraises = False
    """Whether an exception goes on to the server before an answer, too."""


def _path(environ: Mapping[str, Any]) -> str:
    path = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
    # PEP 3333: the bytes of the path, read as Latin-1.
    raw: bytes = path.encode("latin-1", "replace")
    return raw.decode("utf-8", "replace")


class _Answer:
    """The ``start_response`` of one request, with the id in the headers."""

    def __init__(self, exchange: Exchange, start: StartResponse) -> None:
        self.has_begun = False
        self._exchange = exchange
        self._start = start

    def start(
        self,
        status: str,
        headers: list[tuple[str, str]],
        exc_info: Any = None,
    ) -> Callable[[bytes], object]:
        name, value = self._exchange.header
        if all(key.lower() != name.lower() for key, _ in headers):
            headers = [*headers, (name, value)]
        self._exchange.status = int(status[:3])
        self.has_begun = True
        # Servers need not take the third argument where it is not needed.
        more = () if exc_info is None else (exc_info,)
        write = self._start(status, headers, *more)

        def counted(data: bytes) -> object:
            self._exchange.sent_bytes += len(data)
            return write(data)

        return counted

    def error(self) -> list[bytes]:
        self.start(
            "500 Internal Server Error",
            [
                ("Content-Type", "text/plain; charset=utf-8"),
                ("Content-Length", str(len(ERROR_BODY))),
            ],
            sys.exc_info(),
        )
        return [ERROR_BODY]


class _Body:
    """The body of an answer; the server closes it when the request is over."""

    def __init__(self, body: Iterable[bytes], exchange: Exchange) -> None:
        self._body = body
        self._chunks: Iterator[bytes] = iter(body)
        self._exchange = exchange
        self._count = 0

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        try:
            chunk = next(self._chunks)
        except StopIteration:
            self._exchange.answered()
            raise
        except BaseException as error:
            self._exchange.fail(error)
            raise
        self._count += 1
        self._exchange.sent_bytes += len(chunk)
        return chunk

    def close(self) -> None:
        """End the request: servers call it, whatever has happened."""
        exchange = self._exchange
        try:
            close = getattr(self._body, "close", None)
            if close is not None:
                close()
        except BaseException as error:
            exchange.fail(error)
            raise
        finally:
            exchange.is_streamed = self._count > 1
            if exchange.error is None and not exchange.is_complete:
                # The server stopped asking: nobody listens any more.
                exchange.is_cancelled = True
            exchange.finish()
