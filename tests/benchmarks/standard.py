"""
The standard event, and the loops that log it.

``log.info("user.login", method="password", duration_ms=12.34, path=...)`` on a
logger bound to a service and an environment, with a correlation id and a user
in contextvars. Each loop takes the numbers of its first event and of the one
behind its last.
"""

from __future__ import annotations

import asyncio


CORRELATION_ID = "9f2b41d6c05e4a7b8d13e6f09a72c4b8"
BOUND = {"service": "shop", "environment": "prod"}
CONTEXT = {"correlation_id": CORRELATION_ID, "user_id": 42}
FINISHED = {
    "timestamp": "2026-11-24T03:19:01.123456Z",
    "level": "info",
    "event": "user.login",
    **BOUND,
    **CONTEXT,
    "method": "password",
    "duration_ms": 12.34,
    "path": "/api/v1/login/0",
}


def loops(log):
    """Return what can be measured of a logger with structlog's methods."""

    def event(first, last):
        for n in range(first, last):
            log.info(
                "user.login",
                method="password",
                duration_ms=12.34,
                path=f"/api/v1/login/{n}",
            )

    def filtered(first, last):
        for n in range(first, last):
            log.debug(
                "user.login",
                method="password",
                duration_ms=12.34,
                path=f"/api/v1/login/{n}",
            )

    def ainfo(first, last):
        async def main():
            for n in range(first, last):
                await log.ainfo(
                    "user.login",
                    method="password",
                    duration_ms=12.34,
                    path=f"/api/v1/login/{n}",
                )

        asyncio.run(main())

    return {"event": event, "filtered": filtered, "ainfo": ainfo}
