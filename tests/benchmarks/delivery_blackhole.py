"""
How long log calls take, and how late an asyncio loop is, by what Loki does.

Prints JSON: milliseconds of 10,000 calls with a Loki that answers, with one
that takes connections and never answers, and with one that takes none, and
the lateness of a loop with them and in the same program without a log call;
each in a process of its own, in turn, the best of the rounds. What counts are
the ratios: milliseconds depend on the machine and on its other work. Run::

    python tests/benchmarks/delivery_blackhole.py [rounds]
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import tempfile
import time

import structlog

import mohflow

from mohflow.testing import LokiServer


CALLS = 10_000

SILENCE = "no log call"


def percentiles(seconds: list[float]) -> dict[str, float]:
    ordered = sorted(seconds)
    return {
        "p50": round(ordered[len(ordered) // 2] * 1e3, 4),
        "p99": round(ordered[len(ordered) * 99 // 100] * 1e3, 4),
        "max": round(ordered[-1] * 1e3, 3),
    }


def calls() -> dict[str, float]:
    log = structlog.get_logger()
    took = []
    for number in range(CALLS):
        started = time.perf_counter()
        log.info("user.login", method="password", number=number)
        took.append(time.perf_counter() - started)
    return percentiles(took)


async def loop_lag(*, is_logging: bool) -> dict[str, float]:
    """Log 1000 events a second for five seconds; see how late a tick is."""
    log = structlog.get_logger()
    late: list[float] = []

    async def tick() -> None:
        while True:
            wanted = time.perf_counter() + 0.005
            await asyncio.sleep(0.005)
            late.append(max(0.0, time.perf_counter() - wanted))

    ticking = asyncio.create_task(tick())
    for number in range(5000):
        if is_logging:
            log.info("user.login", method="password", number=number)
        if number % 5 == 0:
            await asyncio.sleep(0.005)
    ticking.cancel()
    return percentiles(late)


def measure_silence() -> None:
    figures = {"loop_lag_ms": asyncio.run(loop_lag(is_logging=False))}
    sys.stdout.write(json.dumps(figures))


def measure(url: str, durability: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        mohflow.configure(
            mohflow.Settings(shutdown_timeout=0.1),
            console=False,
            loki=mohflow.LokiOptions(url=url, durability=durability),
            spool_dir=folder,
        )
        structlog.get_logger().info("warm")
        figures = {
            "call_ms": calls(),
            "loop_lag_ms": asyncio.run(loop_lag(is_logging=True)),
        }
        mohflow.shutdown(0.1)
    sys.stdout.write(json.dumps(figures))


def in_a_process(*arguments: str) -> dict[str, dict[str, float]]:
    done = subprocess.run(
        [sys.executable, __file__, "measure", *arguments],
        check=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    return json.loads(done.stdout)


def ratios(best: dict[str, dict[str, dict[str, float]]]) -> dict[str, dict]:
    """Return each p99 as a multiple of that without calls, or with Loki up."""
    silent = best[SILENCE]["loop_lag_ms"]["p99"]
    found = {}
    for key, figures in best.items():
        if key == SILENCE:
            continue
        up = best["up, " + key.rpartition(", ")[2]]
        lag, call = figures["loop_lag_ms"]["p99"], figures["call_ms"]["p99"]
        found[key] = {
            "loop_lag, no log call = 1": round(lag / silent, 2),
            "loop_lag, up = 1": round(lag / up["loop_lag_ms"]["p99"], 2),
            "call, up = 1": round(call / up["call_ms"]["p99"], 2),
        }
    return found


def main(rounds: int) -> None:
    results: dict[str, list] = {}
    with (
        LokiServer() as up,
        socket.create_server(("127.0.0.1", 0)) as hole,
        socket.socket() as full,
    ):
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
        urls = {
            "up": up.url,
            "never answers": f"http://127.0.0.1:{hole.getsockname()[1]}",
            "never accepts": f"http://127.0.0.1:{full.getsockname()[1]}",
        }
        for _ in range(rounds):
            results.setdefault(SILENCE, []).append(in_a_process())
            for name, url in urls.items():
                for durability in ("memory", "spool", "wal"):
                    key = f"{name}, {durability}"
                    figures = in_a_process(url, durability)
                    results.setdefault(key, []).append(figures)
        for filler in fillers:
            filler.close()
    best = {
        key: {
            what: min((r[what] for r in rs), key=lambda figure: figure["p99"])
            for what in rs[0]
        }
        for key, rs in results.items()
    }
    machine = {"python": sys.version.split()[0], "cpus": os.cpu_count()}
    report = {"machine": machine, "best": best, "ratios": ratios(best)}
    text = json.dumps(report, indent=1)
    sys.stdout.write(text + "\n")


if __name__ == "__main__":
    if sys.argv[1:2] == ["measure"]:
        if sys.argv[2:]:
            measure(*sys.argv[2:])
        else:
            measure_silence()
    else:
        main(int((*sys.argv[1:], "3")[0]))
