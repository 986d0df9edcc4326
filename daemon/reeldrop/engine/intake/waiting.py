"""What the store shows of an inbox that has not become jobs: what waits, for what and since when."""

from collections.abc import Mapping

from reeldrop.domain.job import RelPath, Waiting
from reeldrop.domain.paths import printable
from reeldrop.ports import Clock, StatusMemory

WHOLE_INBOX = RelPath("")
"""The path of what is said of the inbox itself."""


class WaitingList:
    """The waiting drops of one watch. The store is written only when something has changed."""

    def __init__(self, watch: str, store: StatusMemory, clock: Clock) -> None:
        self._watch = watch
        self._store = store
        self._clock = clock
        self._written = False
        self.shown: tuple[Waiting, ...] = ()

    async def show(self, reasons: Mapping[RelPath, str]) -> None:
        """Show these drops and nothing else. Raises StoreUnavailable."""
        since = {waiting.path: waiting.since for waiting in self.shown}
        now = self._clock.now()
        shown = tuple(
            Waiting(self._watch, path, printable(reason), since.get(path, now))
            for path, reason in sorted(reasons.items())
        )
        if shown != self.shown or not self._written:
            await self._store.set_waiting(self._watch, shown)
            self.shown, self._written = shown, True

    async def show_offline(self, reason: str) -> None:
        """Show, beside what was shown last, why the inbox cannot be looked at. Raises StoreUnavailable."""
        drops = {waiting.path: waiting.reason for waiting in self.shown}
        await self.show({**drops, WHOLE_INBOX: reason})
