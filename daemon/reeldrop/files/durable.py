"""Moving, copying and writing so that it outlives a power cut and never replaces anything.

All names are relative to folders that are open already.
"""

import ctypes
import errno
import hashlib
import os
import threading
from collections.abc import Callable

from reeldrop.files.confined import look
from reeldrop.files.faults import Refused, shown, unmovable

BLOCK = 1 << 20
NO_REPLACE = 1
"""RENAME_NOREPLACE of renameat2(2)."""
UNKNOWN_CALL = frozenset({errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP})
NEW_FILE = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC

_libc = ctypes.CDLL(None, use_errno=True)
_renameat2: Callable[..., int] | None = getattr(_libc, "renameat2", None)
_one_at_a_time = threading.Lock()


def rename_new(from_fd: int, name: str, to_fd: int, new: str) -> None:
    """Rename without ever replacing anything; an error is checked by looking.

    Raises:
        FileExistsError: something is called `new` already.
        OSError: nothing was renamed.
    """
    before = os.stat(name, dir_fd=from_fd, follow_symlinks=False)
    try:
        _rename(from_fd, name, to_fd, new)
    except OSError as error:
        # A share may have done it and lost the answer.
        after = look(to_fd, new)
        if after is None or not os.path.samestat(before, after):
            if isinstance(error, PermissionError):
                raise unmovable(from_fd, to_fd) from error
            raise
        if look(from_fd, name) is not None:
            raise


def _rename(from_fd: int, name: str, to_fd: int, new: str) -> None:
    if _renameat2 is not None:
        code = _renameat2(from_fd, os.fsencode(name), to_fd, os.fsencode(new), NO_REPLACE)
        if code == 0:
            return
        number = ctypes.get_errno()
        if number not in UNKNOWN_CALL:
            raise OSError(number, os.strerror(number), name, None, new)
    with _one_at_a_time:
        if look(to_fd, new) is not None:
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), new)
        os.rename(name, new, src_dir_fd=from_fd, dst_dir_fd=to_fd)  # noqa: TID251 - the file system knows no other


def write_new(folder: int, name: str, content: bytes, mode: int = 0o666) -> None:
    """Write a file that does not exist yet, fsynced; its folder is the caller's to fsync.

    Raises:
        OSError: it cannot be written; what was begun is removed.
    """
    fd = os.open(name, NEW_FILE, mode, dir_fd=folder)
    try:
        _write(fd, content)
        os.fsync(fd)
    except BaseException:
        os.unlink(name, dir_fd=folder)
        raise
    finally:
        os.close(fd)


def _write(fd: int, content: bytes) -> None:
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(fd, rest) :]


def copy_new(source: int, folder: int, name: str, mode: int = 0o666) -> None:
    """Copy the open file `source` to the new file `name`, fsynced, and read it back to compare.

    Raises:
        Refused: the source changed meanwhile, or the copy is not what was read.
        OSError: it cannot be copied; what was begun is removed.
    """
    fd = os.open(name, NEW_FILE, mode, dir_fd=folder)
    try:
        _copy(source, fd, name)
    except BaseException:
        os.unlink(name, dir_fd=folder)
        raise
    finally:
        os.close(fd)


def _copy(source: int, target: int, name: str) -> None:
    before = os.fstat(source)
    os.lseek(source, 0, os.SEEK_SET)
    read = hashlib.sha256()
    while block := os.read(source, BLOCK):
        read.update(block)
        _write(target, block)
    os.fsync(target)
    after = os.fstat(source)
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise Refused(f'"{shown(name)}" changed while it was copied')
    # Read from the disk itself, not from what is still in memory.
    os.posix_fadvise(target, 0, 0, os.POSIX_FADV_DONTNEED)
    if os.fstat(target).st_size != after.st_size or sha256_of(target) != read.hexdigest():
        raise OSError(errno.EIO, f'the copy of "{shown(name)}" is not what was written')


def sha256_of(fd: int) -> str:
    """Return the SHA-256 of an open file, in hexadecimal digits."""
    os.lseek(fd, 0, os.SEEK_SET)
    digest = hashlib.sha256()
    while block := os.read(fd, BLOCK):
        digest.update(block)
    return digest.hexdigest()


def move_across(
    from_fd: int, name: str, to: tuple[int, str], part: tuple[int, str], source: int
) -> None:
    """Move the open file `source` to another file system.

    It is copied to `part` and verified, removed under its name, then named as in `to`. A crash
    leaves the source, or a `part` that is whole because its source is gone.

    Raises:
        OSError, Refused: nothing was removed.
    """
    if look(*part) is not None:
        os.unlink(part[1], dir_fd=part[0])
    copy_new(source, *part)
    copied = os.fstat(source)
    os.utime(part[1], ns=(copied.st_atime_ns, copied.st_mtime_ns), dir_fd=part[0])
    os.fsync(part[0])
    _unlink_same(from_fd, name, copied)
    os.fsync(from_fd)
    rename_new(*part, *to)


def _unlink_same(folder: int, name: str, copied: os.stat_result) -> None:
    now = os.stat(name, dir_fd=folder, follow_symlinks=False)
    if not os.path.samestat(now, copied) or now.st_mtime_ns != copied.st_mtime_ns:
        raise Refused(f'"{shown(name)}" was replaced while it was copied')
    os.unlink(name, dir_fd=folder)


def shortened(name: str, suffix: str, budget: int = 255) -> str:
    """Return `name` + `suffix` in at most `budget` bytes, `name` cut between characters."""
    room = budget - len(os.fsencode(suffix))
    while len(os.fsencode(name)) > room:
        name = name[:-1]
    return name + suffix
