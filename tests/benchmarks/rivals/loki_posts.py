"""What nothing can undercut: finished bodies posted one after the other."""

import os
import time

import httpx
import orjson
import standard

from mohflow.sinks._loki_encode import compress


PACKAGES = ("httpx",)
BATCH = 1000


def setup(folder):
    url = os.environ["BENCH_LOKI"] + "/loki/api/v1/push"
    client = httpx.Client()
    ready = []

    def body(first, count):
        now = time.time_ns()
        entries = []
        for n in range(first, first + count):
            fields = {**standard.FINISHED, "path": f"/api/v1/login/{n}"}
            line = orjson.dumps(fields).decode()
            entries.append([str(now + n), line, standard_metadata()])
        return compress({"service_name": "shop"}, entries)

    def prepare(first, last):
        ready[:] = [
            body(n, min(BATCH, last - n)) for n in range(first, last, BATCH)
        ]

    def event(first, last):
        headers = {
            "Content-Type": "application/json",
            "Content-Encoding": "gzip",
        }
        for content in ready:
            answer = client.post(url, content=content, headers=headers)
            if answer.status_code != 204:
                raise SystemExit(answer.text)

    return {"event": event, "prepare": prepare, "settle": lambda *_: None}


def standard_metadata():
    return {"level": "info", "correlation_id": standard.CORRELATION_ID}
