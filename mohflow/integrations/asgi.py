"""Any ASGI application: FastAPI, Starlette, Litestar, or one by hand."""

from __future__ import annotations

from collections.abc import (
    Awaitable,
    Callable,
    Iterable,
    Mapping,
    MutableMapping,
)
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
            name.encode("ascii"): name for name in self._policy.wanted
        }

    async def __call__(
        self, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Serve one request, one socket, or the lifespan."""
        watch = WATCHED.get(scope["type"])
        if watch is None or KEY in scope:
            await self.app(scope, receive, send)
            return
        exchange = self._exchange(watch, scope)
        exchange.watch(scope, receive, send)
        scope[KEY] = True  # not the exchange: that would be a cycle
        exchange.start()
        try:
            await self.app(scope, exchange.receive, exchange.send)
        except BaseException as error:
            exchange.fail(error)
            await exchange.answer_error()
            raise
        finally:
            if not exchange.is_finished:
                exchange.route = route_of(scope)
            exchange.finish()

    def _exchange(self, kind: type[_Channel], scope: Scope) -> _Channel:
        wanted = self._wanted
        headers: dict[str, str] = {}
        for raw, value in scope["headers"]:
            if raw in wanted:
                headers.setdefault(wanted[raw], value.decode("latin-1"))
        client, query = scope.get("client"), scope.get("query_string")
        return kind(
            self._policy,
            scope.get("method", "WEBSOCKET"),
            scope["path"],
            query.decode("latin-1") if query else "",
            client[0] if client else None,
            headers,
        )


class _Channel(Exchange):
    """An exchange that sees what goes through the channel of ASGI."""

    def watch(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._scope, self._receive, self._send = scope, receive, send

    async def receive(self) -> Message:
        raise NotImplementedError

    async def send(self, message: Message) -> None:
        raise NotImplementedError

    async def answer_error(self) -> None:
        """Send what servers send for an exception, but with the id."""

    def _with_id(self, message: Message) -> Message:
        """Return *message* with the id among its headers, if it has none."""
        raw = self._policy.raw_header
        headers = list(message.get("headers") or ())
        for key, _ in headers:
            if key.lower() == raw:
                return message
        headers.append((raw, self.correlation_id.encode("ascii")))
        return {**message, "headers": headers}


class _Http(_Channel):
    """One request."""

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.disconnect" and not self.is_complete:
            self.is_cancelled = True
        return message

    async def send(self, message: Message) -> None:
        kind = message["type"]
        if kind == "http.response.start":
            message = self._with_id(message)
            # What is sent to a client that is gone is no answer.
            self.status = None if self.is_cancelled else message["status"]
        try:
            await self._send(message)
        except OSError:
            # How servers say that nobody listens any more.
            self.is_cancelled = True
            raise
        if kind == "http.response.body":
            self.sent_bytes += len(message.get("body", b""))
            if message.get("more_body"):
                self.is_streamed = True
            else:
                self._answered()
        elif kind == "http.response.pathsend":
            self._answered()

    def _answered(self) -> None:
        if not self.is_cancelled:
            self.answered()
        # Behind an answer of 500 the exception is still on its way.
        if self.status is not None and self.status < 500:
            self.route = route_of(self._scope)
            self.log()

    async def answer_error(self) -> None:
        has_begun = self.status is not None or self.is_cancelled
        if self.error is None or has_begun:
            return
        start = {"type": "http.response.start", "status": 500}
        await self.send({**start, "headers": ERROR_HEADERS})
        await self.send({"type": "http.response.body", "body": ERROR_BODY})


class _Socket(_Channel):
    """One WebSocket."""

    event = "websocket_finished"

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "websocket.disconnect":
            self._closed(message, NO_CODE)
        return message

    async def send(self, message: Message) -> None:
        kind = message["type"]
        if kind in ("websocket.accept", "websocket.http.response.start"):
            message = self._with_id(message)
            self.status = message.get("status", 101)
        try:
            await self._send(message)
        except OSError:
            # How servers say that nobody listens any more.
            self.is_cancelled = True
            raise
        if kind == "websocket.send":
            body = message.get("bytes") or message.get("text") or b""
            self.sent_bytes += len(body)
        elif kind == "websocket.close":
            # Closed before it is accepted: the server answers 403.
            self.status = self.status or 403
            self._closed(message, NORMAL)

    def _closed(self, message: Message, otherwise: int) -> None:
        self.extra.setdefault("close_code", message.get("code", otherwise))
        self.answered()


WATCHED: Mapping[str, type[_Channel]] = {"http": _Http, "websocket": _Socket}
"""The kinds of scopes that are told of; the others pass through."""


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
