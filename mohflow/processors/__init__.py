"""
The steps of the chain. Each is an ordinary structlog processor.

They work alone: put them into a chain of your own in any order that makes
sense, the masker behind whatever adds fields and a renderer last.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mohflow._lazy import attributes


if TYPE_CHECKING:
    from mohflow.processors.console import ConsoleRenderer
    from mohflow.processors.context import (
        StaticFields,
        add_logger_name,
        add_trace_ids,
        merge_contextvars,
    )
    from mohflow.processors.errors import StructuredExceptions
    from mohflow.processors.level import add_level
    from mohflow.processors.limits import LineLimit
    from mohflow.processors.logfmt import LogfmtRenderer
    from mohflow.processors.masking import Masker
    from mohflow.processors.plain import Plain
    from mohflow.processors.profiles import ProfileRenderer
    from mohflow.processors.rate_limit import RateLimit
    from mohflow.processors.recorder import FlightRecorder
    from mohflow.processors.render import JsonRenderer
    from mohflow.processors.sampling import Sample
    from mohflow.processors.timestamp import AddTimestamp
else:
    __getattr__, __dir__ = attributes(
        __name__,
        {
            "console": "ConsoleRenderer",
            "context": (
                "StaticFields add_logger_name add_trace_ids merge_contextvars"
            ),
            "errors": "StructuredExceptions",
            "level": "add_level",
            "limits": "LineLimit",
            "logfmt": "LogfmtRenderer",
            "masking": "Masker",
            "plain": "Plain",
            "profiles": "ProfileRenderer",
            "rate_limit": "RateLimit",
            "recorder": "FlightRecorder",
            "render": "JsonRenderer",
            "sampling": "Sample",
            "timestamp": "AddTimestamp",
        },
    )


__all__ = [
    "AddTimestamp",
    "ConsoleRenderer",
    "FlightRecorder",
    "JsonRenderer",
    "LineLimit",
    "LogfmtRenderer",
    "Masker",
    "Plain",
    "ProfileRenderer",
    "RateLimit",
    "Sample",
    "StaticFields",
    "StructuredExceptions",
    "add_level",
    "add_logger_name",
    "add_trace_ids",
    "merge_contextvars",
]
