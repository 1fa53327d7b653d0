"""FastAPI: ``init_app(app)`` after ``app = FastAPI()``."""

from __future__ import annotations

from collections.abc import Iterable

from mohflow.integrations import starlette
from mohflow.integrations._http import HEADERS, QUIET
from mohflow.integrations._missing import missing


try:
    from fastapi import FastAPI
except ImportError as error:
    raise missing(extra="fastapi") from error


def init_app(
    app: FastAPI,
    *,
    headers: Iterable[str] = HEADERS,
    quiet: Iterable[str] = QUIET,
) -> None:
    """
    Put the middleware around all others of *app*, the error pages included.

    Args:
        app: The application, before it has served anything.
        headers: Where a correlation id may come in, by preference; the answer
            has the first.
        quiet: Paths whose answers below 400 are told at level debug.

    Raises:
        RuntimeError: The application has started.
    """
    starlette.init_app(app, headers=headers, quiet=quiet)
