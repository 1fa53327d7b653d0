"""The mohflow of 2025 on PyPI, version 1.1.2; its masking misses messages."""

import logging
import sys

import standard

from mohflow import MohflowLogger


PACKAGES = ("mohflow",)


def setup(folder):
    log = MohflowLogger(
        service_name="shop",
        environment="production",
        console_logging=False,
        file_logging=True,
        log_file_path=str(folder / "mohflow-1.log"),
    )
    logging.raiseExceptions = False

    def event(first, last):
        for n in range(first, last):
            log.info(
                "user.login",
                method="password",
                duration_ms=12.34,
                path=f"/api/v1/login/{n}",
                **standard.CONTEXT,
            )

    sys.stdout.flush()
    return {"event": event}
