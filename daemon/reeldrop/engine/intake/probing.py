"""Files that the daemon does not survive looking into: a decoder may crash the process."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from typing import Protocol, TypeVar

from reeldrop.domain.errors import Poisonous
from reeldrop.domain.job import RelPath
from reeldrop.domain.paths import leaf
from reeldrop.ports import IntakeMemory

_T = TypeVar("_T")

CRASHES = 3
"""How often a daemon may end while it looks into a file, before that is looked into no more."""


class File(Protocol):
    """What is looked into."""

    @property
    def path(self) -> RelPath:
        """As people know it."""
        ...

    @property
    def key(self) -> str:
        """Another one as soon as the content may be."""
        ...


class Probing:
    """Counts the crashes of the daemon under each file that was being looked into.

    A file that was under inspection at a crash is inspected alone from then on, so that those that
    merely lay beside it are not blamed twice.
    """

    def __init__(self, watch: str, store: IntakeMemory) -> None:
        self._watch = watch
        self._store = store
        self._alone = asyncio.Lock()
        self._suspects: frozenset[tuple[RelPath, str]] | None = None

    async def look(self, entry: File, look: Callable[[], Awaitable[_T]]) -> _T:
        """Return what `look` returns of a file. Raises Poisonous instead where it was fatal too often."""
        if self._suspects is None:
            self._suspects = await self._store.suspects(self._watch)
        suspect = (entry.path, entry.key) in self._suspects
        async with self._alone if suspect else nullcontext():
            return await self._counted(entry, look)

    async def _counted(self, entry: File, look: Callable[[], Awaitable[_T]]) -> _T:
        try:
            crashes = await self._store.begin_probe(self._watch, entry.path, entry.key)
            if crashes >= CRASHES:
                raise Poisonous(
                    f"{leaf(entry.path)}: the daemon has ended {crashes} times while it looked "
                    "into this file",
                    hint="Make the file anew with another program, then drop it again.",
                )
            return await look()
        finally:
            # Also where a stop breaks it off: what ends in order is no crash.
            await self._store.end_probe(self._watch, entry.path, entry.key)
