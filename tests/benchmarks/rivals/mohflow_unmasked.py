"""MohFlow with masking off."""

import standard
import structlog

import mohflow


PACKAGES = ("mohflow",)


def setup(folder):
    mohflow.configure(
        console=False, file=folder / "mohflow.log", masking=False
    )
    structlog.contextvars.bind_contextvars(**standard.CONTEXT)
    log = structlog.get_logger().bind(**standard.BOUND)
    return {"event": standard.loops(log)["event"]}
