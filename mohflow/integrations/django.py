"""Django: the first entry of ``MIDDLEWARE``, under WSGI and under ASGI."""

from __future__ import annotations

import sys

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

from mohflow.exceptions import ConfigurationError
from mohflow.integrations._claims import CURRENT
from mohflow.integrations._environ import Environ
from mohflow.integrations._http import HEADERS, QUIET, Exchange, Policy
from mohflow.integrations._missing import missing


try:
    from asgiref.sync import iscoroutinefunction, markcoroutinefunction
    from django.conf import settings
    from django.core.signals import got_request_exception
    from django.http import HttpRequest
    from django.http.response import HttpResponseBase
except ImportError as error:
    raise missing(extra="django") from error


OPTIONS = ("headers", "quiet")
"""What the setting ``MOHFLOW`` may hold, as the other integrations name it."""


class MohflowMiddleware:
    """
    Give each request an id and a context of its own, and tell how it ended.

    Put ``"mohflow.integrations.django.MohflowMiddleware"`` first into
    ``MIDDLEWARE``. The setting ``MOHFLOW`` may be a dictionary with
    ``headers`` and ``quiet``.

    The access event is written when the server closes the response, so that
    it knows how a stream ended, and has ``user_id`` where the request's user
    is known without asking the database.
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[..., Any]) -> None:
        self._get_response = get_response
        self._environ = Environ(_policy())
        got_request_exception.connect(_take_over)
        self._is_async = bool(iscoroutinefunction(get_response))
        if self._is_async:
            markcoroutinefunction(self)

    def __call__(
        self, request: HttpRequest
    ) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        """Serve one request."""
        exchange = self._environ.exchange(request.META, request.path)
        if self._is_async:
            return self._serve(exchange, request)
        exchange.start()
        try:
            response = self._get_response(request)
        except BaseException as error:
            self._give_up(exchange, request, error)
            raise
        return _followed(exchange, request, response)

    async def _serve(
        self, exchange: Exchange, request: HttpRequest
    ) -> HttpResponseBase:
        exchange.start()
        try:
            response = await self._get_response(request)
        except BaseException as error:
            self._give_up(exchange, request, error)
            raise
        return _followed(exchange, request, response)

    @staticmethod
    def _give_up(
        exchange: Exchange, request: HttpRequest, error: BaseException
    ) -> None:
        exchange.fail(error)
        _settle(exchange, request)
        exchange.finish()


def _policy() -> Policy:
    given = getattr(settings, "MOHFLOW", {})
    unknown = sorted(set(given) - set(OPTIONS))
    if unknown:
        msg = (
            f"MOHFLOW in Django's settings cannot have {unknown[0]!r}. "
            f"Known: {', '.join(OPTIONS)}."
        )
        raise ConfigurationError(msg)
    return Policy(given.get("headers", HEADERS), given.get("quiet", QUIET))


def _take_over(sender: Any, **_: Any) -> None:
    """Note what Django answers with its page for errors."""
    exchange, error = CURRENT.get(), sys.exc_info()[1]
    if isinstance(exchange, Exchange) and error is not None:
        exchange.fail(error)


def _settle(exchange: Exchange, request: HttpRequest) -> None:
    """Fill in what only the end of a request knows."""
    exchange.route = _route_of(request)
    user = _known_user(request)
    if user is not None and user.pk is not None:
        exchange.extra["user_id"] = str(user.pk)


def _route_of(request: HttpRequest) -> str | None:
    match = request.resolver_match
    return None if match is None else "/" + match.route.removeprefix("/")


def _known_user(request: HttpRequest) -> Any:
    """Return the user if somebody has asked for it; REST framework sets it."""
    attributes = vars(request)
    for name in ("_cached_user", "_acached_user"):
        if name in attributes:
            return attributes[name]
    user = attributes.get("user")
    # Django's own is lazy: it would ask the session and the database.
    return None if hasattr(user, "_setupfunc") else user


def _followed(
    exchange: Exchange, request: HttpRequest, response: Any
) -> HttpResponseBase:
    """Return *response* with the id; its end becomes the access event."""
    response.headers.setdefault(*exchange.header)
    exchange.status = response.status_code
    if response.streaming:
        exchange.is_streamed = True
        follow = _parts_of_async if response.is_async else _parts_of
        # Under ASGI a stream that fails is never closed.
        exchange.route = _route_of(request)
        response.streaming_content = follow(
            exchange, response.streaming_content
        )
    else:
        exchange.sent_bytes = len(response.content)
        exchange.answered()
    close = response.close

    def close_and_tell() -> None:
        try:
            close()
        finally:
            exchange.is_cancelled |= not exchange.is_complete
            _settle(exchange, request)
            exchange.finish()

    response.close = close_and_tell
    made: HttpResponseBase = response
    return made


def _parts_of(exchange: Exchange, parts: Iterator[bytes]) -> Iterator[bytes]:
    try:
        for part in parts:
            exchange.sent_bytes += len(part)
            yield part
    except Exception as error:
        exchange.fail(error)
        exchange.log()
        raise
    exchange.answered()


async def _parts_of_async(
    exchange: Exchange, parts: AsyncIterator[bytes]
) -> AsyncIterator[bytes]:
    try:
        async for part in parts:
            exchange.sent_bytes += len(part)
            yield part
    except Exception as error:
        exchange.fail(error)
        exchange.log()
        raise
    exchange.answered()
