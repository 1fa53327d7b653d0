"""loguru with ``serialize=True``; no masking."""

import loguru
import standard


PACKAGES = ("loguru",)


def setup(folder):
    log = loguru.logger
    log.remove()
    log.add(folder / "loguru.log", serialize=True, level="INFO")
    log.configure(extra={**standard.BOUND, **standard.CONTEXT})

    def event(first, last):
        for n in range(first, last):
            log.bind(
                method="password",
                duration_ms=12.34,
                path=f"/api/v1/login/{n}",
            ).info("user.login")

    return {"event": event}
