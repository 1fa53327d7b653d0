"""Fixtures for pytest, found by it on its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
import structlog

import mohflow


if TYPE_CHECKING:
    from mohflow.testing import LokiServer


@pytest.fixture
def log_events() -> Iterator[list[dict[str, Any]]]:
    """
    Return the fields of the events that the test logs, as they come.

    They have passed all processors, masking included. Where nothing is
    configured, all levels are recorded and nothing is written. What is logged
    through :mod:`logging` is in ``caplog``.
    """
    processors = structlog.get_config()["processors"]
    is_ours = type(processors[-1]).__module__.startswith("mohflow.")
    if not is_ours:
        mohflow.configure(console=False, level=0, capture_stdlib=False)
        processors = structlog.get_config()["processors"]
    events: list[dict[str, Any]] = []
    last = processors[-1]

    def record(logger: Any, method_name: str, event_dict: Any) -> Any:
        """Do as the last processor does, and keep what comes out of it."""
        result = last(logger, method_name, event_dict)
        (event, _), _ = result
        events.append(dict(event.fields))
        return result

    processors[-1] = record
    try:
        yield events
    finally:
        processors[-1] = last
        if not is_ours:
            mohflow.shutdown()


@pytest.fixture
def loki_server() -> Iterator[LokiServer]:
    """Return a Loki with default limits that is empty and runs."""
    from mohflow.testing import LokiServer  # noqa: PLC0415 - an HTTP server

    with LokiServer() as server:
        yield server
