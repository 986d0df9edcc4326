"""What is remembered of an inbox from one look to the next, and from one start to the next."""

from dataclasses import dataclass
from typing import Protocol

from reeldrop.domain.job import JobId, RelPath


@dataclass(frozen=True, slots=True)
class KeptFile:
    """A file of a kept drop as it was taken: by its path and its bytes it is known for ever.

    `key` is its stat key (see `Entry.key`), which spares reading it again; `job` took it.
    """

    path: RelPath
    key: str
    sha256: str
    job: JobId


@dataclass(frozen=True, slots=True)
class Taken:
    """What a job took of its inbox: the drop's own path, and the files used beside its clip."""

    path: RelPath
    job: JobId
    references: tuple[RelPath, ...] = ()


class IntakeMemory(Protocol):
    """What the intake of a watch has taken, and what it was doing when a daemon ended."""

    async def known_kept(self, watch: str) -> list[KeptFile]:
        """Return every file that was taken of the kept watch, under every stat key it has had."""
        ...

    async def remember_kept(self, watch: str, file: KeptFile) -> None:
        """Remember a new stat key of a kept file whose bytes are known."""
        ...

    async def taken(self, watch: str, limit: int) -> list[Taken]:
        """Return what the last jobs of a watch took of its inbox, the newest change first."""
        ...

    async def suspects(self, watch: str) -> frozenset[tuple[RelPath, str]]:
        """Return the files, path and stat key, that were being looked into when a daemon ended."""
        ...

    async def begin_probe(self, watch: str, path: RelPath, key: str) -> int:
        """Put down that a decoder looks into a file now; return at how many crashes one was doing so."""
        ...

    async def end_probe(self, watch: str, path: RelPath, key: str) -> None:
        """Forget what `begin_probe` put down of a file: nothing crashed."""
        ...
