"""MohFlow with a file and a Loki that stores."""

import os

import standard
import structlog

import mohflow


PACKAGES = ("mohflow",)


def setup(folder):
    mohflow.configure(
        console=False,
        file=folder / "mohflow.log",
        loki=os.environ["BENCH_LOKI"],
    )
    structlog.contextvars.bind_contextvars(**standard.CONTEXT)
    log = structlog.get_logger().bind(**standard.BOUND)
    return {
        "event": standard.loops(log)["event"],
        "settle": lambda *_: mohflow.flush(60),
    }
