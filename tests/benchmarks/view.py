"""
Compare ``mohflow view`` with pretty-printers for JSON lines.

Every program gets the same events in a file of its own format, and writes to
the null device. All of them show a small file first; the quickest and we show
the large one, in turns. Rivals are installed with npm and pip into a
temporary directory, in the versions that are printed. Give it a Python that
has mohflow::

    python tests/benchmarks/view.py --megabytes 1000 --json view.json
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import shutil
import subprocess
import sys
import tempfile
import time
import venv

from datetime import UTC, datetime
from pathlib import Path

import orjson


NPM = ("pino-pretty", "bunyan", "pino-colada", "bunyan-pretty-cli")
PIP = ("logtidy", "klp-logviewer")

RIVALS = {
    "bunyan": ("bunyan", ["{npm}/bunyan"]),
    "bunyan -o short": ("bunyan", ["{npm}/bunyan", "-o", "short"]),
    "bunyan-pretty": ("bunyan", ["{npm}/bunyan-pretty"]),
    "pino-pretty": ("pino", ["{npm}/pino-pretty"]),
    "pino-pretty -S": ("pino", ["{npm}/pino-pretty", "-S"]),
    "pino-colada": ("pino", ["{npm}/pino-colada"]),
    "logtidy": ("mohflow", ["{pip}/logtidy"]),
    "klp": ("mohflow", ["{pip}/klp", "-f", "jsonl"]),
}
"""The format that each reads, and its command; lines come on stdin."""

VIEW = [sys.executable, "-m", "mohflow", "view"]
OURS = {
    "mohflow view": ("mohflow", [*VIEW, "-"]),
    "mohflow view, piped": ("mohflow", ["cat"]),
    "mohflow view --color": ("mohflow", [*VIEW, "--color", "always", "-"]),
    "mohflow view -l error": ("mohflow", [*VIEW, "-l", "error", "-"]),
}
"""
A redirected file is read by a process for each processor; a pipe, like every
rival's input, by one.
"""

LEVELS = ["debug", "debug", *["info"] * 6, "warning", "error"]
NUMBERS = {"debug": 20, "info": 30, "warning": 40, "error": 50}
FINALISTS = 3


def events():
    """Yield our standard event, one a millisecond, with ids of its own."""
    ids = random.Random(7)
    start = datetime(2026, 11, 24, tzinfo=UTC).timestamp()
    number = 0
    while True:
        yield {
            "time": start + number / 1000,
            "level": LEVELS[number % len(LEVELS)],
            "event": "user.login",
            "fields": {
                "correlation_id": f"{ids.getrandbits(128):032x}",
                "user_id": 42,
                "method": "password",
                "duration_ms": 12.34,
                "path": f"/api/v1/login/{number}",
            },
        }
        number += 1


def iso(seconds, digits):
    text = datetime.fromtimestamp(seconds, UTC).isoformat(timespec=digits)
    return text.replace("+00:00", "Z")


def mohflow_line(event):
    return {
        "timestamp": iso(event["time"], "microseconds"),
        "level": event["level"],
        "event": event["event"],
        "logger": "shop.accounts",
        "service": "shop",
        "environment": "prod",
        **event["fields"],
    }


def bunyan_line(event):
    return {
        "name": "shop.accounts",
        "hostname": "shop-1",
        "pid": 1,
        "level": NUMBERS[event["level"]],
        "service": "shop",
        "environment": "prod",
        **event["fields"],
        "msg": event["event"],
        "time": iso(event["time"], "milliseconds"),
        "v": 0,
    }


def pino_line(event):
    return {
        "level": NUMBERS[event["level"]],
        "time": round(event["time"] * 1000),
        "pid": 1,
        "hostname": "shop-1",
        "name": "shop.accounts",
        "service": "shop",
        "environment": "prod",
        **event["fields"],
        "msg": event["event"],
    }


FORMATS = {"mohflow": mohflow_line, "bunyan": bunyan_line, "pino": pino_line}


def write_files(folder: Path, megabytes: int) -> int:
    """Write the same events in every format; return how many."""
    count = 0
    files = {name: (folder / name).open("wb") for name in FORMATS}
    for event in events():
        for name, file in files.items():
            file.write(orjson.dumps(FORMATS[name](event)) + b"\n")
        count += 1
        if count % 1000 == 0 and files["mohflow"].tell() >= megabytes * 10**6:
            break
    for file in files.values():
        file.close()
    return count


def install(folder: Path) -> tuple[dict[str, str], dict[str, str]]:
    """Install the rivals; return where their commands and versions are."""
    where, versions = {}, {}
    if shutil.which("npm"):
        subprocess.run(
            ["npm", "install", "--silent", "--prefix", folder / "npm", *NPM],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        modules = folder / "npm" / "node_modules"
        where["npm"] = str(modules / ".bin")
        for name in NPM:
            package = json.loads((modules / name / "package.json").read_text())
            versions[name] = package["version"]
    venv.create(folder / "pip", with_pip=True)
    where["pip"] = str(folder / "pip" / "bin")
    python = f"{where['pip']}/python"
    subprocess.run([python, "-m", "pip", "-q", "install", *PIP], check=True)
    ask = (
        "import json, sys; from importlib.metadata import version;"
        "print(json.dumps({name: version(name) for name in sys.argv[1:]}))"
    )
    versions |= json.loads(subprocess.check_output([python, "-c", ask, *PIP]))
    return where, versions


def commands(where: dict[str, str]) -> dict[str, tuple[str, list[str]]]:
    return {
        name: (kind, [part.format(**where) for part in command])
        for name, (kind, command) in RIVALS.items()
        if command[0][1:4] in where
    }


def seconds(command: list[str], file: Path) -> float:
    start = time.perf_counter()
    with file.open("rb") as lines:
        if command == ["cat"]:
            with subprocess.Popen(
                command, stdin=lines, stdout=subprocess.PIPE
            ) as cat:
                show(VIEW, cat.stdout)
        else:
            show(command, lines)
    return time.perf_counter() - start


def show(command: list[str], lines) -> None:
    environ = {**os.environ, "NO_COLOR": "1"}
    subprocess.run(
        command,
        stdin=lines,
        stdout=subprocess.DEVNULL,
        check=True,
        env=environ,
    )


def measure(programs, folder: Path, rounds: int) -> dict[str, list[float]]:
    """Return the seconds of each round, the programs taking turns."""
    times: dict[str, list[float]] = {name: [] for name in programs}
    for _ in range(rounds):
        for name, (kind, command) in programs.items():
            times[name].append(seconds(command, folder / kind))
    return times


def table(times: dict[str, list[float]], folder: Path, programs) -> list[dict]:
    rows = []
    best = min(min(t) for name, t in times.items() if name in RIVALS)
    for name, measured in sorted(times.items(), key=lambda row: min(row[1])):
        size = (folder / programs[name][0]).stat().st_size
        rows.append(
            {
                "program": name,
                "seconds": [round(one, 3) for one in measured],
                "megabytes_per_second": round(size / min(measured) / 1e6, 1),
                "of_quickest_rival": round(min(measured) / best, 2),
            }
        )
        print(
            f"  {name:<24}{min(measured):>9.2f} s"
            f"{sorted(measured)[len(measured) // 2]:>9.2f} s"
            f"{rows[-1]['megabytes_per_second']:>8.0f} MB/s"
            f"{rows[-1]['of_quickest_rival']:>8.2f} x"
        )
    return rows


def run(folder: Path, options: argparse.Namespace) -> dict:
    where, versions = install(folder)
    print(
        f"{platform.python_implementation()} {platform.python_version()}, "
        f"{os.cpu_count()} processors, "
        + ", ".join(f"{name} {of}" for name, of in sorted(versions.items()))
    )
    programs = {**commands(where), **OURS}
    result = {"versions": versions, "processors": os.cpu_count()}
    for megabytes, rounds in (
        (options.small, 1),
        (options.megabytes, options.rounds),
    ):
        count = write_files(folder, megabytes)
        print(f"\n{count:,} events, {megabytes} MB: best, median, x rival")
        times = measure(programs, folder, rounds)
        result[f"{megabytes} MB"] = table(times, folder, programs)
        rivals = sorted(RIVALS.keys() & times.keys(), key=lambda n: times[n])
        kept = {*rivals[:FINALISTS], *OURS}
        programs = {n: p for n, p in programs.items() if n in kept}
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=1000)
    parser.add_argument("--small", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        result = run(Path(name), options)
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
