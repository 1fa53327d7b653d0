"""MohFlow with Loki alone, and how long single calls take."""

import os
import time

import standard
import structlog

import mohflow


PACKAGES = ("mohflow", "httpx")


def setup(folder):
    mohflow.configure(
        console=False,
        loki=mohflow.LokiOptions(
            url=os.environ["BENCH_LOKI"],
            queue_bytes=os.environ.get("BENCH_QUEUE", "32 MiB"),
            queue_events=200_000,
            timeout=5,
        ),
    )
    structlog.contextvars.bind_contextvars(**standard.CONTEXT)
    log = structlog.get_logger().bind(**standard.BOUND)
    return {
        "event": standard.loops(log)["event"],
        "settle": lambda *_: mohflow.flush(120),
        "calls": lambda *span: calls(log, *span),
        "ledger": lambda *_: counts(),
        "memory": lambda *_: resident(),
    }


def calls(log, first, last):
    """Return the quantiles of single calls, paced as a service would."""
    spent = []
    clock = time.perf_counter_ns
    n = first
    while n < last:
        started = clock()
        log.info(
            "user.login",
            method="password",
            duration_ms=12.34,
            path=f"/api/v1/login/{n}",
        )
        spent.append(clock() - started)
        n += 1
        if n % 20 == 0:
            time.sleep(0.002)
    spent.sort()
    return {
        name: spent[int(len(spent) * share)]
        for name, share in (("p50", 0.5), ("p99", 0.99), ("p999", 0.999))
    }


def counts():
    ledger = mohflow.ledger()["loki"]
    return {
        "accepted": ledger.accepted,
        "delivered": ledger.delivered,
        "dropped": dict(ledger.dropped),
    }


def resident():
    """Return the bytes of memory that this process has now."""
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")
