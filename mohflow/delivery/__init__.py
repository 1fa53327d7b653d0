"""
How events reach a sink, and the count of what became of them.

The engine is imported where a sink needs it:
``mohflow.delivery.engine.Delivery``.
"""

from __future__ import annotations

from mohflow._delivery_options import DeliveryOptions
from mohflow.delivery.inline import Inline
from mohflow.delivery.ledger import Ledger, LedgerSnapshot
from mohflow.delivery.meter import Histogram, Metrics
from mohflow.delivery.sight import Sight


__all__ = [
    "DeliveryOptions",
    "Histogram",
    "Inline",
    "Ledger",
    "LedgerSnapshot",
    "Metrics",
    "Sight",
]
