"""The folders of the settings as the machine knows them: do they answer, and is there room."""

from collections.abc import Mapping
from pathlib import Path

from reeldrop.domain.errors import SettingsError
from reeldrop.domain.path_map import PathMap, PathRule
from reeldrop.host.disk import SILENT, Room
from reeldrop.settings import Settings, WatchSettings

Paths = Mapping[str, PathMap]
"""By watch, what absolute paths mean in its drops."""
InboxNames = Mapping[str, tuple[str, ...]]
"""By watch, the absolute paths by which its inbox goes: as it is written, and without links."""


def inbox_names(settings: Settings) -> InboxNames:
    """Return by what paths each inbox goes. Asks the inboxes, which may hang."""
    inboxes = {watch.name: Path(watch.inbox).absolute() for watch in settings.watch}
    return {
        name: tuple(dict.fromkeys((str(inbox), str(inbox.resolve()))))
        for name, inbox in inboxes.items()
    }


def paths_of(settings: Settings, names: InboxNames) -> Paths:
    """Return what absolute paths mean in the drops of every watch, whose inboxes go by `names`."""
    rules = tuple(PathRule(rule.source, rule.target) for rule in settings.path_map)
    return {watch: PathMap(rules, inboxes) for watch, inboxes in names.items()}


def real_folders(watch: WatchSettings) -> tuple[str, str]:
    """Return inbox and outbox without links, as the store knows them. Asks both, which may hang."""
    return str(Path(watch.inbox).resolve()), str(Path(watch.outbox).resolve())


def check_jobs(watch: WatchSettings, elsewhere: tuple[str, str] | None) -> None:
    """Refuse a watch that has unfinished jobs in folders that are `elsewhere`. Raises SettingsError."""
    if elsewhere:
        raise SettingsError(
            f'the watch "{watch.name}" has unfinished jobs of other folders: '
            f"{elsewhere[0]} -> {elsewhere[1]}",
            hint="Let these end with their folders first, or give this watch another name.",
        )


class WatchFolders:
    """The engine's `Folders`, and what a start asks of them."""

    def __init__(self, settings: Settings) -> None:
        """Nothing is touched yet."""
        state = settings.store.state_folder
        self._needed = {
            watch.name: [
                state,
                Path(watch.outbox),
                *([Path(watch.inbox)] if watch.archive != "keep" else []),
            ]
            for watch in settings.watch
        }
        """The folders that are written to for each watch."""
        self._called = {state: f"The state folder {state}"}
        for watch in settings.watch:
            self._called |= {
                Path(watch.outbox): f"The outbox {watch.outbox}",
                Path(watch.inbox): f"The inbox {watch.inbox}",
            }
        self._watches = {
            watch.name: {state, Path(watch.inbox), Path(watch.outbox)} for watch in settings.watch
        }
        self._room = Room(tuple(self._called), settings.limits.min_free_disk)

    def keep_free(self, reserve: int) -> None:
        """Want `reserve` bytes free on each disk, from the next look on."""
        self._room.keep(reserve)

    async def short(self) -> Mapping[str, str]:
        """Return which watches' disks are too full to take on work, and a sentence for each."""
        short = await self._room.shortage()
        found = {
            watch: next((short[folder] for folder in each if folder in short), "")
            for watch, each in self._needed.items()
        }
        return {watch: reason for watch, reason in found.items() if reason}

    async def silent(self) -> Mapping[str, str]:
        """Return of which watches a folder does not answer any more, and a sentence for each."""
        silent = await self._room.silent()
        return {
            watch: " ".join(self._sentence(folder) for folder in silent if folder in folders)
            for watch, folders in self._watches.items()
            if folders.intersection(silent)
        }

    async def unanswering(self) -> list[str]:
        """Return a sentence for each folder that does not answer."""
        return [self._sentence(folder) for folder in await self._room.silent()]

    async def answered(self) -> None:
        """Return once every folder has answered, be it that it is not there."""
        await self._room.answered()

    def _sentence(self, folder: Path) -> str:
        return f"{self._called[folder]} has not answered for more than {SILENT:.0f} s."
