"""The log call: each rival in its process, one round after the other."""

from __future__ import annotations

import json
import subprocess

from contextlib import ExitStack
from pathlib import Path
from statistics import median

from environments import Missing, environment


WORKER = Path(__file__).with_name("worker.py")

RIVALS = {
    "limit": "the limit: orjson of the finished dict, one write",
    "mohflow_file": "MohFlow, masking on",
    "mohflow_unmasked": "MohFlow, masking off",
    "structlog_native": "structlog by hand, no masking",
    "python_json_logger": "logging + python-json-logger, no masking",
    "structlog_stdlib": "structlog through logging, no masking",
    "loguru_json": "loguru, serialize=True, no masking",
    "picologging_text": "picologging, text, no fields, no masking",
    "mohflow_1": "mohflow 1.1.2",
}
"""Who takes part, and how the table calls them."""

OTHER_MEASURES = {
    "filtered": ("mohflow_file", "structlog_native"),
    "ainfo": ("mohflow_file", "structlog_native"),
}
COUNTS = {"event": 8000, "filtered": 100_000, "ainfo": 8000}
SLOW = {"mohflow_1": 8, "loguru_json": 3, "structlog_native ainfo": 8}
"""These log fewer events in a round, as many times fewer."""

CLOCKS = {"structlog_native ainfo": "wall"}
"""It works in another thread; the others are charged with the CPU time of
theirs, which other programs on the machine hardly change."""


class Process:
    """A rival at work."""

    def __init__(self, python, rival, folder, environ=None):
        self.rival = rival
        folder.mkdir(parents=True, exist_ok=True)
        self._process = subprocess.Popen(
            [environment(python, rival), WORKER, rival, folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            cwd=folder,
            env=environ,
        )
        self.about = self._answer()

    def _answer(self):
        line = self._process.stdout.readline()
        if not line:
            self.close()
            raise Missing(f"{self.rival} ended with an error")
        return json.loads(line)

    def measure(self, what, count):
        self._process.stdin.write(f"{what} {count}\n")
        self._process.stdin.flush()
        return self._answer()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._process.stdout.close()


def measure(python, folder, rounds):
    """Return nanoseconds of every round, versions, and who is missing."""
    times, versions, missing, full = {}, {}, {}, ""
    with ExitStack() as stack:
        processes = {}
        for rival in RIVALS:
            try:
                process = Process(python, rival, folder / rival)
            except Missing as error:
                missing[rival] = str(error)
                continue
            processes[rival] = stack.enter_context(process)
            versions[rival] = process.about["versions"]
            full = process.about["python"]
        plan = [(rival, "event") for rival in processes] + [
            (rival, what)
            for what, rivals in OTHER_MEASURES.items()
            for rival in rivals
        ]
        for number in range(rounds + 1):
            for rival, what in plan:
                slow = SLOW.get(f"{rival} {what}", SLOW.get(rival, 1))
                found = processes[rival].measure(what, COUNTS[what] // slow)
                if number:  # the first round warms up
                    clock = CLOCKS.get(f"{rival} {what}", "thread")
                    times.setdefault(f"{rival} {what}", []).append(
                        round(found[clock], 1)
                    )
    return {
        "python": full,
        "ns": times,
        "versions": versions,
        "missing": missing,
    }


def ratio(times, what, to):
    """Return the ratio of minima, and the median of the rounds' ratios."""
    pairs = zip(times[what], times[to], strict=True)
    return (
        min(times[what]) / min(times[to]),
        median(one / other for one, other in pairs),
    )
