"""
The command line: ``mohflow``, or ``python -m mohflow``.

Each command is a module of this package with its name. It has
``add_arguments(parser)`` and ``run(options) -> int``, the exit code, and is
imported only when it is the one that was asked for.
"""

from __future__ import annotations

import errno
import os
import sys

from argparse import ArgumentParser
from collections.abc import Collection, Sequence
from importlib import import_module

from mohflow.exceptions import ConfigurationError


COMMANDS = {
    "check": "tell what is wrong with a configuration file",
    "demo": "run a small web service on loopback and show its logs",
    "doctor": "check every sink and say what is wrong",
    "replay": "send dead letters and orphaned spool segments again",
    "schema": "print the JSON Schema of configuration files",
    "view": "show log files, or what is piped in, for people",
}
"""What each command does, by its name and that of its module."""


_FILES = {"bash": "_shtab_compgen_files", "zsh": "_files", "tcsh": "f"}
"""How shtab tells a shell to complete the names of files."""


def parser(commands: Collection[str] = tuple(COMMANDS)) -> ArgumentParser:
    """
    Return the parser of the command line.

    It is what shtab makes the completion of a shell from.

    Args:
        commands: Those whose arguments it knows; each is imported.
    """
    whole = ArgumentParser(
        prog="mohflow",
        description="Structured logging that is correlated, free of secrets, "
        "and accounted for.",
    )
    adding = whole.add_subparsers(dest="command", required=True)
    for name, summary in COMMANDS.items():
        command = adding.add_parser(name, help=summary)
        if name in commands:
            module = import_module(f"mohflow.cli.{name}")
            module.add_arguments(command)
            command.set_defaults(run=module.run)
        for action in command._actions:  # noqa: SLF001 - argparse has no other
            if action.metavar in ("FILE", "PATH"):
                vars(action)["complete"] = _FILES
    return whole


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command that *arguments* name; return its exit code."""
    given = sys.argv[1:] if arguments is None else arguments
    options = parser(given[:1]).parse_args(given)
    try:
        return int(options.run(options))
    except ConfigurationError as error:
        print(f"mohflow {options.command}: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        if error.errno not in {errno.EPIPE, errno.ENOSPC}:
            raise
        # Nobody reads any more, or nothing more can be written: not ours.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
