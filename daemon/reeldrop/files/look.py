"""How what becomes visible in the outbox looks: permission bits and group."""

import grp
import os
import stat
from dataclasses import dataclass

from reeldrop.domain.errors import SettingsError
from reeldrop.settings import OutputSettings

FILE, FOLDER = 0o666, 0o777


@dataclass(frozen=True, slots=True)
class Look:
    """Permission bits and group; None leaves them as the system makes them."""

    file_mode: int | None = None
    dir_mode: int | None = None
    gid: int | None = None

    def apply(self, fd: int) -> None:
        """Give the open file or folder its bits and group.

        Raises:
            PermissionError: it belongs to somebody else, or the daemon is not in the group.
        """
        found = os.fstat(fd)
        if self.gid is not None and found.st_gid != self.gid:
            os.fchown(fd, -1, self.gid)
        mode = self.file_mode
        if stat.S_ISDIR(found.st_mode):
            # A folder that hands its group down goes on doing so.
            mode = None if self.dir_mode is None else self.dir_mode | found.st_mode & stat.S_ISGID
        if mode is not None:
            os.fchmod(fd, mode)


def look_of(output: OutputSettings) -> Look:
    """Return what the settings ask for.

    Raises:
        SettingsError: the group does not exist on this host.
    """
    gid = None
    if output.group:
        try:
            gid = grp.getgrnam(output.group).gr_gid
        except KeyError as error:
            raise SettingsError(f'output.group: this host has no group "{output.group}"') from error
    file_mode, dir_mode = output.file_mode, output.dir_mode
    if output.umask is not None:
        file_mode = FILE & ~output.umask if file_mode is None else file_mode
        dir_mode = FOLDER & ~output.umask if dir_mode is None else dir_mode
    return Look(file_mode, dir_mode, gid)
