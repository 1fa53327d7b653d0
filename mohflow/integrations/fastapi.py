"""FastAPI: ``init_app(app)`` after ``app = FastAPI()``."""

from __future__ import annotations

from mohflow.integrations._missing import missing


try:
    import fastapi  # noqa: F401 - named if it is missing
except ImportError as error:
    raise missing(extra="fastapi") from error

from mohflow.integrations.starlette import init_app


__all__ = ["init_app"]
