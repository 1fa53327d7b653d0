"""
Structured logging that is correlated, free of secrets, and accounted for.

Call :func:`configure` once, then use :func:`structlog.get_logger` everywhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mohflow._lazy import attributes


if TYPE_CHECKING:
    from mohflow._configure import (
        aflush,
        configure,
        flush,
        get_logger,
        ledger,
        reload,
        set_level,
        shutdown,
    )
    from mohflow._context import (
        ContextExecutor,
        UnitOfWork,
        annotate,
        bound,
        detached,
        in_context,
    )
    from mohflow._delivery_options import DeliveryOptions
    from mohflow._event import Event
    from mohflow._health import Health, health
    from mohflow._pipeline import Pipeline
    from mohflow.delivery import LedgerSnapshot
    from mohflow.exceptions import (
        ConfigurationError,
        MohflowError,
        Rejected,
        SinkError,
        SpoolError,
        Unavailable,
    )
    from mohflow.processors.masking import MaskingOptions
    from mohflow.settings import Settings
    from mohflow.sinks._file_options import FileOptions
    from mohflow.sinks._loki_options import LokiOptions
    from mohflow.sinks.console import ConsoleOptions
    from mohflow.typing import Limits, Partial, Sink
else:
    __getattr__, __dir__ = attributes(
        __name__,
        {
            "_configure": (
                "aflush configure flush get_logger ledger reload "
                "set_level shutdown"
            ),
            "_context": (
                "ContextExecutor UnitOfWork annotate bound detached in_context"
            ),
            "_delivery_options": "DeliveryOptions",
            "_event": "Event",
            "_health": "Health health",
            "_pipeline": "Pipeline",
            "delivery": "LedgerSnapshot",
            "exceptions": (
                "ConfigurationError MohflowError Rejected SinkError "
                "SpoolError Unavailable"
            ),
            "processors.masking": "MaskingOptions",
            "settings": "Settings",
            "sinks._file_options": "FileOptions",
            "sinks._loki_options": "LokiOptions",
            "sinks.console": "ConsoleOptions",
            "typing": "Limits Partial Sink",
        },
    )


__all__ = [
    "ConfigurationError",
    "ConsoleOptions",
    "ContextExecutor",
    "DeliveryOptions",
    "Event",
    "FileOptions",
    "Health",
    "LedgerSnapshot",
    "Limits",
    "LokiOptions",
    "MaskingOptions",
    "MohflowError",
    "Partial",
    "Pipeline",
    "Rejected",
    "Settings",
    "Sink",
    "SinkError",
    "SpoolError",
    "Unavailable",
    "UnitOfWork",
    "aflush",
    "annotate",
    "bound",
    "configure",
    "detached",
    "flush",
    "get_logger",
    "health",
    "in_context",
    "ledger",
    "reload",
    "set_level",
    "shutdown",
]
