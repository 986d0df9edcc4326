"""Builds the rooms from the slices of the settings. All file work is done in threads that may hang."""

import asyncio
import os
import random
import secrets
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import SecretStr

from reeldrop import files, telemetry, version
from reeldrop.app.aside import aside
from reeldrop.app.folders import Paths, check_jobs, real_folders
from reeldrop.app.reloading import Reloads
from reeldrop.domain.errors import StartupError
from reeldrop.domain.path_map import PathMap
from reeldrop.engine.intake import Intake, Watch
from reeldrop.engine.intake.spec import check_defaults
from reeldrop.engine.pulse import Pulse
from reeldrop.engine.rooms import Place, Policy, Rooms
from reeldrop.engine.showing import Board
from reeldrop.engine.transfers import Transfers
from reeldrop.files.marker import OWN_MARKER
from reeldrop.media import open_media
from reeldrop.ports import (
    UNCOUNTED,
    Clock,
    Direction,
    JobStore,
    Metrics,
    Outbox,
    Provider,
    Uploads,
)
from reeldrop.provider import open_catalogue
from reeldrop.provider.client import open_provider
from reeldrop.serving.http import Connection, Handler, Patience
from reeldrop.serving.listener import Listener
from reeldrop.settings import ApiSettings, LimitSettings, Settings, WatchSettings
from reeldrop.store import limits_of, open_store
from reeldrop.upload import Chooser, open_uploads
from reeldrop.web.records import late_after
from reeldrop.web.status import StatusBoard

STRANGERS = Patience(idle=15.0, head=10.0, piece=60.0, requests=100)
"""What is borne of whoever comes to the web listener."""
CONNECTIONS = 64
"""How many of them at once."""


@dataclass(frozen=True, slots=True)
class Builder:
    """Opens rooms of one run; `stack` closes them in the opposite order, `reloads` keeps them up to date."""

    settings: Settings
    clock: Clock
    stack: AsyncExitStack
    metrics: Metrics = UNCOUNTED
    reloads: Reloads = field(default_factory=Reloads)

    async def store(self) -> JobStore:
        """Open the memory. Raises SettingsError, StartupError."""
        settings = self.settings
        store = await open_store(
            settings.store,
            settings.limits,
            reconcile_window=settings.api.reconcile_window,
            clock=self.clock,
            metrics=self.metrics,
        )
        self.stack.push_async_callback(store.close)
        self.reloads.follow(
            lambda new: store.limit(limits_of(new.limits, new.api.reconcile_window))
        )
        return store

    def logs(self, *secrets: SecretStr | None) -> None:
        """Open the log of every outbox; none of `secrets` stands in any log from now on.

        Raises SettingsError: the group of the settings does not exist.
        """
        telemetry.hide(each.get_secret_value() for each in secrets if each is not None)
        outboxes = [Path(watch.outbox).resolve() for watch in self.settings.watch]
        node = self.settings.node_name
        dress = files.look_of(self.settings.output).apply
        logs = telemetry.open_logs(node, outboxes, sign=OWN_MARKER, dress=dress)
        self.stack.enter_context(logs)
        self.reloads.follow(lambda new: telemetry.set_level(new.log.level))
        self.reloads.follow_key(lambda new: telemetry.hide([new.get_secret_value()]))

    async def provider(self, key: SecretStr | None) -> Provider:
        """Open the provider. Raises SettingsError."""
        opened = open_provider(self.settings.api, key, version(), self.clock)
        self.reloads.follow_key(opened.use_key)
        return await self.stack.enter_async_context(opened)

    async def own(self, store: JobStore, *, take_over: bool) -> Mapping[str, files.Mark]:
        """See that store and folders belong to one another, as when the last jobs were taken.

        Returns by what each watch's inbox is known. Raises SettingsError, StartupError.
        """
        store_id = await store.store_id()
        marks: dict[str, files.Mark] = {}
        for watch in self.settings.watch:
            check_jobs(watch, await store.enrol_watch(watch.name, *real_folders(watch)))
            places = {folder: await store.recall(folder) for folder in files.folders_of(watch)}
            node = self.settings.node_name
            owned = await aside(files.own, watch, store_id, node, places, take_over=take_over)
            for mark in owned:
                if places[mark.folder] != mark.place:
                    await store.remember(mark.folder, mark.place)
            marks[watch.name] = owned[0]
        return marks

    async def uploads(self, store: JobStore) -> Chooser:
        """Open the ways that files take to the provider. Raises SettingsError, StartupError."""
        state = self.settings.store.state_folder
        opened = await aside(open_uploads, self.settings.upload, store, state, self.clock)
        self.stack.push_async_callback(opened.aclose)
        self.reloads.follow(lambda new: opened.send_inside_up_to(new.upload.data_uri_max))
        return opened

    async def listen(self, pages: Handler, full: Callable[[], None] = lambda: None) -> int:
        """Answer whoever comes to `web.listen`; return the port. Raises StartupError.

        `full` hears of each one for whom there is no place.
        """
        settings = self.settings.web
        if settings.address is None:
            raise AssertionError("nothing is listened for where the settings name no place")
        listener = Listener(
            lambda reader, writer: Connection(reader, writer, pages, self.clock.now, STRANGERS),
            CONNECTIONS,
            full,
        )
        try:
            port = await listener.open(*settings.address)
        except OSError as error:
            raise StartupError(
                f"web.listen = {settings.listen} cannot be listened on: {_why(error)}.",
                hint="Another program may have the port; give another one.",
            ) from error
        self.stack.push_async_callback(listener.close)
        return port

    async def rooms(
        self,
        marks: Mapping[str, files.Mark],
        store: JobStore,
        provider: Provider,
        uploads: Uploads,
        stop: asyncio.Event,
    ) -> Rooms:
        """Open what is left. Raises SettingsError, StartupError."""
        policy, transfers = _policy(self.settings.api), Transfers(self.clock, metrics=self.metrics)
        transfers.limit(_bandwidth(self.settings.limits))
        self.reloads.follow(lambda new: policy.become(_policy(new.api)))
        self.reloads.follow(lambda new: transfers.limit(_bandwidth(new.limits)))
        return Rooms(
            node=self.settings.node_name,
            clock=self.clock,
            store=store,
            provider=provider,
            catalogue=open_catalogue(self.settings.api.catalogue_dir),
            uploads=uploads,
            places={
                watch.name: await self._place(watch, marks[watch.name])
                for watch in self.settings.watch
            },
            policy=policy,
            stopping=stop.is_set,
            pulse=Pulse(self.clock, stop.is_set),
            transfers=transfers,
            jitter=random.random,
        )

    async def _place(self, watch: WatchSettings, mark: files.Mark) -> Place:
        inbox = files.open_inbox(watch, self.clock, mark)
        self.stack.push_async_callback(inbox.aclose)
        media = open_media()
        self.stack.push_async_callback(media.aclose)
        outbox, board = await self._outbox(watch), await self._outbox(watch)
        place = Place(inbox, outbox, board, media, watch.archive, watch.duplicates)

        def follow(new: Settings) -> None:
            now = new.watch_named(watch.name)
            inbox.poll_every(now.poll_interval)
            place.duplicates = now.duplicates

        self.reloads.follow(follow)
        return place

    async def _outbox(self, watch: WatchSettings) -> Outbox:
        outbox = await aside(files.open_outbox, watch.outbox, self.settings.output)
        self.stack.push_async_callback(outbox.aclose)
        return outbox


