"""The standard library's logging with python-json-logger; no masking."""

import logging

import standard

from pythonjsonlogger.orjson import OrjsonFormatter


PACKAGES = ("python-json-logger", "orjson")


def setup(folder):
    handler = logging.FileHandler(folder / "python-json-logger.log")
    handler.setFormatter(
        OrjsonFormatter(
            "%(asctime)s %(levelname)s %(message)s",
            static_fields={**standard.BOUND, **standard.CONTEXT},
        )
    )
    log = logging.getLogger("shop")
    log.addHandler(handler)
    log.setLevel(logging.INFO)

    def event(first, last):
        for n in range(first, last):
            log.info(
                "user.login",
                extra={
                    "method": "password",
                    "duration_ms": 12.34,
                    "path": f"/api/v1/login/{n}",
                },
            )

    return {"event": event}
