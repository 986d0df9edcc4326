"""The acts of people: `retry`, `cancel`, `pause`, `resume`, `resolve`; the same with a daemon and without."""

from reeldrop.engine.operations.orders import Orders, recall_cancels
from reeldrop.engine.operations.terms import Nobody, Nudge

__all__ = ["Nobody", "Nudge", "Orders", "recall_cancels"]
