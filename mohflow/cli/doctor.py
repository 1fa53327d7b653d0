"""
``mohflow doctor``: find out why logs do not arrive.

Each section is a function that yields findings; sections ask the real thing:
a Loki gets an event and is asked for it, folders are looked at, a program is
imported and its loggers are walked.
"""

from __future__ import annotations

import argparse

from collections.abc import Iterator

from mohflow import Settings
from mohflow.cli import doctor_files, doctor_loggers, doctor_sinks
from mohflow.cli.finding import Finding, note, show


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Tell *parser* what the command takes."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.description = (
        "Check every sink of the settings, and say what is wrong. Run it\n"
        "with the program's variables, as the program's user. A Loki\n"
        "gets one event, 'mohflow.canary', and is asked to show it. With\n"
        "--import the sinks are those that the program configures, and its\n"
        "loggers and handlers are shown, too."
    )
    parser.epilog = (
        "examples:\n"
        "  mohflow doctor\n"
        "  mohflow doctor --loki http://loki:3100\n"
        "  mohflow doctor --import shop.main\n"
        "\n"
        "exit codes: 0 no fault was found, 1 one was, 2 wrong usage or "
        "settings"
    )
    parser.add_argument(
        "--loki",
        metavar="URL",
        help="check this Loki in place of the one of the settings",
    )
    parser.add_argument(
        "--import",
        dest="module",
        metavar="MODULE",
        help="import it first; it must not run for ever when it is imported",
    )


def run(options: argparse.Namespace) -> int:
    """Check what there is; return 1 if a fault was found, else 0."""
    settings = Settings(**({"loki": options.loki} if options.loki else {}))
    is_fine = True
    if options.module:
        program = doctor_loggers.Program(options.module)
        is_fine &= show(f"Program {options.module}", program.findings())
        is_fine &= show("Loggers", doctor_loggers.findings(program.pipeline))
        if program.pipeline is not None:
            sinks = doctor_sinks.of_pipeline(program.pipeline)
            is_fine &= show("Sinks", sinks)
            return _verdict(is_fine=is_fine)
    is_fine &= show("Console", doctor_files.console(settings))
    is_fine &= show("File", doctor_files.file(settings))
    is_fine &= show("Spool", doctor_files.spool(settings))
    is_fine &= show("Remote sinks", _remote(settings))
    return _verdict(is_fine=is_fine)


def _remote(settings: Settings) -> Iterator[Finding]:
    found = False
    for finding in doctor_sinks.of_settings(settings):
        found = True
        yield finding
    if not found:
        yield note("none is set", "MOHFLOW_LOKI_URL would set one.")


def _verdict(*, is_fine: bool) -> int:
    print("No fault was found." if is_fine else "There are faults.")
    return 0 if is_fine else 1
