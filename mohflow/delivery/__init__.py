"""How events reach a sink, and the count of what became of them."""

from __future__ import annotations

from mohflow.delivery.engine import Delivery
from mohflow.delivery.inline import Inline
from mohflow.delivery.ledger import Ledger, LedgerSnapshot


__all__ = ["Delivery", "Inline", "Ledger", "LedgerSnapshot"]
