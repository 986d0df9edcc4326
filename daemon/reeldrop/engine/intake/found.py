"""From the files of one scan to drops: who belongs to whom, and where files are still arriving."""

import asyncio

from reeldrop.domain.drop import Clash, Drop, Files, Says, pair, preset_chain
from reeldrop.domain.errors import FileBusy, ReeldropError
from reeldrop.domain.job import RelPath
from reeldrop.domain.paths import parent
from reeldrop.domain.spec import Document, Role
from reeldrop.engine.intake.clip import names_files, says
from reeldrop.engine.intake.past import Past
from reeldrop.engine.intake.shelf import Shelf
from reeldrop.engine.intake.spec import Specs
from reeldrop.engine.intake.terms import Watch

READ_AT_ONCE = 4
"""Sidecars that are read at once."""


class Found:
    """What the looks at one inbox have found; remembers what must outlive a look."""

    def __init__(
        self, watch: Watch, shelf: Shelf, specs: Specs, past: Past, defaults: Document | None
    ) -> None:
        self._shelf = shelf
        self._specs = specs
        self._past = past
        self._extensions = watch.clip_extensions
        self.follow(watch, defaults)
        self.quiet_since: dict[RelPath, float | None] = {}
        """For each folder where files have been arriving: since when none is, None while some are."""
        self.named: dict[RelPath, RelPath] = {}
        """The clips that sidecars name themselves, by sidecar."""
        self.broken: dict[RelPath, Exception] = {}
        """The files that met a bug in this look: their drops must not be judged."""

    def follow(self, watch: Watch, defaults: Document | None) -> None:
        """Go by other times and defaults from now on."""
        self._watch = watch
        self._base = (defaults,) if defaults else ()

    async def drops(self, files: Files, now: float) -> list[Drop | Clash]:
        """Return the drops of a scan, the oldest first, complete or not, and what is ambiguous."""
        self.broken = {}
        words = await self._says(files, now)
        self.named = {path: word.clip for path, word in words.items() if word.firm and word.clip}
        drops, clashes = pair(files, words)
        return self._in_order([*await self._without_used(drops, files), *clashes])

    def _in_order(self, found: list[Drop | Clash]) -> list[Drop | Clash]:
        entries = self._shelf.entries

        def age(drop: Drop | Clash) -> tuple[int, RelPath]:
            return max(entries[path].mtime_ns for path in drop.files), drop.files[0]

        return sorted(found, key=age)

    def note_arrivals(self, now: float) -> None:
        """Remember in which folders files are arriving, for `sidecar_grace`."""
        busy: set[RelPath] = set()
        for path in self._shelf.entries:
            recent = now - self._shelf.changed_at(path) < self._watch.incomplete_timeout
            ready = self._shelf.ready_at(path)
            if recent and (ready is None or ready > now or self._shelf.is_torn(path)):
                busy.add(parent(path))
        for folder, quiet in tuple(self.quiet_since.items()):
            if quiet is None and folder not in busy:
                self.quiet_since[folder] = now
            elif quiet is not None and now - quiet > self._watch.sidecar_grace:
                del self.quiet_since[folder]
        self.quiet_since.update(dict.fromkeys(busy))

    async def _says(self, files: Files, now: float) -> dict[RelPath, Says]:
        """Ask every complete sidecar for its clip; one that cannot be read goes by its name."""
        words: dict[RelPath, Says] = {}
        turn = iter(files.sidecars)

        async def ask() -> None:
            for path in turn:
                ready = self._shelf.ready_at(path)
                if ready is None or ready > now:
                    continue
                try:
                    document = await self._shelf.document(path, Role.SIDECAR)
                    if isinstance(document, Document) and (
                        word := says(document, self._extensions, self._specs.paths)
                    ):
                        words[path] = word
                except FileBusy:
                    continue
                except ReeldropError:
                    raise
                except Exception as error:  # noqa: BLE001 - a bug met by one file must not stop the others
                    self.broken[path] = error

        await asyncio.gather(*(ask() for _ in range(READ_AT_ONCE)))
        return words

    async def _without_used(self, drops: list[Drop], files: Files) -> list[Drop]:
        """Leave out the clips that a spec uses beside its own: they are no drops of themselves."""
        lone = {drop.clip for drop in drops if drop.clip and not drop.sidecar}
        if not lone:
            return drops
        used = lone & await self._past.used()
        for path in (*files.sidecars, *files.presets.values()):
            try:
                used.update(self._used_by(path, files))
            except Exception as error:  # noqa: BLE001 - as in `_says`
                self.broken[path] = error
        return [drop for drop in drops if drop.sidecar or drop.clip not in used]

    def _used_by(self, path: RelPath, files: Files) -> list[RelPath]:
        """Return the files that a sidecar or preset names beside the clip, as far as it was read."""
        document = self._shelf.known_document(path)
        if document is None or not names_files(document, self._extensions):
            return []
        chain = preset_chain(files.presets, parent(path))
        above = [self._shelf.known_document(each) for each in chain if each != path]
        documents = [*self._base, *(each for each in above if each), document]
        return [each.path for each, _ in self._specs.read(documents, path).references]
