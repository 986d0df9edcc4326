"""Which file system a folder lies on, from the kernel's own table of mounts."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from reeldrop.domain.paths import printable

LOCAL = frozenset(
    {
        "bcachefs",
        "btrfs",
        "exfat",
        "ext2",
        "ext3",
        "ext4",
        "f2fs",
        "hfsplus",
        "jfs",
        "msdos",
        "nilfs2",
        "ntfs3",
        "ramfs",
        "reiserfs",
        "tmpfs",
        "ubifs",
        "vfat",
        "xfs",
        "zfs",
    }
)
"""File systems that only this host writes to, so that inotify and leases tell the whole truth.

overlay is not among them: what is written to its layers from outside gives no event.
"""
NETWORK = frozenset(
    {
        "9p",
        "afs",
        "beegfs",
        "ceph",
        "cifs",
        "coda",
        "davfs",
        "gfs2",
        "glusterfs",
        "gpfs",
        "lustre",
        "ncpfs",
        "nfs",
        "nfs4",
        "ocfs2",
        "prl_fs",
        "smb3",
        "smbfs",
        "vboxsf",
        "virtiofs",
        "vmhgfs",
    }
)
OCTAL = re.compile(rb"\\([0-7]{3})")


@dataclass(frozen=True, slots=True)
class Mount:
    """One line of /proc/self/mountinfo (proc_pid_mountinfo(5)).

    `root` is the folder of the file system that is seen at `point`.
    """

    id: int
    device: str
    root: str
    point: str
    kind: str

    @property
    def local(self) -> bool:
        """Say whether only this host writes to it."""
        return self.kind in LOCAL

    @property
    def description(self) -> str:
        """Say of what kind it is, for people."""
        if self.kind in LOCAL:
            return f"local file system ({self.kind})"
        if self.kind in NETWORK or self.kind.startswith("fuse"):
            return f"{self.kind} is a network or FUSE mount"
        if self.kind == "overlay":
            return "overlay does not tell of what is written to its layers"
        return f"{self.kind} is not known to be a local file system"

    @property
    def place(self) -> str:
        """What names it over restarts, as a text; the numbers of FUSE and NFS change with each mount."""
        return f"{self.kind} {printable(self.root)} at {printable(self.point)}"


NOWHERE = Mount(-1, "", "", "", "unknown")
"""Where the kernel does not tell; counts as not local."""


def mounts() -> list[Mount]:
    """Return all mounts of this process; none where /proc cannot be read."""
    try:
        table = Path("/proc/self/mountinfo").read_bytes()
    except OSError:
        return []
    return [_parse(line) for line in table.splitlines() if b" - " in line]


def _parse(line: bytes) -> Mount:
    front, _, back = line.partition(b" - ")
    number, _, device, root, point = front.split()[:5]
    return Mount(int(number), device.decode(), _path(root), _path(point), back.split()[0].decode())


def _path(field: bytes) -> str:
    return os.fsdecode(OCTAL.sub(lambda octal: bytes([int(octal[1], 8)]), field))


def mount_of(fd: int) -> Mount:
    """Return the mount through which `fd` was opened."""
    try:
        lines = Path(f"/proc/self/fdinfo/{fd}").read_text("ascii").splitlines()
    except OSError:
        return NOWHERE
    number = next((int(line[7:]) for line in lines if line.startswith("mnt_id:")), -1)
    return next((mount for mount in mounts() if mount.id == number), NOWHERE)


def points_below(root: str) -> frozenset[str]:
    """Return where something is mounted below the resolved path `root`, relative to it."""
    prefix = root.rstrip("/") + "/"
    return frozenset(
        mount.point.removeprefix(prefix) for mount in mounts() if mount.point.startswith(prefix)
    )
