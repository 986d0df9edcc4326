"""Small disks of their own, which can be filled up and emptied again."""

import subprocess
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

FILLER = ".filler"
BLOCK = 4096


@dataclass(frozen=True, slots=True)
class Disk:
    """A mounted disk."""

    folder: Path

    def fill(self, *, leave: int = 0) -> None:
        """Take all room but about `leave` bytes."""
        gap = self.folder / f"{FILLER}.gap"
        gap.write_bytes(bytes(leave))
        with suppress(OSError), (self.folder / FILLER).open("ab", buffering=0) as file:
            while file.write(bytes(BLOCK)):
                pass
        gap.unlink()

    def make_room(self) -> None:
        """Give back what `fill` took."""
        (self.folder / FILLER).unlink()


@contextmanager
def tmpfs(folder: Path, size: int) -> Generator[Disk]:
    """Mount a disk of `size` bytes in memory; skips the test where that is not permitted."""
    folder.mkdir(mode=0o700, exist_ok=True)
    with _mounted(folder, "-t", "tmpfs", "-o", f"size={size}", "tmpfs"):
        yield Disk(folder)


@contextmanager
def ext4(folder: Path, size: int) -> Generator[Disk]:
    """Mount a file of `size` bytes as a disk with ext4; skips the test where that is not permitted."""
    image = folder.with_name(f"{folder.name}.img")
    with image.open("wb") as file:
        file.truncate(size)
    made = subprocess.run(["mkfs.ext4", "-qF", image], check=False, capture_output=True, text=True)
    if made.returncode:
        pytest.skip(f"mkfs.ext4 does not work here: {made.stderr}")
    folder.mkdir(exist_ok=True)
    with _mounted(folder, "-o", "loop", str(image)):
        yield Disk(folder)


@contextmanager
def _mounted(folder: Path, *what: str) -> Generator[None]:
    try:
        done = subprocess.run(["mount", *what, folder], check=False, capture_output=True, text=True)
    except FileNotFoundError:
        pytest.skip("there is no mount command here")
    if done.returncode:
        pytest.skip(f"mounting is not permitted here: {done.stderr.strip()}")
    try:
        yield
    finally:
        # Lazily: a daemon that a failed test left may still hold it.
        subprocess.run(["umount", "--lazy", folder], check=True)
