"""The memory as a whole, as the composition root opens it."""

from typing import Protocol

from reeldrop.ports.intake import IntakeMemory
from reeldrop.ports.jobs import JobMemory
from reeldrop.ports.notices import NoticeMemory
from reeldrop.ports.orders import OrderMemory
from reeldrop.ports.status import StatusMemory
from reeldrop.ports.uploads import UploadMemory


class JobStore(
    JobMemory, IntakeMemory, StatusMemory, OrderMemory, NoticeMemory, UploadMemory, Protocol
):
    """The memory. Every change is durable (fsynced) when its method returns.

    A caller that is cancelled while it waits for a change does not undo it. Any method raises
    StoreUnavailable when the store itself cannot be written or read; then nothing was changed.
    """

    async def store_id(self) -> str:
        """Return the store's own random name (32 hexadecimal digits), the same for its whole life."""
        ...

    async def enrol_watch(self, name: str, inbox: str, outbox: str) -> tuple[str, str] | None:
        """Serve the watch called `name` from now on, and remember where its folders are.

        When it has jobs that are not final and its folders were others, nothing is changed and
        those are returned, the inbox first.
        """
        ...

    async def remember(self, folder: str, place: str) -> None:
        """Put down on which mount the marked `folder` lies, as `recall` shall return it."""
        ...

    async def recall(self, folder: str) -> str:
        """Return what `remember` put down of `folder`, "" where nothing was."""
        ...

    async def close(self) -> None:
        """Finish what was asked for and close; later calls raise RuntimeError."""
        ...
