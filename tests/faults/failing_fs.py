# ruff: noqa: PTH101, PTH102, PTH104, PTH106, PTH108, PTH208
"""A file system that fails on command: `python failing_fs.py BACKING MOUNT ORDERS` shows BACKING at MOUNT.

ORDERS is a JSON file, read at every call: {"rename": "EIO"} lets renames fail; {"rename": "done EIO"}
does them first and loses the answer, as a share does.
"""

import errno
import json
import os
import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import mfusepy  # pyright: ignore[reportMissingImports]

STAT = ("mode", "ino", "nlink", "uid", "gid", "size", "atime_ns", "mtime_ns", "ctime_ns")


def ordered(method: Callable[..., Any]) -> Callable[..., Any]:
    """Let `method` fail as ordered."""

    @wraps(method)
    def wrapped(self: "FailingFolder", *args: Any) -> Any:
        order = json.loads(self.orders.read_text()).get(method.__name__, "")
        name = order.removeprefix("done ")
        answer = None if name and order == name else method(self, *args)
        if name:
            raise mfusepy.FuseOSError(getattr(errno, name))
        return answer

    return wrapped


class FailingFolder(mfusepy.Operations):  # pyright: ignore[reportUntypedBaseClass]
    """Passes every call on to a folder, but those that are to fail."""

    use_ns = True

    def __init__(self, backing: str, orders: str) -> None:
        self._backing = backing
        self.orders = Path(orders)

    def _real(self, path: str) -> str:
        return self._backing + path

    def getattr(self, path: str, fh: int | None = None) -> dict[str, Any]:
        found = os.lstat(self._real(path))
        return {f"st_{key.removesuffix('_ns')}": getattr(found, f"st_{key}") for key in STAT}

    def readdir(self, path: str, fh: int) -> list[tuple[str, dict[str, Any], int]]:
        names = [".", "..", *os.listdir(self._real(path))]
        # An entry without an inode is not shown.
        return [(name, self.getattr(f"{path}/{name}"), 0) for name in names]

    def statfs(self, path: str) -> dict[str, Any]:
        found = os.statvfs(self._real(path))
        return {key: getattr(found, key) for key in dir(found) if key.startswith("f_")}

    @ordered
    def create(self, path: str, mode: int, fi: Any = None) -> int:
        return os.open(self._real(path), os.O_RDWR | os.O_CREAT, mode)

    def open(self, path: str, flags: int) -> int:
        return os.open(self._real(path), flags & ~os.O_NOFOLLOW)

    def read(self, path: str, size: int, offset: int, fh: int) -> bytes:
        return os.pread(fh, size, offset)

    @ordered
    def write(self, path: str, data: bytes, offset: int, fh: int) -> int:
        return os.pwrite(fh, data, offset)

    def truncate(self, path: str, length: int, fh: int | None = None) -> int:
        os.truncate(self._real(path), length)
        return 0

    @ordered
    def fsync(self, path: str, datasync: int, fh: int) -> int:
        os.fsync(fh)
        return 0

    def fsyncdir(self, path: str, datasync: int, fh: int) -> int:
        return 0

    def flush(self, path: str, fh: int) -> int:
        return 0

    def release(self, path: str, fh: int) -> int:
        os.close(fh)
        return 0

    @ordered
    def rename(self, old: str, new: str) -> int:
        os.rename(self._real(old), self._real(new))
        return 0

    @ordered
    def link(self, target: str, source: str) -> int:
        os.link(self._real(source), self._real(target))
        return 0

    def unlink(self, path: str) -> int:
        os.unlink(self._real(path))
        return 0

    @ordered
    def mkdir(self, path: str, mode: int) -> int:
        os.mkdir(self._real(path), mode)
        return 0

    def rmdir(self, path: str) -> int:
        os.rmdir(self._real(path))
        return 0

    def chmod(self, path: str, mode: int) -> int:
        os.chmod(self._real(path), mode)
        return 0

    def chown(self, path: str, uid: int, gid: int) -> int:
        os.chown(self._real(path), uid, gid)
        return 0

    def utimens(self, path: str, times: tuple[int, int] | None = None) -> int:
        if times is None:
            os.utime(self._real(path))
        else:
            os.utime(self._real(path), ns=times)
        return 0


if __name__ == "__main__":
    backing, mount, orders = sys.argv[1:]
    # The true inodes, and nothing remembered: what a rename did is to be seen at once.
    options = {"use_ino": True, "entry_timeout": 0, "attr_timeout": 0, "negative_timeout": 0}
    mfusepy.FUSE(FailingFolder(backing, orders), mount, foreground=True, **options)
