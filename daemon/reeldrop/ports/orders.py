"""What people ask of the daemon."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Order:
    """What a person asked for: `kind` is the command, `args` its arguments as plain JSON values."""

    n: int
    at: float
    kind: str
    args: Mapping[str, Any]


class OrderMemory(Protocol):
    """The orders that people have left, and the one that stays in force: the pause."""

    async def orders(self) -> list[Order]:
        """Return the orders that nobody has begun yet, oldest first."""
        ...

    async def begin_order(self, order: Order) -> bool:
        """Put down that an order is being carried out, so that no crash lets it be done twice.

        False where it is no longer open: taken back, or begun by another.
        """
        ...

    async def answer(self, order: Order, answer: Mapping[str, Any]) -> None:
        """Put down what became of an order, for whoever asked."""
        ...

    async def set_paused(self, since: float | None) -> None:
        """Put down that a person has paused the submits (s since the epoch), or None: no longer."""
        ...

    async def paused(self) -> float | None:
        """Return what `set_paused` put down."""
        ...
