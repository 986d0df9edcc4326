"""One outbox: work in progress below `.reeldrop/`, finished folders by one rename.

Rule 1: nothing half-written is ever visible under a final name.
Rule 2: nothing is ever overwritten; a name is taken when anything at all has it.
Rule 3: `.reeldrop/work/<name>` of a staged folder is complete or not there.
"""

import errno
import os
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from reeldrop.domain.errors import StagedMissing
from reeldrop.domain.job import RelPath
from reeldrop.files import durable, place, reclaim, stage
from reeldrop.files.confined import file_in, folder_in, names_in, root_of
from reeldrop.files.faults import Refused, shown, translated
from reeldrop.files.home import HOME, PRIVATE
from reeldrop.files.look import look_of
from reeldrop.files.marker import Guard, Mark
from reeldrop.lane import Lane
from reeldrop.ports import Delivery
from reeldrop.settings import OutputSettings

WIDTH = 4
TAKEN = frozenset({errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR, errno.EISDIR})


class FolderOutbox:
    """The folder of results of one watch, or of several."""

    def __init__(self, mark: Mark, output: OutputSettings) -> None:
        self._root = mark.folder
        self._guard = Guard("outbox", mark)
        self._look = look_of(output)
        self._files = Lane("outbox", WIDTH)
        self._writing_status = threading.Lock()

    def prepare(self) -> None:
        """Make the work folders.

        Raises:
            FolderOffline, FileBusy, DiskFull: the outbox is not there or does not take them.
        """
        with translated(self._root, "cannot prepare the outbox"), self._guard.opened() as root:
            for part in (place.WORK, place.BUILDING):
                with folder_in(root, part, make=PRIVATE):
                    pass

    async def aclose(self) -> None:
        """Let the threads end; one that hangs in the kernel is left behind."""
        self._files.close()

    def work(self, name: str) -> Path:
        """Return a path in the work folder, on the outbox's own file system."""
        return Path(self._root, *place.WORK, name)

    def real(self, path: RelPath) -> Path:
        """Return where `path` lies on this host; "" is the outbox itself."""
        return Path(self._root, path)

    async def withdraw(self, folder: RelPath, expected: Mapping[RelPath, str], name: str) -> bool:
        """Remove a job's folder that holds nothing but `expected`; False where it holds anything else.

        Raises:
            FolderOffline, FileBusy, DiskFull: it cannot be removed now.
        """
        return await self._files.run(self._withdraw, folder, expected, name)

    def _withdraw(self, folder: RelPath, expected: Mapping[RelPath, str], name: str) -> bool:
        with (
            translated(self._root, f'cannot remove "{shown(folder)}"'),
            self._guard.opened() as root,
            folder_in(root, place.WORK, make=PRIVATE) as work,
        ):
            stage.remove(work, name)
            if not reclaim.take_away(root, folder, expected, "/".join((*place.WORK, name))):
                return False
            stage.remove(work, name)
        return True

    async def stage(self, name: str, delivery: Delivery) -> RelPath:
        """Make the complete folder `name` in the work folder, fsynced; replaces an old one.

        Raises:
            DiskFull, FolderOffline, FileBusy: it could not be made; nothing is left under `name`
                that is not complete.
        """
        return await self._files.run(self._stage, name, delivery)

    def _stage(self, name: str, delivery: Delivery) -> RelPath:
        with (
            translated(self._root, f'cannot prepare the delivery "{shown(name)}"'),
            self._guard.opened() as root,
            folder_in(root, place.BUILDING, make=PRIVATE) as building,
            folder_in(root, place.WORK, make=PRIVATE) as work,
        ):
            stage.remove(building, name)
            with folder_in(building, (name,), make=0o777) as folder:
                stage.build(folder, delivery, self._look)
            stage.remove(work, name)
            durable.rename_new(building, name, work, name)
            os.fsync(work)
        return RelPath("/".join((*place.WORK, name)))

    async def free_name(self, wanted: RelPath) -> RelPath:
        """Return `wanted`, or with `-2`, `-3` … the first name that nothing has."""
        return await self._files.run(self._free_name, wanted)

    def _free_name(self, wanted: RelPath) -> RelPath:
        with translated(self._root, "cannot look into the outbox"), self._guard.opened() as root:
            return RelPath(place.free_name(root, wanted))

    async def publish(self, staged: RelPath, final: RelPath) -> bool:
        """Rename the staged folder to `final`, durably; False when `final` has been taken.

        True as well where the staged folder is gone and `final` is there: a crash came after the
        rename.

        Raises:
            StagedMissing: neither is there.
            FolderOffline, DiskFull, FileBusy: not done; it may be tried again.
        """
        return await self._files.run(self._publish, staged, final)

    def _publish(self, staged: RelPath, final: RelPath) -> bool:
        with (
            translated(self._root, f'cannot place "{shown(final)}" in the outbox'),
            self._guard.opened() as root,
        ):
            if place.is_there(root, staged):
                return self._show(root, staged, final)
            if not place.is_there(root, final):
                raise StagedMissing(f'The delivery prepared for "{shown(final)}" is gone')
            with folder_in(root, final.split("/")[:-1]) as parent:
                os.fsync(parent)
            return True

    def _show(self, root: int, staged: RelPath, final: RelPath) -> bool:
        try:
            place.show(root, staged, final, self._look)
        except OSError as error:
            if isinstance(error, Refused) or error.errno in TAKEN:
                return False
            raise
        return True

    async def sha256(self, file: Path) -> str:
        """Return the SHA-256 of a file, in hexadecimal digits."""
        return await self._files.run(self._sha256, file)

    def _sha256(self, file: Path) -> str:
        with (
            translated(self._root, f'cannot read "{shown(file.name)}"'),
            root_of(str(file.parent)) as folder,
            file_in(folder, file.name) as fd,
        ):
            return durable.sha256_of(fd)

    async def discard(self, name: str) -> None:
        """Remove what the work folder holds under `name`; nothing happens if it is gone."""
        await self._files.run(self._discard, name)

    def _discard(self, name: str) -> None:
        with translated(self._root, f'cannot remove "{shown(name)}"'), self._guard.opened() as root:
            for part in (place.WORK, place.BUILDING):
                with suppress(FileNotFoundError), folder_in(root, part) as folder:
                    stage.remove(folder, name)

    async def leftovers(self) -> list[str]:
        """Return the names that the work folder holds."""
        return await self._files.run(self._leftovers)

    def _leftovers(self) -> list[str]:
        with translated(self._root, "cannot look into the outbox"), self._guard.opened() as root:
            found: set[str] = set()
            for part in (place.WORK, place.BUILDING):
                with suppress(FileNotFoundError), folder_in(root, part) as folder:
                    found.update(names_in(folder))
            return sorted(found)

    async def write_status(self, name: str, content: bytes) -> None:
        """Replace the file `name` at the top of the outbox, atomically."""
        await self._files.run(self._write_status, name, content)

    def _write_status(self, name: str, content: bytes) -> None:
        part = f"status-{name}"
        with (
            # The work of one whose caller has gone may still be going on under the same name.
            self._writing_status,
            translated(self._root, f'cannot write "{shown(name)}"'),
            self._guard.opened() as root,
            folder_in(root, (HOME,), make=PRIVATE) as home,
        ):
            stage.remove(home, part)
            try:
                durable.write_new(home, part, content)
                with file_in(home, part) as file:
                    self._look.apply(file)
                os.replace(part, name, src_dir_fd=home, dst_dir_fd=root)
            except OSError:
                stage.remove(home, part)
                raise
            os.fsync(root)
