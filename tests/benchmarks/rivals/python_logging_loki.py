"""python-logging-loki: one request for each record, in the caller."""

import logging
import os

import logging_loki
import standard


PACKAGES = ("python-logging-loki",)


def setup(folder):
    handler = logging_loki.LokiHandler(
        url=os.environ["BENCH_LOKI"] + "/loki/api/v1/push",
        tags=standard.BOUND,
        version="1",
    )
    log = logging.getLogger("shop")
    log.addHandler(handler)
    log.setLevel(logging.INFO)

    def event(first, last):
        for n in range(first, last):
            log.info("user.login path=%s", f"/api/v1/login/{n}")

    return {"event": event, "settle": lambda *_: None}
