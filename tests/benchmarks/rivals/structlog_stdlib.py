"""structlog through the standard library's logging; no masking."""

import logging

import orjson
import standard
import structlog


PACKAGES = ("structlog", "orjson")


def setup(folder):
    shared = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    handler = logging.FileHandler(folder / "structlog-stdlib.log")
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(
                    serializer=lambda fields, **_: orjson.dumps(
                        fields
                    ).decode()
                ),
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=logging.INFO)
    structlog.configure(
        cache_logger_on_first_use=True,
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.processors.format_exc_info,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
    )
    structlog.contextvars.bind_contextvars(**standard.CONTEXT)
    log = structlog.get_logger().bind(**standard.BOUND)
    return {"event": standard.loops(log)["event"]}
