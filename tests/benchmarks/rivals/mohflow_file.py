"""MohFlow as it comes: masking on, one file."""

import standard
import structlog

import mohflow


PACKAGES = ("mohflow", "structlog", "orjson", "pydantic")


def setup(folder):
    mohflow.configure(console=False, file=folder / "mohflow.log")
    structlog.contextvars.bind_contextvars(**standard.CONTEXT)
    log = structlog.get_logger().bind(**standard.BOUND)
    return standard.loops(log)
