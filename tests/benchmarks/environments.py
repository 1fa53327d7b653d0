"""An environment for each rival and each Python, made once and kept."""

from __future__ import annotations

import os
import shutil
import subprocess

from pathlib import Path


ROOT = Path(__file__).parents[2]
CACHE = Path(os.environ.get("BENCH_CACHE", ROOT / ".tox" / "bench"))
PYTHONS = ("python3.11", "python3.12", "python3.13", "python3.14")
OURS = str(ROOT)

REQUIREMENTS = {
    "limit": ("orjson",),
    "mohflow_file": (OURS,),
    "mohflow_unmasked": (OURS,),
    "mohflow_re2": (f"{OURS}[re2]",),
    "mohflow_loki": (OURS,),
    "mohflow_only_loki": (OURS,),
    "loki_posts": (OURS,),
    "loki_server": (OURS,),
    "structlog_native": ("structlog", "orjson"),
    "structlog_stdlib": ("structlog", "orjson"),
    "python_json_logger": ("python-json-logger", "orjson"),
    "loguru_json": ("loguru",),
    "picologging_text": ("picologging",),
    "mohflow_1": ("mohflow==1.1.2", "orjson"),
    "python_logging_loki": ("python-logging-loki",),
    "loki_logger_handler": ("loki-logger-handler", "requests"),
}
"""What each rival of ``rivals/`` needs."""


class Missing(Exception):
    """A rival cannot be installed on this Python."""


def pythons():
    """Return the interpreters that are there and start."""
    return [
        name
        for name in PYTHONS
        if shutil.which(name)
        and not subprocess.run(
            [name, "-c", ""], capture_output=True, check=False
        ).returncode
    ]


def environment(python, rival):
    """Return the interpreter of the environment of *rival*, made if need be.

    Rivals that need the same share one; MohFlow is installed anew each time
    this process asks for it first.
    """
    requirements = REQUIREMENTS[rival]
    name = "mohflow" if OURS in requirements else rival
    return prepared(python, name, requirements)


def prepared(python, name, requirements):
    """Return the interpreter of the environment *name*, made if need be."""
    folder = CACHE / python / name
    inside = folder / "bin" / "python"
    if (python, name) in _MADE:
        return inside
    if not inside.exists():
        _run([python, "-m", "venv", str(folder)])
    ready = folder / "ready"
    if not ready.exists():
        _install(inside, requirements)
        ready.touch()
    elif requirements[0].startswith(OURS):
        _install(inside, ("--no-deps", "--force-reinstall", OURS))
    _MADE.add((python, name))
    return inside


_MADE = set()


def versions(inside):
    """Return the version of each package in the environment of *inside*."""
    code = (
        "import importlib.metadata as m\n"
        "for d in m.distributions(): print(d.metadata['Name'], d.version)"
    )
    listed = subprocess.run(
        [inside, "-c", code], capture_output=True, check=True, text=True
    )
    return dict(line.split() for line in listed.stdout.splitlines())


def _install(inside, requirements):
    pip = [str(inside), "-m", "pip", "install", "--quiet"]
    _run([*pip, "--disable-pip-version-check", *requirements])


def _run(command):
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=300
    )
    if done.returncode:
        errors = [
            line
            for line in done.stderr.splitlines()
            if line.startswith("ERROR")
        ]
        raise Missing(errors[-1] if errors else done.stderr.strip()[-200:])
