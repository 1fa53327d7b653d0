"""From settings to a pipeline: which steps, which renderers, which sinks."""

from __future__ import annotations

import os
import sys
import threading
import time

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from functools import cache
from pathlib import Path
from typing import Any, cast

from pydantic import BaseModel
from structlog.typing import Processor

from mohflow._delivery_options import DeliveryOptions
from mohflow._levels import level_number
from mohflow._routes import Carrier, Route, Steps
from mohflow.delivery import Inline
from mohflow.processors.context import (
    StaticFields,
    add_logger_name,
    add_trace_ids,
)
from mohflow.processors.errors import StructuredExceptions
from mohflow.processors.level import add_level
from mohflow.processors.limits import LineLimit
from mohflow.processors.masking import Masker
from mohflow.processors.plain import Plain
from mohflow.processors.render import JsonRenderer
from mohflow.processors.timestamp import AddTimestamp
from mohflow.settings import Settings, plugins
from mohflow.sinks._file_options import FileOptions
from mohflow.sinks._loki_options import LokiOptions
from mohflow.sinks.console import ConsoleOptions, ConsoleSink
from mohflow.sinks.terminal import is_terminal, wants_colors
from mohflow.typing import Renderer


Render = Callable[..., Renderer]


class Deliveries:
    """
    Make deliveries, or take over those that would be the same.

    Args:
        routes: Those that are in force; none when all is to be new.
    """

    def __init__(self, routes: Sequence[Route] = ()) -> None:
        self._old = {route.delivery.name: route for route in routes}
        self._new: list[Carrier] = []

    def get(
        self, name: str, made_of: object, make: Callable[[], Carrier]
    ) -> Carrier:
        """Return the delivery called *name*."""
        old = self._old.get(name)
        if old is not None and old.made_of == made_of:
            return old.delivery
        self._new.append(make())
        return self._new[-1]

    def undo(self) -> None:
        """Close what was made, because the rest cannot be."""
        for delivery in self._new:
            delivery.close(time.monotonic())


def build(
    settings: Settings,
    processors: Sequence[Processor] = (),
    environ: Mapping[str, str] = os.environ,
    old: Sequence[Route] = (),
) -> tuple[Steps, list[Route]]:
    """
    Return the steps and the sinks that *settings* describe, files opened.

    Args:
        settings: What is wanted.
        processors: The user's, between the timestamp and the exceptions.
        environ: Tells whether colours are wanted.
        old: Routes whose deliveries go on where they would be the same.

    Raises:
        ConfigurationError: A sink cannot be used.
    """
    render = _renderers(settings.max_line_bytes)
    deliveries = Deliveries(old)
    with ExitStack() as undo:
        undo.callback(deliveries.undo)
        routes = [
            *_console(settings, render, environ, deliveries),
            *_file(settings, render, deliveries),
            *_remote(settings, render, deliveries),
        ]
        undo.pop_all()
    return steps_for(settings, processors), routes


def stderr_route(max_line_bytes: int) -> Route:
    """Return where events go after :func:`mohflow.shutdown`."""
    sink = ConsoleSink(ConsoleOptions.model_construct(stream="stderr"))
    return Route(
        Inline("stderr", sink), LineLimit(JsonRenderer(), max_line_bytes)
    )


def steps_for(settings: Settings, processors: Sequence[Processor]) -> Steps:
    """Return the steps that *settings* describe, those of the user inside."""
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
    # A program pays for the formats that it writes.
    if name == "json":
        return JsonRenderer()
    if name == "console":
        from mohflow.processors.console import (  # noqa: PLC0415
            ConsoleRenderer,
        )

        return ConsoleRenderer(colors=colors)
    if name == "logfmt":
        from mohflow.processors.logfmt import LogfmtRenderer  # noqa: PLC0415

        return LogfmtRenderer()
    from mohflow.processors.profiles import (  # noqa: PLC0415
        PROFILES,
        ProfileRenderer,
    )

    mapping = PROFILES.get(name)
    return ProfileRenderer(mapping) if mapping else JsonRenderer()


def _console(
    settings: Settings,
    render: Render,
    environ: Mapping[str, str],
    deliveries: Deliveries,
) -> list[Route]:
    if settings.console is False:
        return []
    options = settings.console or ConsoleOptions.model_construct()
    stream = getattr(sys, options.stream)
    colors = wants_colors(stream, environ)
    is_for_people = is_terminal(stream) or colors
    name = options.format or ("console" if is_for_people else "json")
    made_of = _without_form(options)
    delivery = deliveries.get(
        "console", made_of, lambda: Inline("console", ConsoleSink(options))
    )
    renderer = render(name, colors=colors)
    return [Route(delivery, renderer, _number(options.level), made_of)]


def _file(
    settings: Settings, render: Render, deliveries: Deliveries
) -> list[Route]:
    if not isinstance(settings.file, FileOptions):
        return []
    options = settings.file

    def make() -> Inline:
        # A program without a file pays for no rotation.
        from mohflow.sinks.file import FileSink  # noqa: PLC0415

        sink = FileSink(options, background=_in_background)
        sink.check()
        return Inline("file", sink)

    made_of = _without_form(options)
    delivery = deliveries.get("file", made_of, make)
    renderer = render(options.format)
    return [Route(delivery, renderer, _number(options.level), made_of)]


def _remote(
    settings: Settings, render: Render, deliveries: Deliveries
) -> list[Route]:
    given: dict[str, Any] = dict(settings.sinks)
    if isinstance(settings.loki, LokiOptions):
        given["loki"] = settings.loki
    return [
        _queued(name, what, settings, render, deliveries)
        for name, what in given.items()
    ]


def _queued(
    name: str,
    what: Any,
    settings: Settings,
    render: Render,
    deliveries: Deliveries,
) -> Route:
    kind, options = plugins.resolve(what)
    labels = _labels(settings)
    form = getattr(options, "format", "json")
    made_of = (
        kind,
        _without_form(options),
        labels,
        settings.spool_dir,
        form == "json",
    )

    def make() -> Carrier:
        # A program without a remote sink pays for no queue and no disk.
        from mohflow.delivery.disk import Disk  # noqa: PLC0415
        from mohflow.delivery.engine import Delivery  # noqa: PLC0415

        sink = plugins.create(kind, options, labels)
        bounds = (
            options
            if isinstance(options, DeliveryOptions)
            else DeliveryOptions(linger=sink.limits.max_age)
        )
        disk = None
        if plugins.wants_disk(bounds, settings.spool_dir):
            disk = Disk.below(cast("Path", settings.spool_dir), name)
        return Delivery(name, sink, bounds, disk, is_json=form == "json")

    return Route(
        deliveries.get(name, made_of, make),
        render(form),
        _number(getattr(options, "level", None)),
        made_of,
    )


def _without_form(options: BaseModel | None) -> BaseModel | None:
    """Return *options* without what the route decides, not the delivery."""
    if options is None:
        return None
    names = {"format", "level"} & type(options).model_fields.keys()
    return options.model_copy(update=dict.fromkeys(names))


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
