"""A log file in an outbox. The caller never waits for the folder, and never fails with it.

Rotation is done here and not by the standard library's handler: at exit that one is flushed by the
main thread, which would wait for ever for a share that hangs.
"""

import logging
import os
import queue
from collections.abc import Callable
from contextlib import suppress
from io import FileIO
from pathlib import Path
from threading import Thread

LARGEST = 10_000_000
"""Bytes at which the file is rotated."""
KEPT = 5
"""Rotated files that stay."""
HELD_BACK = 10_000
"""Lines that wait for a folder that does not answer; later ones are dropped and counted."""
Dress = Callable[[int], object]
"""Gives an open file or folder the permission bits and the group that the settings want; may raise OSError."""


class FolderLog(logging.Handler):
    """Writes finished lines to `<outbox>/_logs/<node>.jsonl` from a thread of its own.

    One thread for each outbox: a share that hangs holds up its own log alone.
    """

    def __init__(
        self,
        outbox: Path,
        node: str,
        largest: int = LARGEST,
        *,
        sign: str = "",
        dress: Dress = lambda _: None,
    ) -> None:
        """`sign` is a file in the outbox without which it is not there: an empty mount point, perhaps."""
        super().__init__()
        self._lines: queue.Queue[str | None] = queue.Queue(HELD_BACK)
        self._dropped = 0
        self._file = LinesFile(outbox, f"{node}.jsonl", largest, sign, dress)
        # A daemon thread: a write that hangs in the kernel must not keep the process from ending.
        self._thread = Thread(target=self._drain, name=f"log of {outbox}", daemon=True)
        self._thread.start()

    def emit(self, record: logging.LogRecord) -> None:
        """Hand the line over; never waits."""
        self._hand_over(self.format(record))

    def end(self) -> None:
        """Ask for what is left to be written; never waits."""
        self._hand_over(None)

    def join(self, seconds: float) -> bool:
        """Wait for the end; False when it took longer and was given up."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    @property
    def dropped(self) -> int:
        """Lines that found no room or could not be written."""
        return self._dropped + self._file.failed

    def _hand_over(self, line: str | None) -> None:
        try:
            self._lines.put_nowait(line)
        except queue.Full:
            self._dropped += 1

    def _drain(self) -> None:
        while (line := self._lines.get()) is not None:
            self._file.write(line)
            # Open only while there is something to write: an open file keeps its share from being
            # unmounted, and what a dead server has not taken of it keeps the process from ending.
            if self._lines.empty():
                self._file.close()
        self._file.close()


class LinesFile:
    """A file of lines, rotated by size, opened anew after each trouble."""

    def __init__(self, outbox: Path, name: str, largest: int, sign: str, dress: Dress) -> None:
        self._dress = dress
        self._sign = outbox / sign
        self._path = outbox / "_logs" / name
        self._largest = largest
        self._file: FileIO | None = None
        self._size = 0
        self.failed = 0

    def write(self, line: str) -> None:
        """Append `line`; a line that cannot be written is counted and gone."""
        content = line.encode("utf-8", "backslashreplace") + b"\n"
        try:
            file = self._opened_for(len(content))
            self._size += file.write(content)
        except OSError:
            # Losing a line of the log is safe: the store has the truth and the job's own history.
            self.failed += 1
            self.close()

    def close(self) -> None:
        """Close the file; the next line opens it again."""
        file, self._file = self._file, None
        try:
            if file:
                file.close()
        except OSError:
            return  # it is closed all the same

    def _opened_for(self, size: int) -> FileIO:
        if self._file and self._size and self._size + size > self._largest:
            self.close()
            self._rotate()
        if self._file is None:
            # An outbox that is missing is not made: it may be a share that is not mounted.
            self._sign.lstat()
            self._make_folder(self._path.parent)
            self._file = FileIO(self._path, "ab", opener=_no_link)
            self._size = self._path.stat().st_size
            if not self._size:
                self._look_as_wanted(self._file.fileno())
        return self._file

    def _make_folder(self, folder: Path) -> None:
        try:
            folder.mkdir()
        except FileExistsError:
            if folder.is_symlink():
                raise NotADirectoryError(folder) from None
            return
        made = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            self._look_as_wanted(made)
        finally:
            os.close(made)

    def _look_as_wanted(self, fd: int) -> None:
        # A share may not let anybody change them; the line is worth more.
        with suppress(OSError):
            self._dress(fd)

    def _rotate(self) -> None:
        names = [self._path, *(Path(f"{self._path}.{n}") for n in range(1, KEPT + 1))]
        for older, newer in zip(reversed(names[1:]), reversed(names[:-1]), strict=True):
            if newer.exists():
                newer.replace(older)


def _no_link(path: str, flags: int) -> int:
    """Open without following a link: whoever may write to the outbox must not aim our writes."""
    return os.open(path, flags | os.O_NOFOLLOW, 0o666)
