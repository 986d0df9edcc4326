"""What the engine needs of the folders."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from reeldrop.domain.job import (
    Claim,
    RelPath,
)
from reeldrop.domain.settling import Evidence


@dataclass(frozen=True, slots=True)
class Entry:
    """A regular file of an inbox as one scan saw it."""

    path: RelPath
    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int
    device: int

    @property
    def key(self) -> str:
        """What names the content over renames and restarts; tools can set every part of it back."""
        return f"{self.device}:{self.inode}:{self.size}:{self.mtime_ns}"

    @property
    def version(self) -> str:
        """What changes whenever the content may have: no tool can set ctime. A rename changes it too."""
        return f"{self.key}:{self.ctime_ns}"


@dataclass(frozen=True, slots=True)
class Mode:
    """How changes below a folder of an inbox are noticed: `inotify` or `polling`, and for what reason."""

    folder: RelPath
    """Where the file system begins inside the inbox, "" for the inbox itself."""
    how: str
    why: str


@dataclass(frozen=True, slots=True)
class Scan:
    """One look at an inbox. Litter, links and special files are not in it."""

    entries: tuple[Entry, ...]
    evidence: Mapping[RelPath, tuple[Evidence, float]] = field(
        default_factory=dict[RelPath, tuple[Evidence, float]]
    )
    """The last evidence on each file since the daemon started, with its monotonic time (s)."""
    unreadable: Mapping[RelPath, str] = field(default_factory=dict[RelPath, str])
    """Folders and files that could not be looked at, and why."""
    modes: tuple[Mode, ...] = ()
    """One for each file system that the inbox reaches into, the inbox's own first."""
    away: frozenset[RelPath] = frozenset()
    """Folders where file systems began inside the inbox that are not mounted now: nothing is missing there."""


class Inbox(Protocol):
    """One watched folder."""

    async def changed(self, timeout: float) -> None:
        """Return when something may have changed since the last scan, or after `timeout` seconds."""
        ...

    async def scan(self, closely: Collection[RelPath] = ()) -> Scan:
        """Look at the whole folder. Raises FolderOffline when it does not answer, or is not the one it was.

        On shares the files in `closely` are opened to be looked at: what is told without may be old.
        """
        ...

    async def read(self, path: RelPath, limit: int) -> bytes:
        """Return at most `limit` + 1 bytes of a file. Raises FileBusy, FolderOffline."""
        ...

    async def sha256(self, path: RelPath, key: str = "") -> str:
        """Return the SHA-256 of a file in hexadecimal digits; of a large one it may take minutes.

        Raises FileBusy when it cannot be read, or is not the one with the stat key that is given;
        FolderOffline.
        """
        ...

    async def keys(self, paths: Sequence[RelPath]) -> list[str]:
        """Return the stat keys (see `Entry.key`) of files as they are now, each opened to be asked.

        Raises FileBusy when one cannot be read, FolderOffline.
        """
        ...

    def wake(self) -> None:
        """Let `changed` return now."""
        ...

    async def check_inside(self, path: RelPath) -> str:
        """Return "" if `path` may be used, "missing" if nothing is there, else why it must not be used.

        A path through a symbolic link, out of the inbox, or to anything but a regular file must not.
        """
        ...

    async def written_by_another(self, path: RelPath) -> bool | None:
        """Say whether a process of this host holds the file open for writing; None: cannot be told."""
        ...

    def real(self, path: RelPath) -> Path:
        """Return where `path` lies on this host."""
        ...

    def plan_claim(
        self,
        clip: RelPath,
        sources: Sequence[RelPath],
        base: RelPath,
        references: Sequence[RelPath],
        *,
        keep: bool,
    ) -> Claim:
        """Name the claim's folder and every file's place in it; nothing is touched.

        `base` is the folder of the sidecar (or of the clip): what lies below it keeps its path.
        """
        ...

    async def claim(self, claim: Claim) -> None:
        """Make `claim` true, durably: references copied, sources moved, folders fsynced.

        May be called again after a crash and then finishes. What fails puts back what was moved.

        Raises:
            DropChanged: a file has gone, or is not the one that was judged (`ClaimedFile.key`).
            FileBusy, FolderOffline, DiskFull: a file cannot be moved now.
        """
        ...

    async def gone(self, claim: Claim) -> list[RelPath]:
        """Return which files of a claim that was made are not in it any more, by the paths that they had.

        Not for kept claims, whose files people may take away and bring back. Raises FolderOffline,
        FileBusy where that cannot be told now.
        """
        ...

    async def claim_again(self, claim: Claim, outbox: Path, folder: RelPath) -> Claim:
        """Make a new claim with the files of one that is gone, durably; nothing may be lost by it.

        Its sources are copied from `source/` in `folder` of the outbox at `outbox`; those of a kept
        claim stay in the inbox. Its references are copied from the inbox.

        Raises:
            DropChanged: a file has gone, or was changed since it was claimed; says what to do.
            FileBusy, FolderOffline, DiskFull: it cannot be copied now.
        """
        ...

    async def settle(self, claim: Claim) -> None:
        """Let a claim that was made again count as the only one, durably.

        Until then a start removes it where no job has it; what it was copied from must stay so long.

        Raises:
            FileBusy, FolderOffline, DiskFull: that cannot be written now.
        """
        ...

    async def release(self, claim: Claim) -> None:
        """Remove the claim's folder and what is in it; nothing happens if it is gone."""
        ...

    async def found_claim(self, folder: RelPath) -> Claim | None:
        """Return the claim that lies at `folder`, made by a store that is gone; None: it holds no source.

        What the files were called in the inbox is known only from the claim's folder on. Raises
        FolderOffline, FileBusy.
        """
        ...

    async def claims(self) -> list[RelPath]:
        """Return the folders of all claims there are; what was broken off in making one is removed."""
        ...


