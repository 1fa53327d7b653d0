"""
What a request costs in the middleware itself, without a server around it.

Runs in the environment of web.py, which prints it; stdout is the log. The
parts take turns; the fastest round of each counts, as CPU microseconds.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time

from asgi_correlation_id import CorrelationIdMiddleware

import mohflow

from mohflow.integrations.asgi import MohflowMiddleware


ROUNDS, COUNT = 30, 500

HEADERS = [
    (b"host", b"127.0.0.1"),
    (b"user-agent", b"benchmark"),
    (b"accept", b"*/*"),
]

LINE = b"x" * 311 + b"\n"

FIELDS = {
    "method": "GET",
    "route": "/items/{number}",
    "path": "/items/1",
    "status": 200,
    "client": "127.0.0.1",
    "bytes": 4,
    "user_agent": "benchmark",
}


async def bare(scope, receive, send):
    start = {"type": "http.response.start", "status": 200}
    headers = [(b"content-length", b"4"), (b"content-type", b"text/plain")]
    await send({**start, "headers": headers})
    await send({"type": "http.response.body", "body": b'"ok"'})


async def receive():
    return {"type": "http.request"}


async def send(message):
    pass


def requests(app):
    async def serve():
        for _ in range(COUNT):
            scope = {"type": "http", "method": "GET", "path": "/items/1"}
            scope |= {"headers": list(HEADERS), "client": ("127.0.0.1", 1)}
            await app(scope, receive, send)

    return lambda: asyncio.run(serve())


def events():
    log = mohflow.get_logger("mohflow.access")
    for number in range(COUNT):
        with mohflow.UnitOfWork(correlation_id=os.urandom(16).hex()):
            log.info("request_finished", duration_ms=number / 8, **FIELDS)


def lines():
    for _ in range(COUNT):
        os.write(1, LINE)


def main():
    mohflow.configure(console=mohflow.ConsoleOptions(format="json"))
    parts = {
        "no middleware": requests(bare),
        "asgi-correlation-id, which writes nothing": requests(
            CorrelationIdMiddleware(bare)
        ),
        "MohFlow": requests(MohflowMiddleware(bare)),
        "of it: a context, and the access event in it": events,
        "of that: one os.write of the line": lines,
    }
    best = dict.fromkeys(parts, float("inf"))
    for _ in range(ROUNDS):
        for name, work in parts.items():
            begun = time.process_time()
            work()
            passed = (time.process_time() - begun) / COUNT * 1e6
            best[name] = round(min(best[name], passed), 2)
    json.dump(best, sys.stderr)


if __name__ == "__main__":
    main()
