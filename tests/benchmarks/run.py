"""
Measure MohFlow beside its rivals, and beside what nothing can undercut.

Every rival runs in a process and an environment of its own, and all take
turns, so that a busy machine hurts all alike. Ratios count; times depend on
the machine.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time

from pathlib import Path

import bars
import chain
import instructions
import loki
import masking
import page
import start

from environments import pythons


def main():
    options = _options()
    missed = 0
    for python in options.python or pythons():
        started = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            found = measure(python, Path(folder), options)
        print(f"{python}: {time.monotonic() - started:.0f} s", flush=True)
        missed += show(found)
        if options.update:
            page.keep(python, found)
    if options.update:
        page.write()
    if options.check and missed:
        sys.exit(f"{missed} bars are missed")


def _options():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--python", action="append", help="an interpreter; default: all"
    )
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument(
        "--only",
        choices=["chain", "start", "masking", "instructions", "loki"],
    )
    parser.add_argument(
        "--check", action="store_true", help="fail if a bar is missed"
    )
    parser.add_argument(
        "--update", action="store_true", help="rewrite docs/performance/"
    )
    options = parser.parse_args()
    if options.only and options.update:
        parser.error("--update needs all of it")
    return options


def measure(python, folder, options):
    """Return all results of one Python."""
    found = {"chain": chain.measure(python, folder, options.rounds)}
    if options.only in (None, "start"):
        found["start"] = start.measure(python, options.rounds)
    if options.only in (None, "masking"):
        found["masking"] = masking.measure(python)
    if options.only in (None, "loki"):
        found["loki"] = loki.measure(python, folder, options.rounds)
    if options.only in (None, "instructions") and instructions.is_possible():
        found["instructions"] = instructions.measure(python, folder)
    found["machine"] = {**page.machine(), "python": found["chain"]["python"]}
    return found


def show(found):
    """Print the figures; return how many bars are missed."""
    ns = found["chain"]["ns"]
    for what, times in ns.items():
        least, middle = chain.ratio(ns, what, "limit event")
        print(
            f"  {what:28} {min(times) / 1000:8.2f} us  "
            f"{least:6.2f} x the limit (median {middle:.2f})"
        )
    for rival, why in found["chain"]["missing"].items():
        print(f"  {rival:28} missing: {why}")
    for rival, count in found.get("instructions", {}).items():
        print(f"  {rival:28} {count:10,} instructions")
    for what, rates in found.get("loki", {}).get("rates", {}).items():
        print(f"  {what:28} {max(rates):10,} events/s")
    for row in masking.rows(found.get("masking", {})):
        print("  {:28} {:>8} {:>16} {:>16}".format(*row))
    missed = 0
    for what, figure, bar in bars.judged(found):
        verdict = "ok" if figure <= bar else "MISSED"
        missed += figure > bar
        print(f"  {verdict:6} {figure:7.2f} (at most {bar:g})  {what}")
    return missed


if __name__ == "__main__":
    main()
