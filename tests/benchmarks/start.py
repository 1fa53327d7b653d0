"""What a program pays to start, beside what the same parts cost alone."""

from __future__ import annotations

import subprocess
import time

from statistics import median

from environments import environment


PROGRAMS = {
    "parts": "import structlog, pydantic_settings",
    "mohflow": "import mohflow; mohflow.configure()",
}


def measure(python, rounds):
    """Return milliseconds of each round, an empty interpreter subtracted."""
    inside = environment(python, "mohflow_file")
    times = {name: [] for name in PROGRAMS}
    for number in range(rounds + 1):
        empty = _run(inside, "pass")
        for name, code in PROGRAMS.items():
            passed = _run(inside, code) - empty
            if number:
                times[name].append(round(passed * 1000, 2))
    return times


def ratio(times):
    return median(times["mohflow"]) / median(times["parts"])


def _run(inside, code):
    started = time.perf_counter()
    subprocess.run([inside, "-c", code], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started
