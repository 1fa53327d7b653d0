"""Any ASGI application: FastAPI, Starlette, Litestar, or one by hand."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

from mohflow.integrations._http import HEADERS, QUIET, Exchange, Policy


Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

KEY = "mohflow.exchange"
"""Where the scope says that a middleware of ours is at it already."""

ERROR_BODY = b"Internal Server Error"
ERROR_HEADERS = (
    (b"content-type", b"text/plain; charset=utf-8"),
    (b"content-length", b"%d" % len(ERROR_BODY)),
)

NORMAL, NO_CODE = 1000, 1005
"""Close codes of a WebSocket (RFC 6455, 7.4.1)."""


class MohflowMiddleware:
    """
    Give each request an id and a context of its own, and tell how it ended.

    It belongs around everything else: ``app = MohflowMiddleware(app)``, or
    ``init_app()`` of the framework's module. An exception that the
    application does not handle is answered with a plain 500 unless an answer
    has begun, is told by the access event, and goes on to the server.

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
        self._policy = Policy(headers, quiet)
        self._wanted = {
            name.encode("latin-1"): name for name in self._policy.wanted
        }

    async def __call__(
        self, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Serve one request, one socket, or the lifespan."""
        kind = scope["type"]
        if kind not in ("http", "websocket") or KEY in scope:
            await self.app(scope, receive, send)
            return
        exchange = self._exchange(scope)
        scope[KEY] = exchange
        cycle = (_Http if kind == "http" else _Socket)(
            exchange, scope, receive, send
        )
        exchange.start()
        try:
            await self.app(scope, cycle.receive, cycle.send)
        except BaseException as error:
            exchange.fail(error)
            await cycle.answer_error()
            raise
        finally:
            if not exchange.is_finished:
                exchange.route = route_of(scope)
            exchange.finish()

    def _exchange(self, scope: Scope) -> Exchange:
        wanted = self._wanted
        headers: dict[str, str] = {}
        for raw, value in scope["headers"]:
            name = wanted.get(raw)
            if name is not None:
                headers.setdefault(name, value.decode("latin-1"))
        client = scope.get("client")
        return Exchange(
            self._policy,
            scope.get("method", "WEBSOCKET"),
            scope["path"],
            scope.get("query_string", b"").decode("latin-1"),
            client[0] if client else None,
            headers,
        )


class _Http:
    """The channel of one request, watched."""

    __slots__ = ("_exchange", "_receive", "_scope", "_send")

    def __init__(
        self, exchange: Exchange, scope: Scope, receive: Receive, send: Send
    ) -> None:
        self._exchange = exchange
        self._scope = scope
        self._receive = receive
        self._send = send

    async def receive(self) -> Message:
        message = await self._receive()
        exchange = self._exchange
        if message["type"] == "http.disconnect" and not exchange.is_complete:
            exchange.is_cancelled = True
        return message

    async def send(self, message: Message) -> None:
        exchange = self._exchange
        kind = message["type"]
        if kind == "http.response.start":
            message = _with_id(message, exchange)
            exchange.status = message["status"]
        await _send_on(self._send, message, exchange)
        if kind == "http.response.body":
            exchange.sent_bytes += len(message.get("body", b""))
            if message.get("more_body"):
                exchange.is_streamed = True
            else:
                self._answered()
        elif kind == "http.response.pathsend":
            self._answered()

    def _answered(self) -> None:
        exchange = self._exchange
        if not exchange.is_cancelled:
            exchange.answered()
        # Behind an answer of 500 the exception is still on its way.
        if exchange.status is not None and exchange.status < 500:
            exchange.route = route_of(self._scope)
            exchange.log()

    async def answer_error(self) -> None:
        """Send what servers send for an exception, but with the id."""
        if self._exchange.error is None or self._exchange.status is not None:
            return
        start = {"type": "http.response.start", "status": 500}
        await self.send({**start, "headers": ERROR_HEADERS})
        await self.send({"type": "http.response.body", "body": ERROR_BODY})


class _Socket:
    """The channel of one WebSocket, watched."""

    __slots__ = ("_exchange", "_receive", "_send")

    def __init__(
        self, exchange: Exchange, scope: Scope, receive: Receive, send: Send
    ) -> None:
        exchange.event = "websocket_finished"
        self._exchange = exchange
        self._receive = receive
        self._send = send

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "websocket.disconnect":
            self._closed(message, NO_CODE)
        return message

    async def send(self, message: Message) -> None:
        exchange = self._exchange
        kind = message["type"]
        if kind in ("websocket.accept", "websocket.http.response.start"):
            message = _with_id(message, exchange)
            exchange.status = message.get("status", 101)
        await _send_on(self._send, message, exchange)
        if kind == "websocket.send":
            body = message.get("bytes") or message.get("text") or b""
            exchange.sent_bytes += len(body)
        elif kind == "websocket.close":
            # Closed before it is accepted: the server answers 403.
            exchange.status = exchange.status or 403
            self._closed(message, NORMAL)

    def _closed(self, message: Message, otherwise: int) -> None:
        code = message.get("code", otherwise)
        self._exchange.extra.setdefault("close_code", code)
        self._exchange.answered()

    async def answer_error(self) -> None:
        """Leave it to the server: there is no body to send."""


async def _send_on(send: Send, message: Message, exchange: Exchange) -> None:
    try:
        await send(message)
    except OSError:
        # How servers say that nobody listens any more.
        exchange.is_cancelled = True
        raise


def _with_id(message: Message, exchange: Exchange) -> Message:
    """Return *message* with the id among its headers, unless it has one."""
    name, value = exchange.header
    raw = name.lower().encode("latin-1")
    headers = list(message.get("headers") or ())
    if all(key.lower() != raw for key, _ in headers):
        headers.append((raw, value.encode("latin-1")))
    return {**message, "headers": headers}


def route_of(scope: Scope) -> str | None:
    """
    Return the template of the path, as the router of Starlette left it.

    Where a part with parameters is mounted, the router has put their values
    into ``root_path``; they are turned back into their names.
    """
    # Since FastAPI includes routers lazily, the route lacks their prefixes.
    effective = (scope.get("fastapi") or {}).get("effective_route_context")
    path = getattr(effective or scope.get("route"), "path_format", None)
    if not isinstance(path, str):
        return None
    before = scope.get("app_root_path", scope.get("root_path", ""))
    mounted = scope.get("root_path", "").removeprefix(before)
    if mounted:
        names = {str(v): k for k, v in scope.get("path_params", {}).items()}
        mounted = "/".join(
            f"{{{names[part]}}}" if part in names else part
            for part in mounted.split("/")
        )
    return f"{mounted}{path}"
