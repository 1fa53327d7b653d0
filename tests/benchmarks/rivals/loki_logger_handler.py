"""loki-logger-handler: a thread of its own, gzip, no bound on its queue."""

import logging
import os

import standard

from loki_logger_handler.loki_logger_handler import LokiLoggerHandler


PACKAGES = ("loki-logger-handler",)


def setup(folder):
    handler = LokiLoggerHandler(
        url=os.environ["BENCH_LOKI"] + "/loki/api/v1/push",
        labels=standard.BOUND,
        timeout=1,
        compressed=True,
    )
    log = logging.getLogger("shop")
    log.addHandler(handler)
    log.setLevel(logging.INFO)

    def event(first, last):
        for n in range(first, last):
            log.info(
                "user.login",
                extra={
                    **standard.CONTEXT,
                    "method": "password",
                    "duration_ms": 12.34,
                    "path": f"/api/v1/login/{n}",
                },
            )

    return {"event": event, "settle": lambda *_: None}
