"""
Instructions of a log call, counted by valgrind's callgrind.

They do not depend on what else the machine does, and hold user code only: no
system call is in them. Two runs of different lengths are compared, so that
the start of the process cancels out.
"""

from __future__ import annotations

import re
import shutil
import subprocess

from concurrent.futures import ThreadPoolExecutor

from chain import WORKER
from environments import environment


SHORT, LONG = 1000, 3000
RIVALS = ("limit", "mohflow_file", "structlog_native")


def is_possible():
    return shutil.which("valgrind") is not None


def measure(python, folder, rivals=RIVALS):
    """Return the instructions of one event for each of *rivals*."""
    runs = [(rival, count) for rival in rivals for count in (SHORT, LONG)]
    with ThreadPoolExecutor(2) as pool:
        counted = pool.map(lambda run: _count(python, folder, *run), runs)
        total = dict(zip(runs, counted, strict=True))
    return {
        rival: round(
            (total[rival, LONG] - total[rival, SHORT]) / (LONG - SHORT)
        )
        for rival in rivals
    }


def _count(python, folder, rival, count):
    place = folder / f"{rival}-{count}"
    place.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        [
            "valgrind",
            "--tool=callgrind",
            f"--callgrind-out-file={place / 'callgrind.out'}",
            environment(python, rival),
            WORKER,
            rival,
            place,
            "event",
            str(count),
        ],
        capture_output=True,
        text=True,
        check=True,
        cwd=place,
        env={"PYTHONHASHSEED": "0"},
    )
    return int(re.search(r"Collected : (\d+)", done.stderr)[1])
