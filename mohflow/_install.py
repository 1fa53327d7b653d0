"""Put a pipeline in charge of the process, and give everything back."""

from __future__ import annotations

import os
import threading

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog

from structlog.typing import Processor

from mohflow._build import build, stderr_route
from mohflow._changes import differences, say_changed, say_refused
from mohflow._emit import forget_call, undisturbed
from mohflow._exit import AtExit
from mohflow._fastpath import compiled
from mohflow._levels import level_number
from mohflow._logger import BoundLogger
from mohflow._pipeline import CHAIN, STAGE, THRESHOLDS, Pipeline
from mohflow._retire import Retired
from mohflow._routes import Route, Steps
from mohflow.delivery import LedgerSnapshot
from mohflow.diagnostics import complain
from mohflow.exceptions import ConfigurationError
from mohflow.hooks import UncaughtExceptions
from mohflow.settings import Settings
from mohflow.stdlib import StdlibCapture


if TYPE_CHECKING:
    from mohflow.settings._watch import Watcher


ABOUT_STEPS = ("service", "environment", "masking", "traceback_locals")
"""Settings that the steps are made of."""

ABOUT_LEVELS = ("level", "levels")
"""Settings that the rules for levels are made of."""


class Installation:
    """
    What MohFlow has changed in this process, and how to undo it.

    The first :meth:`install` changes structlog, logging, the hooks and
    SIGTERM; further ones swap the pipeline; :meth:`remove` puts all back.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._before: Callable[[], None] | None = None
        self._settings = Settings.model_construct()
        self._stdlib = StdlibCapture()
        self._hooks = UncaughtExceptions()
        self._at_exit = AtExit(self.finish)
        self._is_fork_watched = False
        self._processors: tuple[Processor, ...] = ()
        self._shutdown: Callable[[], object] = self.remove
        self._watcher: Watcher | None = None

    def install(
        self, settings: Settings, processors: Sequence[Processor]
    ) -> Pipeline:
        """
        Build a pipeline, put it in charge, and retire the one before.

        Raises:
            ConfigurationError: A sink cannot be used; nothing has changed.
        """
        with self._lock:
            steps, routes = build(settings, processors)
            self._processors = tuple(processors)
            self._shutdown = partial(self.remove)
            pipeline = self._pipeline(steps, routes)
            self._follow_forks()
            retired = self._swap(pipeline, settings, settings.levels)
            self._configure_structlog()
            self._hooks.start()
        retired.close(settings.shutdown_timeout)
        return pipeline

    def reload(self) -> bool:
        """
        Read all sources again, and put in charge what they say now.

        Sinks that stay the same go on, with what waits in them. Levels that
        were set in the meantime stay, unless those of the settings changed.

        Returns:
            Whether anything has changed.

        Raises:
            ConfigurationError: It cannot be used; nothing has changed.
        """
        with self._lock:
            if self._before is None:
                msg = "Nothing is configured. Call mohflow.configure() first."
                raise ConfigurationError(msg)
            old = self._settings
            try:
                new = old.reread()
                changes = differences(old, new)
                retired = self._replace(new) if changes else None
            except ConfigurationError as error:
                say_refused(error)
                raise
        if retired is None:
            return False
        say_changed(changes)
        retired.close(new.shutdown_timeout)
        return True

    def _replace(self, new: Settings) -> Retired:
        """Put *new* in charge, with what can go on of what is."""
        running, old = STAGE.pipeline, self._settings
        steps, routes = build(new, self._processors, old=running.routes)
        if _same(ABOUT_STEPS, old, new):
            steps = running.steps
        levels = None if _same(ABOUT_LEVELS, old, new) else new.levels
        return self._swap(self._pipeline(steps, routes), new, levels)

    def _pipeline(self, steps: Steps, routes: Sequence[Route]) -> Pipeline:
        pipeline = Pipeline(
            steps, routes, watch=self._stdlib.watch, shutdown=self._shutdown
        )
        pipeline.fast = compiled(pipeline)
        return pipeline

    def _swap(
        self,
        pipeline: Pipeline,
        settings: Settings,
        levels: Mapping[str, int | str] | None,
    ) -> Retired:
        """Replace the pipeline and the levels, unless ``None``, as one."""
        if STAGE.pipeline.steps is not pipeline.steps:
            STAGE.pipeline.steps.settle()
        pipeline.settings = settings
        retired = Retired(STAGE.pipeline, pipeline)
        self._settings = settings
        own_levels = pipeline.levels
        swap = partial(setattr, STAGE, "pipeline", pipeline)
        if levels is None:
            THRESHOLDS.reset_sinks(own_levels, swap)
        else:
            numbers = {name: level_number(v) for name, v in levels.items()}
            level = level_number(settings.level)
            THRESHOLDS.reset(level, numbers, own_levels, swap)
        if settings.capture_stdlib:
            self._stdlib.start()
        else:
            self._stdlib.stop()
        has_queue = any(route.delivery.is_queued for route in pipeline.routes)
        self._at_exit.start(on_sigterm=has_queue)
        self._watch(settings)
        return retired

    def _watch(self, settings: Settings) -> None:
        if settings.watch is not None:
            if self._watcher is None:
                # Most programs watch nothing.
                from mohflow.settings._watch import Watcher  # noqa: PLC0415

                self._watcher = Watcher(self._files, self._reload_quietly)
            self._watcher.start(settings.watch)
        elif self._watcher is not None:
            self._watcher.stop()

    def _files(self) -> list[Path]:
        return self._settings.files()

    def _reload_quietly(self) -> None:
        """Reload; what is refused is in the log already."""
        with undisturbed(), suppress(ConfigurationError):
            self.reload()

    def remove(
        self, timeout: float | None = None
    ) -> dict[str, LedgerSnapshot]:
        """
        Deliver what can be in *timeout* seconds, close, put all back.

        Events of loggers that are still held go to stderr from then on.
        """
        with self._lock:
            if self._before is None:
                return STAGE.pipeline.ledger()
            if self._watcher is not None:
                self._watcher.stop()
            self._hooks.stop()
            self._stdlib.stop()
            self._at_exit.stop()
            self._before()
            self._before = None
            return self.finish(timeout)

    def finish(
        self, timeout: float | None = None
    ) -> dict[str, LedgerSnapshot]:
        """
        Deliver what can be in *timeout* seconds, and close the sinks.

        All loggers stay ours; their events go to stderr from then on.
        """
        with self._lock:
            old = STAGE.pipeline
            old.steps.settle()
            route = stderr_route(self._settings.max_line_bytes)
            STAGE.pipeline = Pipeline(old.steps, [route])
            if timeout is None:
                timeout = self._settings.shutdown_timeout
            return old.close(timeout)

    def _configure_structlog(self) -> None:
        if self._before is None:
            self._before = _restore_structlog()
        structlog.configure(
            processors=CHAIN,
            wrapper_class=BoundLogger,
            context_class=dict,
            logger_factory=_output,
            # Test tools replace the configuration under cached loggers.
            cache_logger_on_first_use="PYTEST_VERSION" not in os.environ,
        )

    def _follow_forks(self) -> None:
        if not self._is_fork_watched and hasattr(os, "register_at_fork"):
            self._is_fork_watched = True
            os.register_at_fork(after_in_child=self._after_fork)

    def _after_fork(self) -> None:
        self._lock = threading.RLock()
        complain.after_fork()
        forget_call()
        THRESHOLDS.after_fork()
        STAGE.pipeline.after_fork()
        self._at_exit.after_fork()
        if self._watcher is not None:
            self._watcher.after_fork()


def _same(names: Sequence[str], old: Settings, new: Settings) -> bool:
    return all(getattr(old, name) == getattr(new, name) for name in names)


def _restore_structlog() -> Callable[[], None]:
    """Return how to put structlog's configuration back as it is now."""
    is_configured = structlog.is_configured()
    config = structlog.get_config()
    # Loggers that were bound before hold this list: they follow, too.
    held = config["processors"]
    processors = list(held)
    if isinstance(held, list):
        held[:] = CHAIN

    def restore() -> None:
        if isinstance(held, list):
            held[:] = processors
        if structlog.get_config()["processors"] is not CHAIN:
            return
        structlog.configure(**config)
        if not is_configured:
            structlog.reset_defaults()

    return restore


def _output(name: Any = None, *_: Any) -> Any:
    """Make the wrapped logger, as structlog's ``logger_factory``."""
    return THRESHOLDS.gate_of(None if name is None else str(name))


INSTALLATION = Installation()
"""The one installation of this process."""
