"""structlog as its page on performance advises; no masking."""

import logging

import orjson
import standard
import structlog


PACKAGES = ("structlog", "orjson")


def setup(folder):
    structlog.configure(
        cache_logger_on_first_use=True,
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.format_exc_info,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(serializer=orjson.dumps),
        ],
        logger_factory=structlog.BytesLoggerFactory(
            file=(folder / "structlog.log").open("ab")
        ),
    )
    structlog.contextvars.bind_contextvars(**standard.CONTEXT)
    log = structlog.get_logger().bind(**standard.BOUND)
    return standard.loops(log)
