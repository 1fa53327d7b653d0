"""From settings to a pipeline: which steps, which renderers, which sinks."""

from __future__ import annotations

import os
import sys
import threading

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, cast

from structlog.typing import Processor

from mohflow import plugins
from mohflow._delivery_options import DeliveryOptions
from mohflow._levels import level_number
from mohflow._routes import Route, Steps
from mohflow.delivery import Inline
from mohflow.exceptions import ConfigurationError
from mohflow.processors.console import ConsoleRenderer
from mohflow.processors.context import (
    StaticFields,
    add_logger_name,
    add_trace_ids,
)
from mohflow.processors.errors import StructuredExceptions
from mohflow.processors.level import add_level
from mohflow.processors.limits import LineLimit
from mohflow.processors.logfmt import LogfmtRenderer
from mohflow.processors.masking import Masker
from mohflow.processors.plain import Plain
from mohflow.processors.profiles import PROFILES, ProfileRenderer
from mohflow.processors.render import JsonRenderer
from mohflow.processors.timestamp import AddTimestamp
from mohflow.settings import Settings
from mohflow.sinks._loki_options import LokiOptions
from mohflow.sinks.console import (
    ConsoleOptions,
    ConsoleSink,
    is_terminal,
    wants_colors,
)
from mohflow.sinks.file import FileOptions, FileSink
from mohflow.typing import Renderer


Render = Callable[..., Renderer]


def build(
    settings: Settings,
    processors: Sequence[Processor] = (),
    environ: Mapping[str, str] = os.environ,
) -> tuple[Steps, list[Route]]:
    """
    Return the steps and the sinks that *settings* describe, files opened.

    Args:
        settings: What is wanted.
        processors: The user's, between the timestamp and the exceptions.
        environ: Tells whether colours are wanted.

    Raises:
        ConfigurationError: A sink cannot be used.
    """
    render = _renderers(settings.max_line_bytes)
    routes = [
        *_console(settings, render, environ),
        *_file(settings, render),
        *_remote(settings, render),
    ]
    return _steps(settings, processors), routes


def stderr_route(max_line_bytes: int) -> Route:
    """Return where events go after :func:`mohflow.shutdown`."""
    sink = ConsoleSink(ConsoleOptions(stream="stderr"))
    return Route(
        Inline("stderr", sink), LineLimit(JsonRenderer(), max_line_bytes)
    )


def _steps(settings: Settings, processors: Sequence[Processor]) -> Steps:
    static = StaticFields(
        service=settings.service, environment=settings.environment
    )
    hide = Plain() if settings.masking is False else Masker(settings.masking)
    exceptions = StructuredExceptions(locals=settings.traceback_locals)
    return Steps(
        before=(
            add_level,
            add_logger_name,
            static,
            add_trace_ids,
            AddTimestamp(),
        ),
        user=tuple(processors),
        after=(exceptions, hide),
    )


def _renderers(max_line_bytes: int) -> Render:
    """Return a function that makes each renderer once."""

    @cache
    def render(name: str, *, colors: bool = False) -> Renderer:
        return LineLimit(_renderer(name, colors=colors), max_line_bytes)

    return render


def _renderer(name: str, *, colors: bool) -> Renderer:
    if name == "console":
        return ConsoleRenderer(colors=colors)
    if name == "logfmt":
        return LogfmtRenderer()
    if name in PROFILES:
        return ProfileRenderer(PROFILES[name])
    return JsonRenderer()


def _console(
    settings: Settings, render: Render, environ: Mapping[str, str]
) -> list[Route]:
    if settings.console is False:
        return []
    options = settings.console or ConsoleOptions()
    stream = getattr(sys, options.stream)
    colors = wants_colors(stream, environ)
    is_for_people = is_terminal(stream) or colors
    name = options.format or ("console" if is_for_people else "json")
    delivery = Inline("console", ConsoleSink(options))
    renderer = render(name, colors=colors)
    return [Route(delivery, renderer, _number(options.level))]


def _file(settings: Settings, render: Render) -> list[Route]:
    if not isinstance(settings.file, FileOptions):
        return []
    options = settings.file
    delivery = Inline("file", FileSink(options, background=_in_background))
    delivery.sink.check()
    return [Route(delivery, render(options.format), _number(options.level))]


def _remote(settings: Settings, render: Render) -> list[Route]:
    given: dict[str, Any] = dict(settings.sinks)
    for name in given.keys() & {"console", "file", "loki", "stderr"}:
        msg = (
            f"sinks cannot have a sink named {name!r}: the name is taken. "
            "Choose another, or use the setting of that name."
        )
        raise ConfigurationError(msg)
    if isinstance(settings.loki, LokiOptions):
        given["loki"] = settings.loki
    return [
        _delivery(name, what, settings, render) for name, what in given.items()
    ]


def _delivery(
    name: str, what: Any, settings: Settings, render: Render
) -> Route:
    # A program without a remote sink pays for no queue and no disk.
    from mohflow.delivery.disk import Disk  # noqa: PLC0415
    from mohflow.delivery.engine import Delivery  # noqa: PLC0415

    sink, options = plugins.make(name, what, _labels(settings))
    bounds = (
        options
        if isinstance(options, DeliveryOptions)
        else DeliveryOptions(linger=sink.limits.max_age)
    )
    disk = None
    if plugins.wants_disk(name, bounds, settings.spool_dir):
        disk = Disk.below(cast("Path", settings.spool_dir), name)
    level = getattr(options, "level", None)
    form = getattr(options, "format", "json")
    return Route(
        Delivery(name, sink, bounds, disk), render(form), _number(level)
    )


def _labels(settings: Settings) -> dict[str, str]:
    labels = {
        "service_name": settings.service,
        "environment": settings.environment,
    }
    return {name: value for name, value in labels.items() if value}


def _number(level: int | str | None) -> int | None:
    return None if level is None else level_number(level)


def _in_background(work: Callable[[], None]) -> None:
    """Run *work* off the caller's thread; the exit does not wait for it."""
    thread = threading.Thread(target=work, name="mohflow-files", daemon=True)
    # At the very end of the interpreter no thread can be started any more;
    # the next program that rotates the file does the work.
    with suppress(RuntimeError):
        thread.start()
