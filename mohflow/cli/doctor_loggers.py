"""Walk the loggers and handlers that a program leaves."""

from __future__ import annotations

import logging

from collections.abc import Iterator

from mohflow.cli.doctor_program import Program, has_ours
from mohflow.cli.finding import Finding, fault, note
from mohflow.stdlib import PipelineHandler


def findings(program: Program) -> Iterator[Finding]:
    """Yield the tree; tell what keeps a record from the sinks."""
    root = logging.getLogger()
    yield note(_line("root", root))
    if program.pipeline is not None and not has_ours(root):
        yield fault(
            "root: the handler of MohFlow is not there, so records of the "
            "standard library do not reach it",
            program.why_ours_is_gone(),
        )
    for name, logger in _loggers():
        if _is_plain(logger):
            continue
        wrong = list(_wrong(logger, program))
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


def _wrong(logger: logging.Logger, program: Program) -> Iterator[str]:
    if logger.disabled:
        by = " or ".join(program.calls) or "logging.config"
        yield (
            f"It is disabled: all it gets is lost. If {by} did it, give "
            "disable_existing_loggers=False."
        )
    shown = [h for h in logger.handlers if not _is_nothing(h)]
    is_lost = not logger.propagate and not has_ours(logger)
    if is_lost and not shown:
        yield (
            "It does not propagate and has no handler: its records are lost. "
            "Set propagate to True."
        )
    elif is_lost:
        yield (
            "It does not propagate: its records do not reach MohFlow. Set "
            "propagate to True, and remove its handlers."
        )
    above = [] if not logger.propagate else list(_above(logger))
    for number, handler in enumerate(shown):
        others = [*shown[:number], *above]
        if any(_goes_to(handler) == _goes_to(other) for other in others):
            yield (
                f"{_named(handler)} is there twice: records show twice. "
                "Remove one of the two."
            )


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


def _is_nothing(handler: logging.Handler) -> bool:
    return isinstance(handler, logging.NullHandler)


def _line(name: str, logger: logging.Logger) -> str:
    level = logging.getLevelName(logger.level) if logger.level else "no level"
    parts = [f"{name}: {level}"]
    parts += [_named(h) for h in logger.handlers if not _is_nothing(h)]
    if not logger.propagate:
        parts.append("does not propagate")
    if logger.disabled:
        parts.append("disabled")
    return ", ".join(parts)


def _named(handler: logging.Handler) -> str:
    name = type(handler).__name__
    if isinstance(handler, PipelineHandler):
        return "handler of MohFlow"
    if isinstance(handler, logging.FileHandler):
        return f"{name} to {handler.baseFilename}"
    if isinstance(handler, logging.StreamHandler):
        stream = getattr(handler.stream, "name", handler.stream)
        return f"{name} to {stream}"
    return name
