"""The figures that must be reached, and whether they were."""

from __future__ import annotations

import loki
import masking
import start

from chain import ratio


MiB = 1024 * 1024


def judged(found):
    """Yield for each bar: what, the figure, the bar, whether it is met."""
    ns = found["chain"]["ns"]
    chain = ratio(ns, "mohflow_file event", "limit event")[1]
    by_hand = ratio(ns, "mohflow_file event", "structlog_native event")[1]
    yield "full chain, masked, to a file / the limit", chain, 4.0
    yield "the same / structlog by hand, not masked", by_hand, 1.0
    yield (
        "filtered-out call / structlog's no-op",
        ratio(ns, "mohflow_file filtered", "structlog_native filtered")[1],
        1.2,
    )
    yield (
        "await log.ainfo() / log.info()",
        ratio(ns, "mohflow_file ainfo", "mohflow_file event")[1],
        1.5,
    )
    if "start" in found:
        yield (
            "import and configure / structlog and pydantic-settings",
            start.ratio(found["start"]),
            1.3,
        )
    if "masking" in found:
        yield from _masking(found["masking"])
    if "loki" in found:
        yield from _loki(found["loki"])


def _masking(found):
    _, taken = masking.slowest(found["mohflow_re2"], "clean")
    # 100 MB/s.
    yield "us to mask 10 kB, the slowest clean text, with RE2", taken, 100
    for name, title in masking.VARIANTS.items():
        _, taken = masking.slowest(found[name], "hostile")
        yield f"ms to mask 1 MB, the slowest hostile text, {title}", taken, 50


def _loki(found):
    yield (
        "microseconds of the caller for Loki beside a file",
        loki.added(found["caller"]) / 1000,
        2.5,
    )
    limit = found["rates"]["store loki_posts"]
    ours = found["rates"].get("store mohflow_only_loki", [1e-9])
    yield (
        "finished bodies posted by httpx / log call to stored",
        max(limit) / max(ours),
        2.0,
    )
    yield (
        "99th percentile of a call, Loki black-holed / Loki up",
        loki.p99_ratio(found["latency"]),
        1.2,
    )
    memory = found["memory"]
    yield (
        "MiB over idle, a million events, Loki down, queue of 32 MiB",
        (max(memory["peaks"]) - memory["idle"]) / MiB,
        (memory["cap"] + 24 * MiB) / MiB,
    )