def _why(error: OSError) -> str:
    # A name that means no host is told by negative numbers, which are not the system's.
    if error.errno is None or error.errno <= 0:
        return error.strerror or str(error)
    return os.strerror(error.errno)


def _policy(api: ApiSettings) -> Policy:
    return Policy(api.poll_interval, api.generation_timeout, api.reconcile_window)


def _bandwidth(limits: LimitSettings) -> dict[Direction, int]:
    return {
        Direction.UPLOAD: limits.upload_bandwidth,
        Direction.DOWNLOAD: limits.download_bandwidth,
    }


def boards_of(settings: Settings, rooms: Rooms, reloads: Reloads) -> list[Board]:
    """Return what writes the status files, one for each outbox however often it is named."""
    sharing: dict[Path, dict[str, float]] = {}
    for watch in settings.watch:
        sharing.setdefault(Path(watch.outbox).resolve(), {})[watch.name] = late_after(watch)

    def follow(new: Settings) -> None:
        for watches in sharing.values():
            watches.update({name: late_after(new.watch_named(name)) for name in watches})

    reloads.follow(follow)
    return [
        StatusBoard(
            rooms.node,
            watches,
            rooms.store,
            rooms.places[next(iter(watches))].board,
            rooms.clock,
        ).write
        for watches in sharing.values()
    ]


def check_watches(settings: Settings, rooms: Rooms, paths: Paths) -> None:
    """Look at the defaults of every watch. Raises SettingsError where they are wrong."""
    for watch in settings.watch:
        check_defaults(watch.name, watch.defaults, rooms.catalogue, paths[watch.name])


def reload_intakes(new: Settings, intakes: Mapping[str, Intake], paths: Paths) -> None:
    """Let the intakes go by settings of the same watches that were read anew."""
    for watch in new.watch:
        intakes[watch.name].follow(_watch(watch, new, paths[watch.name]))


def intakes_of(settings: Settings, rooms: Rooms, paths: Paths) -> dict[str, Intake]:
    """Return the intake of each watch. Raises SettingsError where a watch's defaults are wrong."""
    check_watches(settings, rooms, paths)
    return {
        watch.name: Intake(
            _watch(watch, settings, paths[watch.name]),
            rooms.places[watch.name].inbox,
            rooms.store,
            rooms.catalogue,
            rooms.places[watch.name].media,
            rooms.clock,
            new_id,
        )
        for watch in settings.watch
    }


def _watch(watch: WatchSettings, settings: Settings, paths: PathMap) -> Watch:
    return Watch(
        name=watch.name,
        extensions=watch.extensions,
        settle=watch.settle,
        settle_polling=watch.settle_polling,
        rescan_interval=watch.rescan_interval,
        sidecar_grace=watch.sidecar_grace,
        sidecar_timeout=watch.sidecar_timeout,
        incomplete_timeout=watch.incomplete_timeout,
        upload=watch.upload or settings.upload.mode,
        archive=watch.archive,
        conform=watch.conform,
        duplicates=watch.duplicates,
        defaults=watch.defaults,
        paths=paths,
    )


def new_id() -> str:
    """Return a random id for a job."""
    return secrets.token_hex(16)
