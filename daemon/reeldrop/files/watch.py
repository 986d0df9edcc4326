"""Hints that an inbox has changed, and the evidence that a file was closed or renamed into place.

Only the scan tells what lies in the inbox; nothing here is needed for a drop to be found. Each file
system inside the inbox is watched by what it can do; where it tells nothing, it is polled. Of
watchdog the reader of inotify is used by itself: its observer would also watch our own work
folders, pair every rename for half a second, and lose the folders of a renamed tree.
"""

import errno
import itertools
import os
import threading
from collections.abc import Mapping
from contextlib import suppress

import structlog
from watchdog.observers.inotify_c import (
    CallbackId,
    InotifyConstants,
    InotifyEvent,
    InotifyFD,
    Mask,
    WatchDescriptor,
)

from reeldrop.domain.job import RelPath
from reeldrop.domain.paths import folders_above, parent
from reeldrop.domain.settling import Evidence
from reeldrop.files.faults import words_of
from reeldrop.files.hint import Hint
from reeldrop.files.litter import is_litter
from reeldrop.files.scan import Folder
from reeldrop.ports import Clock, Entry, Mode

log = structlog.get_logger()

EVENTS = Mask(
    InotifyConstants.IN_CREATE
    | InotifyConstants.IN_MOVE
    | InotifyConstants.IN_CLOSE_WRITE
    | InotifyConstants.IN_DELETE
    | InotifyConstants.IN_ONLYDIR
    | InotifyConstants.IN_EXCL_UNLINK
)
"""Not IN_MODIFY: a slow copy makes one per write, and the scan sees size and mtime anyway."""


INOTIFY, POLLING = "inotify", "polling"
USED_UP = {
    errno.EMFILE: "no inotify instances left (fs.inotify.max_user_instances)",
    errno.ENOSPC: "no inotify watches left (fs.inotify.max_user_watches)",
}


