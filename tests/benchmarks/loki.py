"""Loki: from log call to stored, what it costs the caller, and memory."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time

from pathlib import Path
from statistics import median

from chain import Process
from environments import Missing, environment


SERVER = Path(__file__).with_name("loki_server.py")
EVENTS = 100_000
MANY = 1_000_000
MiB = 1024 * 1024

SENDERS = {
    "loki_posts": EVENTS,
    "mohflow_only_loki": EVENTS,
    "loki_logger_handler": 20_000,
    "python_logging_loki": 500,
}
"""Who sends, and how many events; the slow ones are stopped early."""

SENDER_NAMES = {
    "loki_posts": "the limit: finished bodies, posted by httpx",
    "mohflow_only_loki": "MohFlow, from log call to stored",
    "loki_logger_handler": "loki-logger-handler",
    "python_logging_loki": "python-logging-loki",
}


@contextlib.contextmanager
def server(python, kind):
    """Give the URL of a server, and a function that counts its entries."""
    process = subprocess.Popen(
        [environment(python, "loki_server"), SERVER, kind],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )

    def count():
        process.stdin.write("\n")
        process.stdin.flush()
        return int(process.stdout.readline())

    try:
        yield process.stdout.readline().strip(), count
    finally:
        process.stdin.close()
        process.kill()
        process.wait()
        process.stdout.close()


def _sender(python, rival, folder, url, **more):
    environ = {**os.environ, "BENCH_LOKI": url, **more}
    return Process(python, rival, folder, environ)


def throughput(python, folder, kind, rival):
    """Return events a second that were stored."""
    count = SENDERS[rival]
    with (
        server(python, kind) as (url, stored),
        _sender(
            python,
            rival,
            folder / kind / rival,
            url,
            BENCH_QUEUE="256 MiB",  # what is measured is no loss
        ) as sender,
    ):
        if "prepare" in sender.about["measures"]:
            sender.measure("prepare", count)
        started = time.perf_counter()
        sender.measure("event", count)
        sender.measure("settle", 1)
        deadline = started + 60
        while rival == "loki_logger_handler" and stored() < count:
            if time.perf_counter() > deadline:
                raise Missing("not all events were stored in a minute")
        seconds = time.perf_counter() - started
        found = stored()
    if found < count:
        raise Missing(f"stored {found} of {count} events")
    return round(count / seconds)


def caller(python, folder, rounds):
    """Return nanoseconds of the calling thread, without and with Loki."""
    times = {"file": [], "file and loki": []}
    with server(python, "accept") as (url, _):
        rivals = (("file", "mohflow_file"), ("file and loki", "mohflow_loki"))
        with contextlib.ExitStack() as stack:
            processes = {
                name: stack.enter_context(
                    _sender(python, rival, folder / f"{rival}-caller", url)
                )
                for name, rival in rivals
            }
            for number in range(rounds + 1):
                for name, process in processes.items():
                    found = process.measure("event", 5000)
                    if name != "file":
                        process.measure("settle", 1)
                    if number:
                        times[name].append(round(found["thread"], 1))
    return times


def latency(python, folder, rounds):
    """Return the quantiles of single calls, Loki up and black-holed."""
    quantiles = {"accept": [], "swallow": []}
    with contextlib.ExitStack() as stack:
        processes = {}
        for kind in quantiles:
            url, _ = stack.enter_context(server(python, kind))
            place = folder / f"latency-{kind}"
            processes[kind] = stack.enter_context(
                _sender(python, "mohflow_only_loki", place, url)
            )
        for number in range(rounds + 1):
            for kind, process in processes.items():
                found = process.measure("calls", 10_000)["found"]
                if number:
                    quantiles[kind].append(found)
    return quantiles


def memory(python, folder):
    """Return bytes: idle, the most of a million events, and the cap."""
    with (
        server(python, "swallow") as (url, _),
        _sender(python, "mohflow_only_loki", folder / "memory", url) as sender,
    ):
        sender.measure("event", 100)
        idle = sender.measure("memory", 1)["found"]
        peaks = []
        for _ in range(20):
            sender.measure("event", MANY // 20)
            peaks.append(sender.measure("memory", 1)["found"])
        ledger = sender.measure("ledger", 1)["found"]
    return {"idle": idle, "peaks": peaks, "cap": 32 * MiB, "ledger": ledger}


def measure(python, folder, rounds):
    """Return all of it."""
    rates, missing = {}, {}
    for kind in ("accept", "store"):
        for number in range(2):
            for rival in SENDERS:
                slow = rival in ("loki_logger_handler", "python_logging_loki")
                if slow and (number or kind == "store"):
                    continue
                try:
                    rate = throughput(python, folder, kind, rival)
                except Missing as error:
                    missing[f"{kind} {rival}"] = str(error)
                else:
                    rates.setdefault(f"{kind} {rival}", []).append(rate)
    return {
        "rates": rates,
        "missing": missing,
        "caller": caller(python, folder, rounds),
        "latency": latency(python, folder, 7),
        "memory": memory(python, folder),
    }


def added(times):
    """Return the nanoseconds that Loki adds, rounds compared in pairs."""
    pairs = zip(times["file and loki"], times["file"], strict=True)
    return median(both - one for both, one in pairs)


def p99_ratio(quantiles):
    """Return the 99th percentile black-holed, as a multiple of up."""
    down, up = (
        median(found["p99"] for found in quantiles[kind])
        for kind in ("swallow", "accept")
    )
    return down / up
