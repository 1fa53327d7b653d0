"""Put a pipeline in charge of the process, and give everything back."""

from __future__ import annotations

import os
import threading

from collections.abc import Callable, Sequence
from typing import Any

import structlog

from structlog.typing import Processor

from mohflow._build import build, stderr_route
from mohflow._emit import forget_call
from mohflow._exit import AtExit, say_losses
from mohflow._levels import level_number
from mohflow._logger import BoundLogger
from mohflow._pipeline import CHAIN, STAGE, THRESHOLDS, Pipeline
from mohflow.delivery import LedgerSnapshot
from mohflow.diagnostics import complain
from mohflow.hooks import UncaughtExceptions
from mohflow.settings import Settings
from mohflow.stdlib import StdlibCapture


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

    def install(
        self, settings: Settings, processors: Sequence[Processor]
    ) -> Pipeline:
        """
        Build a pipeline, put it in charge, and retire the one before.

        Raises:
            ConfigurationError: A sink cannot be used; nothing has changed.
        """
        with self._lock:
            pipeline = Pipeline(
                *build(settings, processors),
                watch=self._stdlib.watch,
                shutdown=self.remove,
            )
            old, self._settings = STAGE.pipeline, settings
            self._follow_forks()
            STAGE.pipeline = pipeline
            THRESHOLDS.reset(
                level_number(settings.level),
                {k: level_number(v) for k, v in settings.levels.items()},
                pipeline.levels,
            )
            self._configure_structlog()
            if settings.capture_stdlib:
                self._stdlib.start()
            else:
                self._stdlib.stop()
            self._hooks.start()
            has_queue = any(
                route.delivery.is_queued for route in pipeline.routes
            )
            self._at_exit.start(on_sigterm=has_queue)
        say_losses(old.close(settings.shutdown_timeout))
        return pipeline

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
            old.settle()
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
