"""What the engine needs to tell others: one receiver for each way and address."""

from collections.abc import Collection
from typing import Protocol

from reeldrop.domain.notices import Notice, Occasion


class Receiver(Protocol):
    """Someone who is told. It is told one notice at a time."""

    @property
    def name(self) -> str:
        """The name under which the store knows how far it has been told; holds no secret."""
        ...

    @property
    def occasions(self) -> Collection[Occasion]:
        """What it wants to hear of."""
        ...

    async def tell(self, notice: Notice) -> bool:
        """Tell it once, in bounded time; False where it wants to hear nothing more at all.

        Holds up nobody but its caller. One who is cancelled leaves nothing running.
        Raises NotTold; it may have heard it all the same.
        """
        ...

    async def aclose(self) -> None:
        """Let go of what was held for it."""
        ...
