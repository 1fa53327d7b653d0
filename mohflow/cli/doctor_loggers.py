"""Import a program, and look at the loggers and handlers that it leaves."""

from __future__ import annotations

import importlib
import logging
import logging.config
import os
import sys

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import structlog

from mohflow import Pipeline
from mohflow.cli.finding import Finding, fault, fine, note
from mohflow.stdlib import PipelineHandler


CONFIGURE = (
    (logging, "basicConfig"),
    (logging.config, "dictConfig"),
    (logging.config, "fileConfig"),
)
"""What takes handlers away, and disables loggers."""


class Program:
    """
    A program that was imported, and who configured logging meanwhile.

    Args:
        module: Its name; the current folder is searched first.
    """

    def __init__(self, module: str) -> None:
        self.calls: list[str] = []
        self.error = ""
        sys.path.insert(0, os.getcwd())
        with ExitStack() as stack:
            for owner, name in CONFIGURE:
                stack.enter_context(self._noted(owner, name))
            try:
                importlib.import_module(module)
            except (Exception, SystemExit) as error:  # shown
                self.error = f"{type(error).__name__}: {error}"
        last = structlog.get_config()["processors"][-1:]
        found = getattr(last[0], "pipeline", None) if last else None
        self.pipeline = found if isinstance(found, Pipeline) else None

    def findings(self) -> Iterator[Finding]:
        """Tell whether it is set up, and who else sets up logging."""
        if self.error:
            yield fault(f"it cannot be imported: {self.error}")
        if self.pipeline is None:
            yield fault(
                "importing it does not call mohflow.configure()",
                "Call it at the top of the module that starts the program.",
            )
        else:
            names = [route.delivery.name for route in self.pipeline.routes]
            yield fine(f"mohflow.configure() was called: {', '.join(names)}")
        for call in self.calls:
            yield note(call, "What it took away, MohFlow has put back.")

    @contextmanager
    def _noted(self, owner: Any, name: str) -> Iterator[None]:
        function: Callable[..., None] = getattr(owner, name)

        def noted(*args: Any, **kwargs: Any) -> None:
            self.calls.append(f"{owner.__name__}.{name}() at {_caller()}")
            function(*args, **kwargs)

        setattr(owner, name, noted)
        try:
            yield
        finally:
            if getattr(owner, name) is noted:
                setattr(owner, name, function)


def _caller() -> str:
    """Return file and line of the first frame that is not ours."""
    frame = sys._getframe(2)  # noqa: SLF001 - the documented way to a frame
    own = (os.path.dirname(os.path.dirname(__file__)), logging.__path__[0])
    while frame.f_back and frame.f_code.co_filename.startswith(own):
        frame = frame.f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"


def findings(pipeline: Pipeline | None) -> Iterator[Finding]:
    """Walk the loggers; tell what keeps a record from the sinks."""
    root = logging.getLogger()
    yield note(_line("root", root))
    if pipeline is not None and not _has_ours(root):
        yield fault(
            "the handler of MohFlow is not on the root logger",
            "capture_stdlib is off, or somebody has taken it away.",
        )
    for name, logger in _loggers():
        if _is_plain(logger):
            continue
        wrong = list(_wrong(logger))
        line = _line("  " * name.count(".") + name, logger)
        yield fault(line, *wrong) if wrong else note(line)


def _loggers() -> list[tuple[str, logging.Logger]]:
    known = logging.root.manager.loggerDict
    return sorted(
        (name, logger)
        for name, logger in known.items()
        if isinstance(logger, logging.Logger)
    )


def _is_plain(logger: logging.Logger) -> bool:
    """Tell whether *logger* does nothing but hand on what it gets."""
    shown = [h for h in logger.handlers if not _is_nothing(h)]
    is_changed = logger.disabled or not logger.propagate
    return not (shown or is_changed or logger.level)


def _wrong(logger: logging.Logger) -> Iterator[str]:
    if logger.disabled:
        yield (
            "It is disabled, so all it gets is lost: logging was configured "
            "with disable_existing_loggers."
        )
    shown = [h for h in logger.handlers if not _is_nothing(h)]
    if not logger.propagate and not shown:
        yield "It does not propagate and has no handler: its records are lost."
    elif not logger.propagate:
        yield "It does not propagate: its records do not reach MohFlow."
    above = [] if not logger.propagate else list(_above(logger))
    for number, handler in enumerate(shown):
        others = [*shown[:number], *above]
        if any(_goes_to(handler) == _goes_to(other) for other in others):
            yield f"{_named(handler)} is there twice: records show twice."


def _above(logger: logging.Logger) -> Iterator[logging.Handler]:
    """Yield the handlers that records of *logger* reach by propagating."""
    parent = logger.parent
    while parent is not None:
        yield from parent.handlers
        parent = parent.parent if parent.propagate else None


def _goes_to(handler: logging.Handler) -> object:
    if isinstance(handler, logging.FileHandler):
        return handler.baseFilename
    if isinstance(handler, logging.StreamHandler):
        return id(handler.stream)
    return id(handler)


def _has_ours(logger: logging.Logger) -> bool:
    return any(isinstance(h, PipelineHandler) for h in logger.handlers)


def _is_nothing(handler: logging.Handler) -> bool:
    return isinstance(handler, logging.NullHandler)


def _line(name: str, logger: logging.Logger) -> str:
    parts = [name, logging.getLevelName(logger.level)]
    parts += [_named(h) for h in logger.handlers if not _is_nothing(h)]
    if not logger.propagate:
        parts.append("does not propagate")
    if logger.disabled:
        parts.append("disabled")
    return ", ".join(parts)


def _named(handler: logging.Handler) -> str:
    name = type(handler).__name__
    if isinstance(handler, logging.FileHandler):
        return f"{name} to {handler.baseFilename}"
    if isinstance(handler, logging.StreamHandler):
        stream = getattr(handler.stream, "name", handler.stream)
        return f"{name} to {stream}"
    return name
