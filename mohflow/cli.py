"""The command line: ``mohflow``, or ``python -m mohflow``."""

from __future__ import annotations

import argparse
import errno
import os
import sys

from collections.abc import Sequence
from pathlib import Path


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="mohflow",
        description="Structured logging that is correlated, free of secrets, "
        "and accounted for.",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    demo = commands.add_parser(
        "demo",
        help="run a small web service on loopback and show its logs",
        description="Send real HTTP requests to a small web service on "
        "loopback; show its console, its log file, what was masked, and what "
        "became of every event. Exits with 1 if an event is unaccounted for.",
        epilog="example: mohflow demo --file shop.log",
    )
    demo.add_argument(
        "--file",
        type=Path,
        metavar="PATH",
        help="where the JSON lines go (default: a temporary file)",
    )
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command that *arguments* name; return its exit code."""
    options = _parser().parse_args(arguments)
    # The demo imports an HTTP client and server; other commands need neither.
    from mohflow import demo  # noqa: PLC0415

    try:
        return demo.run(options.file)
    except OSError as error:
        if error.errno not in {errno.EPIPE, errno.ENOSPC}:
            raise
        # Nobody reads any more, or nothing more can be written: not ours.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
