"""``mohflow check``: is a configuration file valid, and if not, why?"""

from __future__ import annotations

import argparse

from pathlib import Path

from mohflow.cli.finding import near
from mohflow.settings.checks import check


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Tell *parser* what the command takes."""
    parser.description = (
        "Tell everything that is wrong with a configuration file, a line for\n"
        "each fault. Nothing is written, created or sent. What the file\n"
        "leaves out may come from MOHFLOW_ variables; they hide nothing that\n"
        "is wrong in it.\n"
        "\n"
        "Files and folders that it names are looked at as the user who runs\n"
        "this, with the profile that would be used here."
    )
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = (
        "examples:\n"
        "  mohflow check mohflow.toml\n"
        "  mohflow check --environment production mohflow.yaml\n"
        "  mohflow check --elsewhere pyproject.toml\n"
        "\n"
        "exit codes: 0 it is valid, 1 it is not or cannot be read, 2 wrong\n"
        "usage"
    )
    parser.add_argument(
        "file",
        metavar="FILE",
        type=Path,
        help="TOML, JSON, YAML, or a pyproject.toml with [tool.mohflow]",
    )
    parser.add_argument(
        "--environment",
        metavar="NAME",
        help="check the base with this profile (default: alone, and with each "
        "of them)",
    )
    parser.add_argument(
        "--elsewhere",
        action="store_true",
        help="it is for another machine, as in CI: do not look at the files "
        "and folders that it names",
    )


def run(options: argparse.Namespace) -> int:
    """Print what is wrong; return 0 if that is nothing, else 1."""
    report = check(
        options.file, options.environment, is_here=not options.elsewhere
    )
    for fault in report.faults:
        print(near(fault))
    if report.faults:
        count = len(report.faults)
        print(f"{options.file}: {count} fault{'s' * (count != 1)}.")
        return 1
    names = ", ".join(report.profiles)
    with_profiles = f", with {names}" if names else ""
    print(f"{options.file} is valid{with_profiles}.")
    return 0