class Watcher:
    """inotify on the local folders of one inbox; called by the scan's thread and by the reader's."""

    def __init__(self, name: str, backend: str, clock: Clock, hint: Hint) -> None:
        self._name = name
        self._backend = backend
        self._clock = clock
        self._monotonic = clock.monotonic
        self._hint = hint
        self._reader: InotifyFD | None = None
        self._lock = threading.Lock()
        self._ids = itertools.count(1)
        self._watches: dict[WatchDescriptor, tuple[Folder, CallbackId]] = {}
        self._by_path: dict[RelPath, WatchDescriptor] = {}
        self._evidence: dict[RelPath, tuple[Evidence, float]] = {}
        self._arrived: dict[RelPath, tuple[float, float]] = {}
        """Folders renamed into the inbox: when, by the monotonic and by the wall clock (s)."""
        self._leaving = 0
        """The cookie of the last rename that took something out of a watched folder."""
        self._seen: set[WatchDescriptor] = set()
        self._modes: dict[RelPath, Mode] = {}
        """Of the file systems that this scan has met so far, by the folder where each begins."""
        self._said: dict[RelPath, Mode] = {}
        """Those of the last scan, which the log knows."""
        self._silent = ""
        """Why inotify takes nothing more in this scan; the next one tries again."""
        self._began = 0.0

    @property
    def complete(self) -> bool:
        """Say whether every folder of the last scan gives hints."""
        return bool(self._said) and all(mode.how == INOTIFY for mode in self._said.values())

    @property
    def modes(self) -> tuple[Mode, ...]:
        """How changes are noticed since the last scan, the inbox's own file system first."""
        return tuple(self._said.values())

    # ------------------------------------------------------------------ the scan's thread

    def begin(self) -> None:
        """A scan begins; what happens from now on is a hint for the next one."""
        self._hint.lower()
        self._began = self._monotonic()
        self._seen.clear()
        self._modes.clear()
        self._silent = ""
        if self._reader is not None and not self._reader.is_alive():
            log.warning("watch.reader_died", watch=self._name)
            self.close()

    def visit(self, folder: Folder) -> None:
        """Watch a folder of the scan, where its file system can tell of changes."""
        mode = self._modes.get(folder.top)
        if mode is None:
            mode = self._modes[folder.top] = self._mode(folder)
        with self._lock:
            wd = self._by_path.get(folder.path)
            if wd is not None and self._same(wd, folder):
                self._seen.add(wd)
                return
        if mode.how == INOTIFY and not self._listens_to(folder):
            self._modes[folder.top] = Mode(folder.top, POLLING, self._silent)

    def _listens_to(self, folder: Folder) -> bool:
        if not self._silent:
            try:
                self._add(self._reader or self._start(), folder)
            except OSError as error:
                self._silent = USED_UP.get(error.errno or 0, f"inotify fails: {words_of(error)}")
        return not self._silent

    def _mode(self, folder: Folder) -> Mode:
        """Return how the file system that begins with `folder` is to be watched."""
        if self._backend != "auto":
            return Mode(folder.top, self._backend, f'backend = "{self._backend}"')
        if not folder.mount.local:
            return Mode(folder.top, POLLING, folder.mount.description)
        return Mode(folder.top, INOTIFY, folder.mount.description)

    def _start(self) -> InotifyFD:
        reader = InotifyFD()
        reader.start()
        self._reader = reader
        return reader

    def _same(self, wd: WatchDescriptor, folder: Folder) -> bool:
        known, _ = self._watches[wd]
        return (known.device, known.inode) == (folder.device, folder.inode)

    def _add(self, reader: InotifyFD, folder: Folder) -> None:
        number = CallbackId(next(self._ids))
        # Through the open descriptor: no name on the way can be swapped for a link.
        wd = reader.add_callback(f"/proc/self/fd/{folder.fd}".encode(), EVENTS, self, number)
        with self._lock:
            before = self._watches.get(wd)
            self._forget(wd)
            self._watches[wd] = (folder, number)
            self._by_path[folder.path] = wd
            self._seen.add(wd)
        if before is not None:
            reader.remove_callbacks([(wd, before[1])])

    def finish(self, entries: Mapping[RelPath, Entry]) -> dict[RelPath, tuple[Evidence, float]]:
        """The scan is over: drop what it no longer met; return the evidence on what it found."""
        with self._lock:
            stale = [wd for wd in self._watches if wd not in self._seen]
            self._note_arrived(entries)
            self._evidence = {
                path: evidence
                for path, evidence in self._evidence.items()
                if path in entries or evidence[1] >= self._began
            }
            found = {path: told for path, told in self._evidence.items() if path in entries}
        self._drop(stale)
        self._tell_modes()
        return found

    def _note_arrived(self, entries: Mapping[RelPath, Entry]) -> None:
        """What lay in a folder when it was renamed into place was renamed with it.

        What came into it later, before it was watched, has a younger ctime, which no tool can set.
        """
        for path, entry in entries.items() if self._arrived else ():
            for folder in folders_above(parent(path)):
                at, wall = self._arrived.get(folder, (0.0, 0.0))
                if entry.ctime_ns < wall * 1e9:
                    self._evidence.setdefault(path, (Evidence.RENAMED, at))
        self._arrived = {
            folder: times for folder, times in self._arrived.items() if times[0] >= self._began
        }

    def _tell_modes(self) -> None:
        for folder, mode in self._modes.items():
            if self._said.get(folder) != mode:
                log.info("watch.mode", watch=self._name, folder=folder, mode=mode.how, why=mode.why)
        self._said = dict(self._modes)

    def close(self) -> None:
        """Stop listening."""
        reader, self._reader = self._reader, None
        with self._lock:
            self._watches.clear()
            self._by_path.clear()
        if reader is not None:
            reader.stop()

    # ------------------------------------------------------------------ the reader's thread

    def on_event(self, event: InotifyEvent) -> None:
        """Called by the reader for each event."""
        try:
            self._take(event)
        except Exception as error:  # noqa: BLE001 - an exception would end the reader's thread
            log.warning("watch.event_failed", watch=self._name, error=repr(error))
            self._hint.raise_()

    def on_watch_deleted(self, wd: WatchDescriptor) -> None:
        """Called by the reader when a watched folder is gone."""
        with self._lock:
            watched = self._watches.get(wd)
            self._forget(wd)
        if watched is not None and not watched[0].path:
            # The inbox itself: deleted, or its disk unmounted. Nothing else will ever tell.
            self._hint.raise_()

    def on_queue_overflow(self) -> None:
        """Called by the reader when the kernel has dropped events: no evidence holds any more."""
        with self._lock:
            self._evidence.clear()
            self._arrived.clear()
        self._hint.raise_()

    def _take(self, event: InotifyEvent) -> None:
        name = os.fsdecode(event.name)
        with self._lock:
            watched = self._watches.get(event.wd)
        if not name or is_litter(name):
            return
        left = event.is_moved_from or event.is_delete
        if event.is_moved_from:
            self._leaving = event.cookie
        if watched is not None:
            folder = watched[0].path
            path = RelPath(f"{folder}/{name}" if folder else name)
            if not event.is_directory:
                self._note(path, event)
            elif left:
                self._forget_below(path)
            elif event.is_moved_to and event.cookie != self._leaving:
                # A folder renamed within the inbox may be one that is still being filled.
                with self._lock:
                    self._arrived[path] = (self._monotonic(), self._clock.now())
        # What leaves is mostly what we claim ourselves; the next scan misses it early enough.
        if not left:
            self._hint.raise_()

    def _note(self, path: RelPath, event: InotifyEvent) -> None:
        with self._lock:
            if event.is_moved_to:
                self._evidence[path] = (Evidence.RENAMED, self._monotonic())
            elif event.is_close_write:
                self._evidence[path] = (Evidence.CLOSED, self._monotonic())
            else:
                # Created anew or gone: what was told of the name is no longer true of it.
                self._evidence.pop(path, None)

    def _forget_below(self, folder: RelPath) -> None:
        """A folder has left: what is known under its name is not true of the next one there."""
        prefix = f"{folder}/"
        with self._lock:
            gone = [
                wd
                for path, wd in self._by_path.items()
                if path == folder or path.startswith(prefix)
            ]
            for path in [path for path in self._evidence if path.startswith(prefix)]:
                del self._evidence[path]
            for path in [path for path in self._arrived if f"{path}/".startswith(prefix)]:
                del self._arrived[path]
        self._drop(gone)

    # ------------------------------------------------------------------ both

    def _drop(self, watches: list[WatchDescriptor]) -> None:
        with self._lock:
            numbers = [(wd, self._watches[wd][1]) for wd in watches if wd in self._watches]
            for wd in watches:
                self._forget(wd)
        if self._reader is not None and numbers:
            with suppress(OSError):
                self._reader.remove_callbacks(numbers)

    def _forget(self, wd: WatchDescriptor) -> None:
        watched = self._watches.pop(wd, None)
        if watched is not None and self._by_path.get(watched[0].path) == wd:
            del self._by_path[watched[0].path]
