"""
``mohflow view``: JSON lines as the console shows them.

It reads files, rotated and gzipped ones too, or what is piped in; it chooses
events, follows files, and pages.
"""

from __future__ import annotations

import argparse
import os
import sys

from contextlib import ExitStack
from datetime import UTC, datetime

from mohflow.cli.view import conditions, files, output, screens
from mohflow.cli.view.conditions import Condition, Mistake
from mohflow.cli.view.screens import Screen
from mohflow.cli.view.show import Show
from mohflow.cli.view.text import Writer
from mohflow.processors.console import ConsoleRenderer
from mohflow.sinks.terminal import wants_colors


FOLLOWED_LINES = 10
"""Shown before what is appended, as by ``tail -f``."""

_DESCRIPTION = """\
Show JSON lines as the console does: one event a line, tracebacks below.

Lines of other tools are understood too: ECS, Google Cloud, OpenTelemetry,
Datadog, pino, bunyan, logfmt. Any other line is shown as it is, with escapes
for what a terminal would obey; with a filter it is left out."""

_EXAMPLES = """\
examples:
  mohflow view shop.log                        page through a file
  mohflow view -f shop.log                     follow it, across rotations
  mohflow view -l warning --since 2h shop.log  what went wrong lately
  mohflow view -w user_id=42 -w 'duration_ms>500' --rotated shop.log
  mohflow view --merge web.log worker.log      two files, ordered by time
  python shop.py | mohflow view                what a program prints

a condition:  FIELD=VALUE  FIELD!=VALUE  FIELD~PART  FIELD<NUMBER  (<= > >=)
              a.b=VALUE looks into objects, items.0=VALUE into lists

exit code: 0 shown, 1 not read or written to the end, 2 a mistake in the
command, 130 Ctrl-C"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Tell *parser* what the command takes."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.description = _DESCRIPTION
    parser.epilog = _EXAMPLES
    add = parser.add_argument
    add(
        "files",
        nargs="*",
        metavar="FILE",
        help="plain or gzipped; - is stdin, as is no FILE",
    )
    add(
        "-f",
        "--follow",
        action="store_true",
        help="wait for more, also after the file was rotated or emptied",
    )
    add(
        "-n",
        "--lines",
        metavar="N",
        help="the last N events only (with -f and no --since: 10)",
    )
    add(
        "--rotated",
        action="store_true",
        help="read the rotated siblings of each FILE before it",
    )
    add(
        "--merge",
        action="store_true",
        help="order the events of several files by time",
    )
    _add_filters(parser)
    add(
        "--color",
        choices=("auto", "always", "never"),
        default="auto",
        help="auto: on a terminal, unless NO_COLOR; also with FORCE_COLOR",
    )
    add(
        "--no-pager",
        action="store_true",
        help="never start PAGER (less) for files on a terminal",
    )


def _add_filters(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group(
        "filters, all of which must hold"
    ).add_argument
    add("-l", "--level", help="this level and above")
    add(
        "--since",
        metavar="TIME",
        help="10m ago (s, m, h, d, w), 2026-11-24, or 2026-11-24T03:19",
    )
    add("--until", metavar="TIME", help="before this time")
    add(
        "--logger",
        action="append",
        metavar="NAME",
        help="this logger and those below; may be repeated: any of them",
    )
    add(
        "-w",
        "--where",
        action="append",
        default=[],
        metavar="CONDITION",
        help="a condition on a field; may be repeated",
    )


def run(options: argparse.Namespace) -> int:
    """Show what is asked for; return the exit code."""
    try:
        names = _names(options)
        count = _count(options)
        chosen, screened = _choice(options, datetime.now(UTC))
    except Mistake as mistake:
        return _complain(str(mistake), 2)
    try:
        return _show(options, names, count, _writer(options, chosen, screened))
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Whoever reads has seen enough.
        return 0
    except OSError as error:
        return _complain(f"{error}.", 1)


def _complain(message: str, code: int) -> int:
    print(f"mohflow view: {message}", file=sys.stderr)
    return code


def _writer(
    options: argparse.Namespace,
    chosen: list[Condition],
    screened: list[Screen],
) -> Writer:
    colors = {"always": True, "never": False}.get(
        options.color, wants_colors(sys.stdout, os.environ)
    )
    renderer = ConsoleRenderer(colors, dates=True)
    return Writer(renderer, chosen, screened, sys.stdout.encoding)


def _show(
    options: argparse.Namespace,
    names: list[str],
    count: int | None,
    writer: Writer,
) -> int:
    with ExitStack() as stack:
        descriptor = sys.stdout.fileno()
        if _is_paged(options, names):
            descriptor = stack.enter_context(output.paged())
        show = Show(writer, descriptor)
        if options.merge:
            show.merged(names, count)
        elif options.follow:
            show.follow(names, count)
        elif count is not None:
            show.last(names, count)
        else:
            for name in names:
                show.everything(name)
    for failure in show.failures:
        _complain(failure, 1)
    return 1 if show.failures else 0


def _is_paged(options: argparse.Namespace, names: list[str]) -> bool:
    """Tell whether to page: a file, not what is still being written."""
    is_live = options.follow or files.STDIN in names
    if options.no_pager or is_live or os.environ.get("TERM") == "dumb":
        return False
    return sys.stdout.isatty()


def _names(options: argparse.Namespace) -> list[str]:
    names = options.files or [files.STDIN]
    if names == [files.STDIN] and sys.stdin.isatty():
        msg = "nothing to read. Name a FILE, or pipe lines in; see --help."
        raise Mistake(msg)
    files.check(names)
    if options.merge and options.follow:
        msg = (
            "--merge cannot order what --follow waits for. Leave one of them "
            "out."
        )
        raise Mistake(msg)
    if options.rotated:
        names = [n for name in names for n in files.with_rotated(name)]
        files.check(names)
    return list(names)


def _count(options: argparse.Namespace) -> int | None:
    if options.lines is None:
        is_short = options.follow and options.since is None
        return FOLLOWED_LINES if is_short else None
    if not options.lines.isdecimal():
        msg = f"not a number of events: {options.lines!r}. Write -n 20."
        raise Mistake(msg)
    return int(options.lines)


def _choice(
    options: argparse.Namespace, now: datetime
) -> tuple[list[Condition], list[Screen]]:
    chosen = []
    level = options.level
    if level is not None:
        chosen.append(conditions.at_least(level))
    since, until = (
        None if text is None else conditions.moment(text, now)
        for text in (options.since, options.until)
    )
    if since is not None or until is not None:
        chosen.append(conditions.within(since, until))
    if options.logger:
        chosen.append(conditions.from_loggers(options.logger))
    chosen += [conditions.on_field(text) for text in options.where]
    found = [
        screens.on_head(level, since, until),
        *map(screens.on_field, options.where),
    ]
    return chosen, [screen for screen in found if screen]
