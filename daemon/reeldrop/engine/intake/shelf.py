"""What the intake knows of each file of an inbox: how long it has been quiet, and what is in it.

Whatever costs a look into a file is done once for each content, and forgotten with the file.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from reeldrop.domain.document import LARGEST, parse
from reeldrop.domain.errors import ClipUnreadable, FileBusy, NotWhole
from reeldrop.domain.footage import Footage, Picture
from reeldrop.domain.job import RelPath
from reeldrop.domain.paths import parent, printable
from reeldrop.domain.references import Kind
from reeldrop.domain.settling import Evidence, Quiet, Sighting, Stamp, observe, ready_at
from reeldrop.domain.spec import Document, Fault, Role
from reeldrop.engine.intake.probing import Probing
from reeldrop.ports import Entry, Inbox, Media, Scan

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Probed:
    """What a decoder said of a clip, and when it was first asked (monotonic seconds)."""

    footage: Footage | None
    error: NotWhole | ClipUnreadable | None
    at: float


class _PerContent(Generic[_T]):
    """One value for each file, good for as long as the file stays as it is."""

    def __init__(self) -> None:
        self._values: dict[RelPath, tuple[Entry, _T]] = {}

    async def get(self, entry: Entry, make: Callable[[], Awaitable[_T]]) -> _T:
        known = self._values.get(entry.path)
        if known is not None and (known[0] is entry or known[0].version == entry.version):
            return known[1]
        value = await make()
        self._values[entry.path] = (entry, value)
        return value

    def peek(self, entry: Entry) -> _T | None:
        known = self._values.get(entry.path)
        return known[1] if known is not None and known[0].version == entry.version else None

    def keep_only(self, paths: Mapping[RelPath, object]) -> None:
        if len(self._values) > len(paths) or not self._values.keys() <= paths.keys():
            self._values = {path: value for path, value in self._values.items() if path in paths}


class Shelf:
    """The files of one inbox as the scans so far have shown them."""

    def __init__(self, inbox: Inbox, media: Media, quiet: Quiet, probing: Probing) -> None:
        self._inbox = inbox
        self._media = media
        self._quiet = quiet
        self._probing = probing
        self._sightings: dict[RelPath, Sighting] = {}
        self._evidence: Mapping[RelPath, tuple[Evidence, float]] = {}
        self._earlier: float | None = None
        self._left: dict[RelPath, float] = {}
        self._documents: _PerContent[Document | Fault] = _PerContent()
        self._probed: _PerContent[Probed] = _PerContent()
        self._references: dict[Kind, _PerContent[Picture | ClipUnreadable | None]] = {
            kind: _PerContent() for kind in Kind
        }
        self._digests: _PerContent[str] = _PerContent()
        self.entries: dict[RelPath, Entry] = {}

    def settle_by(self, quiet: Quiet) -> None:
        """Let files count as complete by other times from now on."""
        self._quiet = quiet

    def note(self, scan: Scan, entries: Iterable[Entry], now: float) -> None:
        """Take in what a scan that began at `now` saw; `entries` are those that matter."""
        before, self._sightings = self._sightings, {}
        known, self.entries = self.entries, {entry.path: entry for entry in entries}
        for path, entry in self.entries.items():
            if path in before and known.get(path) is entry:
                self._sightings[path] = before[path]
                continue
            stamp = Stamp(entry.size, entry.mtime_ns, entry.ctime_ns, entry.inode, entry.device)
            earlier = self._left.get(path, self._earlier)
            self._sightings[path] = observe(before.get(path), stamp, now, earlier)
        self._evidence = scan.evidence
        self._earlier = now
        self._left = {}
        contents = (self._documents, self._probed, *self._references.values(), self._digests)
        for known in contents:
            known.keep_only(self.entries)

    def wait_out(self, until: float) -> None:
        """Let the time from the last scan to `until` not count: in it the folder could not be seen.

        What was told or seen of files before that proves nothing of them now: they settle anew.
        """
        gap = until - (until if self._earlier is None else self._earlier)
        self._sightings = {
            path: replace(seen, since=seen.since + gap, quiet_since=until, before=until)
            for path, seen in self._sightings.items()
        }

    def forget(self, paths: Iterable[RelPath], now: float) -> None:
        """Forget files that have left the inbox at `now`: what comes under their names is new."""
        for path in paths:
            self._sightings.pop(path, None)
            self._left[path] = now

    def unsettled(self) -> set[RelPath]:
        """Return the files that did not count as complete at the last look, or were found not whole."""
        return {path for path in self._sightings if self._is_unsettled(path)}

    def _is_unsettled(self, path: RelPath) -> bool:
        ready = self.ready_at(path)
        if ready is None or ready > (self._earlier or 0.0):
            return True
        return self.is_torn(path) or isinstance(self._documents.peek(self.entries[path]), Fault)

    def since(self, path: RelPath) -> float:
        """Return when the present content of a file was first seen (monotonic seconds)."""
        return self._sightings[path].since

    def changed_at(self, path: RelPath) -> float:
        """Return when the last change of any kind was seen (monotonic seconds).

        Not `since`: a tool may write into a file and set its time back.
        """
        return self._sightings[path].quiet_since

    def ready_at(self, path: RelPath) -> float | None:
        """Return when a file has been quiet for long enough; None while it is empty."""
        return ready_at(self._sightings[path], self._evidence.get(path), self._quiet)

    def ready_without_evidence(self, path: RelPath) -> float | None:
        """Return the same for a file whose writers cannot be asked for."""
        return ready_at(self._sightings[path], None, self._quiet)

    def is_torn(self, path: RelPath) -> bool:
        """Say whether a decoder has found the clip not whole."""
        probed = self._probed.peek(self.entries[path])
        return probed is not None and isinstance(probed.error, NotWhole)

    def complete_at(self, path: RelPath, now: float) -> float:
        """Return when the clip was first found whole (monotonic seconds)."""
        probed = self._probed.peek(self.entries[path])
        return probed.at if probed is not None else now

    async def document(self, path: RelPath, role: Role) -> Document | Fault:
        """Return a JSON file of the inbox, read. Raises FileBusy, FolderOffline."""
        entry = self.entries[path]

        async def read() -> Document | Fault:
            body = parse(await self._inbox.read(path, LARGEST))
            if isinstance(body, Fault):
                return body
            return Document(role, printable(path), parent(path), body, f"{path}\0{entry.version}")

        return await self._documents.get(entry, read)

    def known_document(self, path: RelPath) -> Document | None:
        """Return a JSON file that has been read already and holds an object."""
        entry = self.entries.get(path)
        known = self._documents.peek(entry) if entry is not None else None
        return known if isinstance(known, Document) else None

    async def probe(self, path: RelPath, now: float) -> Probed:
        """Return what the clip is. Raises FileBusy, StoreUnavailable."""
        entry = self.entries[path]

        async def ask() -> Probed:
            file = self._inbox.real(path)
            try:
                footage = await self._ask(entry, lambda: self._media.probe(file))
            except (NotWhole, ClipUnreadable) as error:
                return Probed(None, error, now)
            return Probed(footage, None, now)

        return await self._probed.get(entry, ask)

    async def sha256(self, path: RelPath) -> str:
        """Return the SHA-256 of a file as the last scan saw it. Raises FileBusy, FolderOffline."""
        entry = self.entries[path]
        return await self._digests.get(entry, lambda: self._inbox.sha256(path, entry.key))

    async def reference(self, path: RelPath, kind: Kind) -> Picture | ClipUnreadable | None:
        """Return what the image at `path` is, None for a video or a sound, or why it is not of `kind`.

        Raises FileBusy, StoreUnavailable.
        """
        entry = self.entries[path]

        async def ask() -> Picture | ClipUnreadable | None:
            file = self._inbox.real(path)
            try:
                found = await self._ask(entry, lambda: self._media.check_reference(file, kind))
                if kind is Kind.VIDEO:
                    await self._ask(entry, lambda: self._media.probe(file))
            except ClipUnreadable as error:
                return error
            except NotWhole as error:
                return ClipUnreadable(error.message, hint=error.hint)
            return found

        return await self._references[kind].get(entry, ask)

    async def _ask(self, entry: Entry, look: Callable[[], Awaitable[_T]]) -> _T:
        """Let a decoder look; what it says of a file that cannot be read any more is not believed.

        Raises FileBusy, FolderOffline, and what `look` raises.
        """
        try:
            return await self._probing.look(entry, look)
        except (NotWhole, ClipUnreadable, FileBusy):
            # The inbox also knows who stands in the way of reading it.
            await self._inbox.read(entry.path, 0)
            raise
