"""
Tools for tests: of programs that log, and of sinks.

:class:`LokiServer` is a Loki for tests, :func:`check_sink` the contract of a
sink as one call, :class:`FakeClock` time without waiting, and the sinks
record, fail or hold back what is written to them.
"""

from __future__ import annotations

from mohflow.testing.clock import FakeClock
from mohflow.testing.contract import check_sink
from mohflow.testing.loki import Entry, LokiLimits, LokiServer, Request
from mohflow.testing.sinks import (
    FailingSink,
    RecordingSink,
    SuspendableSink,
)


__all__ = [
    "Entry",
    "FailingSink",
    "FakeClock",
    "LokiLimits",
    "LokiServer",
    "RecordingSink",
    "Request",
    "SuspendableSink",
    "check_sink",
]
