"""picologging; it has no JSON and no fields, so the line is text."""

import picologging
import standard


PACKAGES = ("picologging",)


def setup(folder):
    handler = picologging.FileHandler(folder / "picologging.log")
    handler.setFormatter(
        picologging.Formatter("%(asctime)s %(levelname)s %(message)s")
    )
    log = picologging.Logger("shop", picologging.INFO)
    log.addHandler(handler)
    known = " ".join(
        f"{name}={value}"
        for name, value in {**standard.BOUND, **standard.CONTEXT}.items()
    )

    def event(first, last):
        for n in range(first, last):
            log.info(
                "user.login %s method=password duration_ms=12.34 path=%s",
                known,
                f"/api/v1/login/{n}",
            )

    return {"event": event}