@dataclass(frozen=True, slots=True)
class Delivery:
    """What a job's folder in the outbox shall hold."""

    texts: Mapping[str, bytes]
    """Small files by name: job.json, job.log.jsonl, error.txt."""
    result: tuple[Path, str] | None = None
    """The fetched result and the name it gets."""
    poster: Path | None = None
    sources: Sequence[tuple[Path, RelPath]] = ()
    """Files to show below `source/`, linked or copied, with their paths there."""


class Outbox(Protocol):
    """One folder of results."""

    def work(self, name: str) -> Path:
        """Return a path in the outbox's own work folder, on its file system."""
        ...

    def real(self, path: RelPath) -> Path:
        """Return where `path` lies on this host; "" is the outbox itself."""
        ...

    async def withdraw(self, folder: RelPath, expected: Mapping[RelPath, str], name: str) -> bool:
        """Remove a job's folder that holds nothing but `expected`; False where it holds anything else.

        `expected` are the paths in it, with the stat keys of the files that people may have
        changed. It goes under `name` into the work folder first, so that it is gone at once.

        Raises FolderOffline, FileBusy, DiskFull.
        """
        ...

    async def stage(self, name: str, delivery: Delivery) -> RelPath:
        """Make the complete folder `name` in the work folder, all of it fsynced; replaces an old one.

        Raises DiskFull, FolderOffline, FileBusy.
        """
        ...

    async def free_name(self, wanted: RelPath) -> RelPath:
        """Return `wanted`, or with `-2`, `-3` … the first name that nothing has.

        An empty folder has a name too, and so has a folder of drops.
        """
        ...

    async def publish(self, staged: RelPath, final: RelPath) -> bool:
        """Rename the staged folder to `final`, durably; False when `final` has been taken meanwhile.

        True as well where the staged folder is gone and `final` holds it: the rename was done
        before a crash. Raises StagedMissing when neither is there, FolderOffline.
        """
        ...

    async def sha256(self, file: Path) -> str:
        """Return the SHA-256 of a file of the work folder, in hexadecimal digits."""
        ...

    async def discard(self, name: str) -> None:
        """Remove what the work folder holds under `name`; nothing happens if it is gone."""
        ...

    async def leftovers(self) -> list[str]:
        """Return the names that the work folder holds."""
        ...

    async def write_status(self, name: str, content: bytes) -> None:
        """Replace the file `name` at the top of the outbox, atomically."""
        ...
