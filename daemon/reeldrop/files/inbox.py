"""One watched folder: the port that the engine sees, over scan, watch, lease and claim."""

import os
from collections.abc import Collection, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

from reeldrop.domain.errors import FolderOffline
from reeldrop.domain.job import Claim, RelPath
from reeldrop.files import claim as claims
from reeldrop.files import reclaim, survey
from reeldrop.files.confined import check, open_inside, parts_of, root_of
from reeldrop.files.durable import sha256_of
from reeldrop.files.faults import Refused, shown, translated, words_of
from reeldrop.files.hint import Hint
from reeldrop.files.lease import written_by_another
from reeldrop.files.litter import is_litter
from reeldrop.files.marker import Guard, Mark
from reeldrop.files.scan import Folder, Sweep, entry_of, sweep
from reeldrop.files.watch import Watcher
from reeldrop.lane import Lane
from reeldrop.ports import Clock, Scan
from reeldrop.settings import WatchSettings

WIDTH = 4
"""Claims and reads at once; each waits for the disk more than it computes."""
HASHES = 2
"""Files read through at once: they may be large, and nothing quick shall wait behind them."""


class FolderInbox:
    """The folder of one watch."""

    def __init__(self, watch: WatchSettings, clock: Clock, mark: Mark) -> None:
        self._root = mark.folder
        self._guard = Guard("inbox", mark)
        self._poll_interval = watch.poll_interval
        self._hint = Hint()
        self._watcher = Watcher(watch.name, watch.backend, clock, self._hint)
        self._scans = Lane(f"scan {watch.name}", 1)
        self._files = Lane(f"files {watch.name}", WIDTH)
        self._hashes = Lane(f"hashes {watch.name}", HASHES)
        self._found = Sweep()
        self._scanned = False
        self._seen: set[RelPath] = set()
        """Where file systems have begun inside the inbox since the start, now or earlier."""
        self._tops: dict[RelPath, RelPath] = {}
        """The folders of the last scan that do not lie on the inbox's own file system."""

    def poll_every(self, seconds: float) -> None:
        """Look again after `seconds` from now on, where changes are not told."""
        self._poll_interval = seconds

    async def aclose(self) -> None:
        """Stop watching and let the threads end; one that hangs in the kernel is left behind."""
        self._watcher.close()
        self._scans.close()
        self._files.close()
        self._hashes.close()

    async def changed(self, timeout: float) -> None:
        """Return when something may have changed since the last scan, or after `timeout` seconds."""
        if not self._watcher.complete:
            timeout = min(timeout, self._poll_interval)
        await self._hint.wait(timeout)

    def wake(self) -> None:
        """Let `changed` return now."""
        self._hint.raise_()

    async def scan(self, closely: Collection[RelPath] = ()) -> Scan:
        """Look at the whole folder; on shares the files in `closely` are opened to be looked at.

        Raises:
            FolderOffline: the folder itself does not answer, or is not the one it was.
        """
        return await self._scans.run(self._scan, closely)

    def _scan(self, closely: Collection[RelPath]) -> Scan:
        tops: dict[RelPath, RelPath] = {}

        def visit(folder: Folder) -> None:
            if folder.top:
                tops[folder.path] = folder.top
            self._watcher.visit(folder)

        self._watcher.begin()
        try:
            self._guard.mark_anew()
            with self._guard.opened() as root:
                found = sweep(root, self._found.entries, visit, closely)
                if found.unreadable:
                    # It may have gone in the midst of it.
                    self._guard.require(root)
        except OSError as error:
            raise FolderOffline(
                f"The inbox {shown(self._root)} does not answer: {words_of(error)}"
            ) from error
        self._found, self._tops, self._scanned = found, tops, True
        evidence = self._watcher.finish(found.entries)
        self._seen |= found.tops
        entries, away = tuple(found.entries.values()), frozenset(self._seen - found.tops)
        return Scan(entries, evidence, found.unreadable, self._watcher.modes, away)

    @contextmanager
    def _there(self, doing: str) -> Generator[int]:
        """Open the folder where what it does not hold would be believed.

        Raises:
            FolderOffline, FileBusy, DiskFull: it, or what the block does in it, does not answer.
        """
        with translated(self._root, doing), self._guard.opened() as root:
            yield root

    async def read(self, path: RelPath, limit: int) -> bytes:
        """Return at most `limit` + 1 bytes of a file.

        Raises:
            FileBusy, FolderOffline: it cannot be read now.
        """
        return await self._files.run(self._read, path, limit)

    def _read(self, path: RelPath, limit: int) -> bytes:
        with (
            translated(self._root, f'cannot read "{shown(path)}"'),
            root_of(self._root) as root,
            open_inside(root, path) as fd,
            open(fd, "rb", closefd=False) as file,
        ):
            return file.read(limit + 1)

    async def sha256(self, path: RelPath, key: str = "") -> str:
        """Return the SHA-256 of a file in hexadecimal digits; it may take minutes.

        Raises:
            FileBusy: it cannot be read, or a stat key is given and was another one's at the end.
            FolderOffline: the folder does not answer.
        """
        return await self._hashes.run(self._sha256, path, key)

    def _sha256(self, path: RelPath, key: str) -> str:
        with (
            translated(self._root, f'cannot read "{shown(path)}"'),
            root_of(self._root) as root,
            open_inside(root, path) as fd,
        ):
            digest = sha256_of(fd)
            if key and entry_of(path, os.fstat(fd)).key != key:
                raise Refused(f'"{shown(path)}" changed while it was read')
            return digest

    async def keys(self, paths: Sequence[RelPath]) -> list[str]:
        """Return the stat keys of files as they are now.

        Raises:
            FileBusy: one of them cannot be read.
            FolderOffline: the folder does not answer.
        """
        return await self._files.run(self._keys, paths)

    def _keys(self, paths: Sequence[RelPath]) -> list[str]:
        return [self._key(path) for path in paths]

    def _key(self, path: RelPath) -> str:
        with (
            translated(self._root, f'cannot look at "{shown(path)}"'),
            root_of(self._root) as root,
            open_inside(root, path) as fd,
        ):
            return entry_of(path, os.fstat(fd)).key

    async def check_inside(self, path: RelPath) -> str:
        """Return "" if `path` may be used, "missing" if nothing is there, else why it must not be.

        Raises:
            FileBusy, FolderOffline: it cannot be told now.
        """
        return await self._files.run(self._check_inside, path)

    def _check_inside(self, path: RelPath) -> str:
        with self._there(f'cannot look at "{shown(path)}"') as root:
            try:
                if litter := next((part for part in parts_of(path) if is_litter(part)), ""):
                    return f'"{shown(litter)}" is a name of unfinished, hidden or system files'
                check(root, path)
            except Refused as refused:
                return refused.strerror or "it must not be used"
            except (FileNotFoundError, NotADirectoryError):
                return "missing"
        return ""

    async def written_by_another(self, path: RelPath) -> bool | None:
        """Say whether a process of this host writes to the file; None where it cannot be told."""
        return await self._files.run(self._written_by_another, path)

    def _written_by_another(self, path: RelPath) -> bool | None:
        with (
            translated(self._root, f'cannot look at "{shown(path)}"'),
            root_of(self._root) as root,
            open_inside(root, path) as fd,
        ):
            return written_by_another(fd)

    def real(self, path: RelPath) -> Path:
        """Return where `path` lies on this host."""
        return Path(self._root, path)

    def plan_claim(
        self,
        clip: RelPath,
        sources: Sequence[RelPath],
        base: RelPath,
        references: Sequence[RelPath],
        *,
        keep: bool,
    ) -> Claim:
        """Name the claim's folder and every file's place in it; nothing is touched."""
        if keep:
            return claims.plan_kept(sources, references)
        folder = RelPath(clip.rpartition("/")[0])
        return claims.plan(self._tops.get(folder, RelPath("")), sources, base, references)

    async def claim(self, claim: Claim) -> None:
        """Make `claim` true, durably; safe to repeat.

        Raises:
            DropChanged: a file has gone or was replaced; what was moved was put back.
            FileBusy: a file cannot be moved now; likewise.
            FolderOffline, DiskFull: likewise, as far as the folder still takes it.
        """
        await self._files.run(self._claim, claim)

    def _claim(self, claim: Claim) -> None:
        name = claim.source[0].origin if claim.source else claim.folder
        with self._there(f'cannot claim "{shown(name)}"') as root:
            claims.make_true(root, claim)

    async def gone(self, claim: Claim) -> list[RelPath]:
        """Return which files of a claim that was made are not in it any more.

        Raises:
            FolderOffline, FileBusy: that cannot be told now.
        """
        return await self._files.run(self._gone, claim)

    def _gone(self, claim: Claim) -> list[RelPath]:
        with self._there(f'cannot look at "{shown(claim.folder)}"') as root:
            return claims.gone(root, claim)

    async def claim_again(self, claim: Claim, outbox: Path, folder: RelPath) -> Claim:
        """Make a new claim with the files of one that is gone, durably.

        Raises:
            DropChanged: a file has gone, or was changed since it was claimed.
            FileBusy, FolderOffline, DiskFull: it cannot be copied now.
        """
        return await self._files.run(self._claim_again, claim, outbox, folder)

    def _claim_again(self, claim: Claim, outbox: Path, folder: RelPath) -> Claim:
        with self._there("cannot claim it again") as root:
            return reclaim.again(root, claim, outbox, folder)

    async def settle(self, claim: Claim) -> None:
        """Let a claim that was made again count as the only one; what it was copied from may go.

        Raises:
            FileBusy, FolderOffline, DiskFull: that cannot be written now.
        """
        await self._files.run(self._settle, claim)

    def _settle(self, claim: Claim) -> None:
        with self._there(f'cannot settle "{shown(claim.folder)}"') as root:
            reclaim.settle(root, claim)

    async def release(self, claim: Claim) -> None:
        """Remove the claim's folder and what is in it; nothing happens if it is gone."""
        await self._files.run(self._release, claim)

    def _release(self, claim: Claim) -> None:
        with self._there(f'cannot remove "{shown(claim.folder)}"') as root:
            claims.remove(root, claim)

    async def found_claim(self, folder: RelPath) -> Claim | None:
        """Return the claim that lies at `folder`, None where it holds no source."""
        return await self._files.run(self._found_claim, folder)

    def _found_claim(self, folder: RelPath) -> Claim | None:
        with self._there(f"looking at {shown(self._root)}") as root:
            return survey.found(root, folder)

    async def claims(self) -> list[RelPath]:
        """Return the folders of all claims there are; what was broken off in making one is removed."""
        if not self._scanned:
            # Only a walk finds every file system that lies inside the inbox.
            await self.scan()
            self._hint.raise_()
        return await self._files.run(self._claims)

    def _claims(self) -> list[RelPath]:
        with self._there(f"looking at {shown(self._root)}") as root:
            reclaim.sweep(root)
            return survey.present(root, self._found.tops)
