"""What a program pays to start, beside what the same parts cost alone."""

from __future__ import annotations

import resource
import subprocess

from statistics import median

from environments import environment


PROGRAMS = {
    "parts": "import structlog, pydantic_settings",
    "mohflow": "import mohflow; mohflow.configure()",
}


def measure(python, rounds):
    """Return CPU milliseconds of each round, less an empty interpreter's."""
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
    started = _used()
    subprocess.run([inside, "-c", code], check=True, stdout=subprocess.DEVNULL)
    return _used() - started


def _used():
    """Return the CPU seconds of all child processes that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
