"""
One rival in a process of its own, which measures on request.

Usage: ``worker.py RIVAL FOLDER``, then a line ``MEASURE COUNT`` on stdin for
each measurement, answered with a line of JSON. ``worker.py RIVAL FOLDER
MEASURE COUNT`` runs once and prints nothing, for callgrind.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import os
import platform
import sys
import time

from pathlib import Path


HERE = Path(__file__).parent


def load(rival):
    sys.path.insert(0, str(HERE))
    path = HERE / "rivals" / f"{rival}.py"
    spec = importlib.util.spec_from_file_location(f"rival_{rival}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def measured(loop, first, count):
    """Return nanoseconds for an event: passed, and used by this thread."""
    thread, wall = time.thread_time_ns(), time.perf_counter_ns()
    found = loop(first, first + count)
    wall = time.perf_counter_ns() - wall
    thread = time.thread_time_ns() - thread
    return {"wall": wall / count, "thread": thread / count, "found": found}


def cut_logs(folder):
    """Start each measurement with an empty file."""
    for path in folder.iterdir():
        if path.is_file() and path.suffix == ".log":
            os.truncate(path, 0)


def serve(module, folder):
    # Some rivals print; what they print must not be taken for an answer.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    loops = module.setup(folder)

    def answer(what):
        answers.write(json.dumps(what) + "\n")
        answers.flush()

    answer(
        {
            "python": platform.python_version(),
            "measures": sorted(loops),
            "versions": {
                name: importlib.metadata.version(name)
                for name in module.PACKAGES
            },
        }
    )
    first = 0
    for line in sys.stdin:
        measure, count = line.split()
        cut_logs(folder)
        answer(measured(loops[measure], first, int(count)))
        first += int(count)


def main():
    rival, folder, *once = sys.argv[1:]
    module = load(rival)
    if once:
        module.setup(Path(folder))[once[0]](0, int(once[1]))
    else:
        serve(module, Path(folder))


if __name__ == "__main__":
    main()
