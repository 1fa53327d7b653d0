"""
``mohflow doctor``: find out why logs do not arrive.

Each section is a function that yields findings; sections ask the real thing:
a Loki gets an event and is asked for it, folders are looked at, a program is
imported and its loggers are walked.
"""

from __future__ import annotations

import argparse
import os

from collections.abc import Iterator

from mohflow import Settings
from mohflow.cli import (
    doctor_files,
    doctor_loggers,
    doctor_settings,
    doctor_sinks,
)
from mohflow.cli.doctor_program import Program
from mohflow.cli.finding import Finding, fault, note
from mohflow.cli.screen import Screen
from mohflow.exceptions import ConfigurationError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Tell *parser* what the command takes."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.description = (
        "Tell which settings are in force and who gave them, check every\n"
        "sink, and say what is wrong. Run it with the program's variables,\n"
        "in its folder, as its user. A Loki gets one event,\n"
        "'mohflow.canary', and is asked to show it. With --import settings\n"
        "and sinks are those of the program, and its loggers and handlers\n"
        "are shown, too."
    )
    parser.epilog = (
        "examples:\n"
        "  mohflow doctor\n"
        "  mohflow doctor --all\n"
        "  mohflow doctor --loki http://loki:3100\n"
        "  mohflow doctor --import shop.main\n"
        "\n"
        "exit codes: 0 no fault was found, 1 one was, 2 wrong usage or "
        "settings"
    )
    parser.add_argument(
        "--all", action="store_true", help="show settings with defaults, too"
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
    screen = Screen()
    if options.module:
        _program(screen, options)
    else:
        given = {"loki": options.loki} if options.loki else {}
        try:
            settings = Settings(**given)
        except ConfigurationError as error:
            wrong = [fault(line) for line in str(error).splitlines()]
            screen.section("Settings", wrong)
            screen.verdict("Nothing else was checked.")
            return 2
        _settings(screen, settings, is_all=options.all)
        screen.section("Sinks", _sinks(settings))
    screen.verdict()
    return 1 if screen.faults else 0


def _program(screen: Screen, options: argparse.Namespace) -> None:
    program = Program(options.module)
    screen.section(f"Program {options.module}", program.findings())
    pipeline = program.pipeline
    if pipeline is not None and pipeline.settings is not None:
        _settings(screen, pipeline.settings, is_all=options.all)
    screen.section("Loggers", doctor_loggers.findings(program))
    if pipeline is not None:
        screen.section("Sinks", doctor_sinks.of_pipeline(pipeline))


def _settings(screen: Screen, settings: Settings, *, is_all: bool) -> None:
    screen.line("Settings")
    doctor_settings.show_values(screen, settings, is_all=is_all)
    screen.show(doctor_settings.findings(os.environ))
    screen.line()


def _sinks(settings: Settings) -> Iterator[Finding]:
    yield from doctor_files.console(settings)
    yield from doctor_files.file(settings)
    is_remote = False
    for finding in doctor_sinks.of_settings(settings):
        is_remote = True
        yield finding
    if is_remote or settings.spool_dir is not None:
        yield from doctor_files.spool(settings)
    else:
        yield note("no remote sink is set; MOHFLOW_LOKI_URL would set one")
