"""The front door."""

from __future__ import annotations

import asyncio
import os

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, cast

import structlog

from pydantic import BaseModel
from structlog.typing import FilteringBoundLogger, Processor

from mohflow._changes import say_level
from mohflow._emit import undisturbed
from mohflow._install import INSTALLATION
from mohflow._levels import level_number
from mohflow._pipeline import STAGE, THRESHOLDS, Pipeline
from mohflow.delivery import LedgerSnapshot
from mohflow.exceptions import ConfigurationError
from mohflow.processors.masking import MaskingOptions
from mohflow.settings import Settings, warn_of_unknown_variables
from mohflow.sinks._file_options import FileOptions
from mohflow.sinks._loki_options import LokiOptions
from mohflow.sinks.console import ConsoleOptions
from mohflow.typing import Sink


def configure(
    settings: Settings | None = None,
    *,
    service: str | None = None,
    environment: str | None = None,
    level: int | str | None = None,
    console: ConsoleOptions | Literal[False] | None = None,
    file: FileOptions | str | Path | Literal[False] | None = None,
    loki: LokiOptions | str | Literal[False] | None = None,
    sinks: Mapping[str, Sink | BaseModel | Mapping[str, Any]] | None = None,
    masking: MaskingOptions | Literal[False] | None = None,
    processors: Sequence[Processor] = (),
    capture_stdlib: bool | None = None,
    spool_dir: str | Path | None = None,
) -> Pipeline:
    """
    Set up logging for the whole process.

    Everything that is left out comes from *settings*, or else from
    ``MOHFLOW_`` variables, or else from the defaults: one sink on stdout,
    readable on a terminal and JSON lines elsewhere, level info, masking on,
    the standard library's logging and warnings captured, uncaught exceptions
    logged.

    A second call replaces the first; loggers that exist follow it. An event
    goes to the sinks of one of the two, never to some of each.

    Args:
        settings: Settings made before; the other arguments win over them.
        service: Name of the program, in every event.
        environment: Where it runs, in every event.
        level: A number, or a name in any case. Sinks may have their own.
        console: Options; ``False`` for no console.
        file: A path or options; ``None`` or ``False`` for no file.
        loki: A URL or options; ``None`` or ``False`` for no Loki.
        sinks: Further sinks, by name: a sink, its options, or a mapping with
            ``type`` and its options.
        masking: Options; ``False`` to write secrets as they are.
        processors: Yours. They run after level, static fields and timestamp,
            and before exceptions and masking; what they add is masked.
        capture_stdlib: ``False`` to leave the standard library's logging and
            warnings alone.
        spool_dir: A folder where remote sinks keep what they cannot send.

    Returns:
        The pipeline; as a context manager it shuts down at the end.

    Raises:
        ConfigurationError: A setting is not allowed, or a sink cannot be
            used. What was configured before is still in force.
    """
    given = {
        "service": service,
        "environment": environment,
        "level": level,
        "console": console,
        "file": file,
        "loki": loki,
        "sinks": sinks,
        "masking": masking,
        "capture_stdlib": capture_stdlib,
        "spool_dir": spool_dir,
    }
    _check_processors(processors)
    made = _merge(settings, given)
    with undisturbed():
        return INSTALLATION.install(made, tuple(processors))


def _check_processors(processors: Any) -> None:
    if not isinstance(processors, (list, tuple)):
        msg = f"processors cannot be {processors!r}. Give a list of functions."
        raise ConfigurationError(msg)
    for processor in processors:
        if not callable(processor):
            msg = (
                f"processors cannot contain {processor!r}: it is not callable."
                " Give functions (logger, method_name, event_dict) -> dict."
            )
            raise ConfigurationError(msg)


def _merge(settings: Settings | None, arguments: dict[str, Any]) -> Settings:
    warn_of_unknown_variables(os.environ)
    given = {name: v for name, v in arguments.items() if v is not None}
    if settings is None:
        return Settings(**given)
    if not isinstance(settings, Settings):
        msg = (
            f"settings cannot be {settings!r}. Give mohflow.Settings(...), or "
            "single settings by name, as in configure(service=...)."
        )
        raise ConfigurationError(msg)
    return Settings(**(settings.arguments() | given))


def get_logger(
    name: str | None = None, **initial: Any
) -> FilteringBoundLogger:
    """
    Return a logger, as :func:`structlog.get_logger` does, but typed.

    Args:
        name: Becomes the field ``logger`` and selects the level.
        initial: Fields of every event of this logger.
    """
    args = () if name is None else (name,)
    logger = structlog.get_logger(*args, **initial)
    return cast("FilteringBoundLogger", logger)


def set_level(
    level: int | str, logger: str | None = None, ttl: float | None = None
) -> None:
    """
    Change a level now, for every logger that exists or will.

    It is logged as ``level_changed``, which no level hides.

    Args:
        level: A number, or a name in any case.
        logger: The loggers of this name and below; all when left out.
        ttl: Seconds after which the level before comes back.

    Raises:
        ConfigurationError: The level or the time is not allowed.
    """
    if ttl is not None and not (isinstance(ttl, (int, float)) and ttl > 0):
        msg = f"ttl cannot be {ttl!r}. Give seconds above 0, or leave it out."
        raise ConfigurationError(msg)
    try:
        number = level_number(level)
    except ValueError as error:
        raise ConfigurationError(str(error)) from None
    THRESHOLDS.set(number, logger, ttl)
    say_level(number, logger, ttl)


def reload() -> bool:
    """
    Read variables and files again, and put in force what they say now.

    The arguments of :func:`configure` stay. No event is lost or doubled;
    sinks whose options are the same go on. What has changed is logged as
    ``settings_changed``, each value before and after, secrets hidden; what
    cannot be used as ``settings_refused``. No level hides either.

    Returns:
        Whether anything has changed.

    Raises:
        ConfigurationError: It cannot be used. What was configured before is
            still in force.
    """
    with undisturbed():
        return INSTALLATION.reload()


def flush(timeout: float = 5.0) -> bool:
    """
    Write what the sinks have queued, for at most *timeout* seconds.

    Returns:
        Whether nothing that was accepted before the call still waits.
    """
    with undisturbed():
        return STAGE.pipeline.flush(timeout)


async def aflush(timeout: float = 5.0) -> bool:  # noqa: ASYNC109 - like flush
    """Like :func:`flush`, without blocking the event loop."""
    return await asyncio.to_thread(flush, timeout)


def ledger() -> dict[str, LedgerSnapshot]:
    """Return what became of the events of each sink, by its name."""
    with undisturbed():
        return STAGE.pipeline.ledger()


def shutdown(timeout: float = 5.0) -> dict[str, LedgerSnapshot]:
    """
    Deliver what can be in *timeout* seconds, close the sinks, undo all.

    structlog, the standard library's logging and the hooks are then as they
    were before :func:`configure`. Events of loggers that are still held go to
    stderr.

    Returns:
        What became of the events of each sink, by its name.
    """
    with undisturbed():
        return INSTALLATION.remove(timeout)
