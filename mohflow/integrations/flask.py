"""Flask: ``init_app(app)`` after ``app = Flask(__name__)``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from mohflow.integrations._claims import CURRENT
from mohflow.integrations._http import HEADERS, QUIET, Exchange
from mohflow.integrations._missing import missing
from mohflow.integrations.wsgi import MohflowMiddleware


try:
    from flask import (
        Flask,
        got_request_exception,
        request,
        request_started,
    )
except ImportError as error:
    raise missing(extra="flask") from error


class _FlaskMiddleware(MohflowMiddleware):
    """What Flask does not handle itself is for its debugger, or for a test."""

    reraises = True


def init_app(
    app: Flask,
    *,
    headers: Iterable[str] = HEADERS,
    quiet: Iterable[str] = QUIET,
) -> None:
    """
    Put the middleware around *app*, and take over its unhandled exceptions.

    Flask's own line of such an exception still reaches the handlers of the
    program, but is no event of its own: the access event shows it.

    Args:
        app: The application.
        headers: Where a correlation id may come in, by preference; the answer
            has the first.
        quiet: Paths whose answers below 400 are told at level debug.
    """
    app.wsgi_app = _FlaskMiddleware(  # type: ignore[method-assign]
        app.wsgi_app, headers=headers, quiet=quiet
    )
    request_started.connect(_note_route, app)
    got_request_exception.connect(_take_over, app)


def _note_route(sender: Any, **_: Any) -> None:
    exchange, rule = CURRENT.get(), request.url_rule
    if isinstance(exchange, Exchange) and rule is not None:
        exchange.route = rule.rule


def _take_over(sender: Any, exception: Exception, **_: Any) -> None:
    exchange = CURRENT.get()
    if isinstance(exchange, Exchange):
        exchange.fail(exception)
