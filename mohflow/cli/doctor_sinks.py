"""Ask every sink whether it works."""

from __future__ import annotations

from collections.abc import Iterator

import mohflow

from mohflow import Pipeline, Settings, Sink
from mohflow.cli.finding import Finding, fault, fine, note
from mohflow.cli.places import sinks_of
from mohflow.exceptions import ConfigurationError, SinkError
from mohflow.settings import plugins
from mohflow.sinks.console import ConsoleSink


def of_settings(settings: Settings) -> Iterator[Finding]:
    """Make each remote sink of *settings* and ask it."""
    known = {
        "service_name": settings.service,
        "environment": settings.environment,
    }
    labels = {name: value for name, value in known.items() if value}
    for name, what in sinks_of(settings).items():
        try:
            sink, _ = plugins.make(name, what, labels)
        except ConfigurationError as error:
            yield fault(f"{name}: it cannot be made", *str(error).splitlines())
            continue
        yield from examine(name, sink)


def of_pipeline(pipeline: Pipeline) -> Iterator[Finding]:
    """Ask each sink of a program that was imported; nothing runs any more."""
    mohflow.shutdown()
    for route in pipeline.routes:
        sink = route.delivery.sink
        if isinstance(sink, ConsoleSink):
            yield fine(f"{route.delivery.name}: on")
        else:
            yield from examine(route.delivery.name, sink)


def examine(name: str, sink: Sink) -> Iterator[Finding]:
    """Ask *sink* whether it works."""
    url = getattr(getattr(sink, "options", None), "url", "")
    where = f"{name} {url}".strip()
    yield from _proxy(where, sink)
    try:
        found = sink.check()
    except SinkError as error:
        notes = getattr(error, "__notes__", ())
        yield fault(f"{where}: {error.reason}", *notes)
    except ConfigurationError as error:
        yield fault(where, *str(error).splitlines())
    except Exception as error:  # shown
        yield fault(
            f"{where}: its check failed",
            f"{type(error).__name__}: {error}",
            "That is a fault of the sink. Tell its author.",
        )
    else:
        yield fine(f"{where}: {found or 'its check found no fault'}")
    finally:
        sink.close()


def _proxy(where: str, sink: Sink) -> Iterator[Finding]:
    proxy = getattr(sink, "proxy", None)
    if proxy:
        yield note(
            f"{where}: requests go through the proxy {proxy}",
            "It is set as proxy, or by HTTP_PROXY, HTTPS_PROXY or ALL_PROXY; "
            "NO_PROXY makes exceptions.",
        )
