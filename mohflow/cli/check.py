"""``mohflow check``: is a configuration file valid, and if not, why?"""

from __future__ import annotations

import argparse

from pathlib import Path

from mohflow.settings.checks import faults_in


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Tell *parser* what the command takes."""
    parser.description = (
        "Tell everything that is wrong with a configuration file. Nothing is\n"
        "opened or sent. What the file leaves out may come from MOHFLOW_\n"
        "variables; they hide nothing that is wrong in it. Exits with 0 if\n"
        "it is valid, with 1 if not."
    )
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = (
        "examples:\n"
        "  mohflow check mohflow.toml\n"
        "  mohflow check --environment production mohflow.yaml\n"
        "  mohflow check pyproject.toml"
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
        help="check the base with this profile (default: with each of them)",
    )


def run(options: argparse.Namespace) -> int:
    """Print what is wrong; return 0 if that is nothing, else 1."""
    faults = faults_in(options.file, options.environment)
    for fault in faults:
        print(fault)
    if not faults:
        print(f"{options.file} is valid.")
    return 1 if faults else 0
