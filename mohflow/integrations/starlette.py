"""Starlette: ``init_app(app)`` after ``app = Starlette(...)``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from mohflow.integrations._http import HEADERS, QUIET
from mohflow.integrations._missing import missing
from mohflow.integrations.asgi import MohflowMiddleware


try:
    from starlette.applications import Starlette
except ImportError as error:
    raise missing(extra="starlette") from error


def init_app(
    app: Starlette,
    *,
    headers: Iterable[str] = HEADERS,
    quiet: Iterable[str] = QUIET,
) -> None:
    """
    Put the middleware around all others of *app*, the error pages included.

    ``app.add_middleware()`` would put it inside of the one that answers
    exceptions, whose answers then had no id.

    Args:
        app: The application, before it has served anything.
        headers: Where a correlation id may come in, by preference; the answer
            has the first.
        quiet: Paths whose answers below 400 are told at level debug.

    Raises:
        RuntimeError: The application has started.
    """
    if app.middleware_stack is not None:
        msg = "init_app() comes too late: the application has started."
        raise RuntimeError(msg)
    options = {"headers": tuple(headers), "quiet": tuple(quiet)}
    build = app.build_middleware_stack

    def build_outermost() -> Any:
        return MohflowMiddleware(build(), **options)

    app.build_middleware_stack = build_outermost  # type: ignore[method-assign]
