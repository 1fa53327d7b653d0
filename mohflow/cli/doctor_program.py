"""Import a program, and note who sets up logging meanwhile."""

from __future__ import annotations

import importlib
import logging
import logging.config
import os
import sys

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import FrameType
from typing import Any

import structlog

from mohflow import Pipeline
from mohflow.cli.finding import Finding, fault, fine, near, note
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
        self._taken_at = ""
        self._had_ours = False
        sys.path.insert(0, os.getcwd())
        with ExitStack() as stack:
            for owner, name in CONFIGURE:
                stack.enter_context(self._noted(owner, name))
            stack.callback(sys.setprofile, sys.getprofile())
            sys.setprofile(self._look)
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
            yield fault(
                f"it cannot be imported: {self.error}",
                "Run the doctor in its folder, with its interpreter.",
            )
        if self.error and self.pipeline is None:
            return
        if self.pipeline is None:
            yield fault(
                "importing it does not call mohflow.configure()",
                "Call it at the top of the module that starts the program.",
            )
        else:
            names = [route.delivery.name for route in self.pipeline.routes]
            yield fine(f"mohflow.configure() was called: {', '.join(names)}")
        for call in self.calls:
            yield note(f"{call}; what it took away, MohFlow has put back")

    def why_ours_is_gone(self) -> str:
        """Tell who took our handler from the root logger, and what to do."""
        settings = self.pipeline.settings if self.pipeline else None
        if settings is not None and not settings.capture_stdlib:
            return "capture_stdlib is false. Set it to true."
        if not self._taken_at:
            return "It was taken away. Call mohflow.configure() last."
        return (
            f"It was taken away at {self._taken_at}, or just above. Remove "
            "that, or call mohflow.configure() after it."
        )

    def _look(self, frame: FrameType, event: str, arg: object) -> None:
        """Notice, after each call, that our handler has gone."""
        has = has_ours(logging.root)
        if self._had_ours and not has:
            self._taken_at = _place_of(frame)
        self._had_ours = has

    @contextmanager
    def _noted(self, owner: Any, name: str) -> Iterator[None]:
        function: Callable[..., None] = getattr(owner, name)

        def noted(*args: Any, **kwargs: Any) -> None:
            place = _place_of(sys._getframe(1))  # noqa: SLF001 - documented
            self.calls.append(f"{owner.__name__}.{name}() at {place}")
            function(*args, **kwargs)

        setattr(owner, name, noted)
        try:
            yield
        finally:
            if getattr(owner, name) is noted:
                setattr(owner, name, function)


def _place_of(frame: FrameType) -> str:
    """Return file and line of the first frame that is not ours."""
    own = (os.path.dirname(os.path.dirname(__file__)), logging.__path__[0])
    while frame.f_back and frame.f_code.co_filename.startswith(own):
        frame = frame.f_back
    return near(f"{frame.f_code.co_filename}:{frame.f_lineno}")


def has_ours(logger: logging.Logger) -> bool:
    """Return whether *logger* has the handler of MohFlow."""
    return any(isinstance(h, PipelineHandler) for h in logger.handlers)
