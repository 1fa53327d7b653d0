"""
Compare ``mohflow view`` with pretty-printers for JSON lines.

Every program gets the same events in a file of its own format, as bunyan
passes other lines through, and writes to the null device. All of them show a
small file first; the quickest rivals and we show the large one, in turns.
Rivals are installed with npm and pip into a temporary directory, in the
versions that are printed. Give it a Python that has mohflow::

    python tests/benchmarks/view.py --megabytes 1000 --update

The files take 3.3 times as many megabytes of the temporary directory.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
import venv

from pathlib import Path

import page

from view_events import write_files


NPM = (
    "pino-pretty",
    "bunyan",
    "pino-colada",
    "bunyan-pretty-cli",
    "pino-prettier",
    "pretty-json-log",
)
PIP = ("logtidy", "klp-logviewer", "prettifyjsonlog")

RIVALS = {
    "bunyan": ("bunyan", ["{npm}/bunyan"]),
    "bunyan -o short": ("bunyan", ["{npm}/bunyan", "-o", "short"]),
    "bunyan-pretty-cli": ("bunyan", ["{npm}/bunyan-pretty"]),
    "pino-pretty": ("pino", ["{npm}/pino-pretty"]),
    "pino-pretty -S": ("pino", ["{npm}/pino-pretty", "-S"]),
    "pino-colada": ("pino", ["{npm}/pino-colada"]),
    "pino-prettier": ("pino", ["{npm}/pino-prettier"]),
    "pretty-json-log": ("pino", ["{npm}/pjl"]),
    "logtidy": ("mohflow", ["{pip}/logtidy"]),
    "klp": ("mohflow", ["{pip}/klp", "-f", "jsonl"]),
    "prettifyJsonLog": ("mohflow", ["{pip}/prettifyJsonLog"]),
}
"""The format that each reads, and its command; lines come on stdin."""

VIEW = [sys.executable, "-m", "mohflow", "view"]
PIPED = "cat FILE | mohflow view"
OURS = {
    "mohflow view": ("mohflow", [*VIEW, "-"]),
    PIPED: ("mohflow", VIEW),
    "mohflow view --color always": (
        "mohflow",
        [*VIEW, "--color", "always", "-"],
    ),
    "mohflow view -l error": ("mohflow", [*VIEW, "-l", "error", "-"]),
}
"""
A redirected file is read by a process for each processor, a pipe by one.
Every rival is one process; their input is redirected, too.
"""

FINALISTS = 3


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
        node = subprocess.check_output(["node", "--version"], text=True)
        versions["node"] = node.strip().lstrip("v")
    venv.create(folder / "pip", with_pip=True)
    where["pip"] = str(folder / "pip" / "bin")
    python = f"{where['pip']}/python"
    subprocess.run([python, "-m", "pip", "-q", "install", *PIP], check=True)
    ask = (
        "import json, sys; from importlib.metadata import version;"
        "print(json.dumps({name: version(name) for name in sys.argv[1:]}))"
    )
    versions |= json.loads(subprocess.check_output([python, "-c", ask, *PIP]))
    versions["python"] = platform.python_version()
    return where, versions


def commands(where: dict[str, str]) -> dict[str, tuple[str, list[str]]]:
    return {
        name: (kind, [part.format(**where) for part in command])
        for name, (kind, command) in RIVALS.items()
        if command[0][1:4] in where
    }


def shown(name: str, command: list[str], file: Path) -> dict[str, float]:
    """
    Let a program show a file.

    Returns the seconds that it took, and those of all its processes on a
    processor; and the MiB of memory of the largest of them.
    """
    start = time.perf_counter()
    with file.open("rb") as opened:
        lines, cat = opened, None
        if name == PIPED:
            cat = subprocess.Popen(
                ["cat"], stdin=opened, stdout=subprocess.PIPE
            )
            lines = cat.stdout
        process = subprocess.Popen(
            command,
            stdin=lines,
            stdout=subprocess.DEVNULL,
            env={**os.environ, "NO_COLOR": "1"},
        )
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if cat is not None:
            cat.stdout.close()
            cat.wait()
    if process.returncode:
        sys.exit(f"{name} failed: exit code {process.returncode}")
    return {
        "seconds": round(time.perf_counter() - start, 3),
        "cpu": round(used.ru_utime + used.ru_stime, 3),
        "mib": round(used.ru_maxrss / 1024, 1),
    }


def measure(programs, folder: Path, rounds: int) -> dict[str, list[dict]]:
    """Return what each round took, the programs taking turns."""
    found: dict[str, list[dict]] = {name: [] for name in programs}
    for _ in range(rounds):
        for name, (kind, command) in programs.items():
            found[name].append(shown(name, command, folder / kind))
            print(f"  {name:<28}{found[name][-1]}", flush=True)
    return found


def best(rounds: list[dict], what: str) -> float:
    return min(one[what] for one in rounds)


def run(folder: Path, options: argparse.Namespace) -> dict:
    where, versions = install(folder)
    print(", ".join(f"{name} {of}" for name, of in sorted(versions.items())))
    programs = {**commands(where), **OURS}
    result = {"versions": versions, "machine": page.machine(), "files": []}
    for megabytes, rounds in (
        (options.small, 1),
        (options.megabytes, options.rounds),
    ):
        count = write_files(folder, megabytes)
        print(f"\n{count:,} events, {megabytes} MB", flush=True)
        found = measure(programs, folder, rounds)
        result["files"].append(
            {"megabytes": megabytes, "events": count, "programs": found}
        )
        rivals = sorted(
            RIVALS.keys() & found.keys(), key=lambda n: best(found[n], "cpu")
        )
        kept = {*rivals[:FINALISTS], *OURS}
        programs = {n: p for n, p in programs.items() if n in kept}
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=1000)
    parser.add_argument("--small", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    parser.add_argument(
        "--update", action="store_true", help="rewrite docs/performance/"
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        result = run(Path(name), options)
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n")
    if options.update:
        page.keep("view", result)
        page.write_view()
    print("\n" + page.view_table(result))


if __name__ == "__main__":
    main()
