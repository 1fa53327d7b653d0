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
    "doctor": "show settings, loggers and sinks, and what is wrong",
    "replay": "send dead letters and orphaned spool segments again",
    "schema": "print the JSON Schema of configuration files",
    "view": "show log files, or what is piped in, for people",
}
"""What each command does, by its name and that of its module."""


INTERRUPTED = 130
"""The exit code after Ctrl-C: 128 and the number of SIGINT."""

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
    command = "mohflow"
    if sys.stdout is None:
        # It is closed. What is printed is for nobody.
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    try:
        options = parser(given[:1]).parse_args(given)
        command = f"mohflow {options.command}"
        code = int(options.run(options))
        sys.stdout.flush()
    except ConfigurationError as error:
        _say(f"{command}: {error}")
        return 2
    except KeyboardInterrupt:
        return INTERRUPTED
    except OSError as error:
        if error.errno == errno.EPIPE:
            # Nobody reads any more, which is their right.
            _discard_stdout()
            return 1
        if error.errno == errno.ENOSPC:
            _discard_stdout()
        where = f" {str(error.filename)!r}" if error.filename else ""
        _say(f"{command}: cannot use{where}: {error.strerror}.")
        return 2
    return code


def _say(text: str) -> None:
    if sys.stderr is not None:
        print(text, file=sys.stderr)


def _discard_stdout() -> None:
    """Let nothing be tried again when the interpreter ends."""
    with open(os.devnull, "wb") as nothing:
        os.dup2(nothing.fileno(), sys.stdout.fileno())
