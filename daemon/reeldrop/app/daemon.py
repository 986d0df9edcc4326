"""One run of the daemon, from the settings to its end."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial

import structlog
from pydantic import SecretStr

from reeldrop import files, version
from reeldrop.app.aside import aside
from reeldrop.app.building import (
    Builder,
    boards_of,
    check_watches,
    intakes_of,
    new_id,
    reload_intakes,
)
from reeldrop.app.folders import WatchFolders, inbox_names, paths_of
from reeldrop.app.receivers import Receivers
from reeldrop.app.reloading import Reloads
from reeldrop.app.stand_in import open_stand_in
from reeldrop.app.start import Stopped, starting
from reeldrop.app.window import open_window
from reeldrop.domain.errors import SettingsError
from reeldrop.domain.lifecycle import State
from reeldrop.engine.operations import Nobody, Orders, recall_cancels
from reeldrop.engine.recovery import recover
from reeldrop.engine.rooms import Rooms
from reeldrop.engine.supervisor import Supervisor
from reeldrop.host.clock import SystemClock
from reeldrop.host.lock import hold_state_folder
from reeldrop.host.notify import Notifier
from reeldrop.settings import Settings, api_key, web_token
from reeldrop.telemetry.metrics import Counters

log = structlog.get_logger()

WITHOUT_FOLDERS = frozenset({"pause", "resume"})
"""Orders that are carried out whether or not the folders are there."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line asks of one run."""

    once: bool = False
    simulate: bool = False
    take_over: bool = False


@dataclass(frozen=True, slots=True)
class Tally:
    """What a run leaves: how many jobs failed in it, and how many still want something."""

    failed: int = 0
    uncertain: int = 0
    late: int = 0
    blocked: str = ""
    """Why queued jobs were left; empty where none were."""


@dataclass(frozen=True, slots=True)
class Outside:
    """What is around one run: who is told how it is, and who may ask for other settings."""

    notifier: Notifier = field(default_factory=lambda: Notifier(""))
    reloads: Reloads = field(default_factory=Reloads)


async def run(
    settings: Settings, options: Options, stop: asyncio.Event, outside: Outside | None = None
) -> Tally:
    """Run the daemon until `stop` is set, or with `once` until everything there is worked off.

    Raises:
        SettingsError: the settings, the folders or the API key are wrong.
        StartupError: a folder or the store is not there, or another daemon holds it.
    """
    outside = outside or Outside()
    try:
        async with opened(settings, options, stop, outside) as rooms:
            return await work(settings, rooms, stop, outside, once=options.once)
    except Stopped:
        log.info("daemon.stopped")
        return Tally()


@asynccontextmanager
async def opened(
    settings: Settings, options: Options, stop: asyncio.Event, outside: Outside | None = None
) -> AsyncGenerator[Rooms, None]:
    """Open every room the engine needs, and close them in the opposite order. Raises like `run`, Stopped."""
    outside = outside or Outside()
    reloads = outside.reloads
    key, token = _key(settings, options), web_token(settings.web)
    counters = Counters(watch.name for watch in settings.watch)
    reloads.begin(settings, key)
    async with AsyncExitStack() as stack:
        build = Builder(settings, SystemClock(), stack, counters, reloads)
        async with starting(WatchFolders(settings), stop, outside.notifier.starting):
            await aside(files.check_folders, settings)
            receivers = Receivers(build.clock)
            told = await receivers.open(settings.notify) or ()
            reloads.open_receivers(lambda new: receivers.open(new.notify))
            stack.enter_context(hold_state_folder(settings.store.state_folder))
            store = await build.store()
            marks = await build.own(store, take_over=options.take_over)
            build.logs(key, token)
            if options.simulate:
                pointed = await open_stand_in(settings, stack)
                reloads.see_through(pointed)
                build = replace(build, settings=pointed(settings))
            uploads = await build.uploads(store)
            rooms = await build.rooms(marks, store, await build.provider(key), uploads, stop)
            beside = await open_window(build, rooms, counters, uploads.route, token)
            rooms = replace(rooms, receivers=told, beside=beside)
        yield rooms


async def carry_out_orders(settings: Settings) -> None:
    """Do what people have asked for, where no daemon runs to do it.

    The caller holds the state folder. Nothing is submitted: what an order sets going waits for the
    next start. Raises like `run`, and StoreUnavailable.
    """
    async with AsyncExitStack() as stack:
        clock, stop = SystemClock(), asyncio.Event()
        store = await Builder(settings, clock, stack).store()
        open_orders = await store.orders()
        if all(order.kind in WITHOUT_FOLDERS for order in open_orders):
            settings = settings.model_copy(update={"watch": ()})
        build = Builder(settings, clock, stack)
        async with starting(WatchFolders(settings), stop, _nothing):
            await aside(files.check_folders, settings)
            marks = await build.own(store, take_over=False)
            key = api_key(settings.api)
            build.logs(key)
            uploads = await build.uploads(store)
            rooms = await build.rooms(marks, store, await build.provider(key), uploads, stop)
        await store.adopt()
        orders = Orders(rooms, Nobody())
        for order in open_orders:
            await orders.carry_out(order)


async def check_folders(settings: Settings) -> None:
    """Look whether the folders of the settings can be worked with. Raises SettingsError, StartupError."""
    async with starting(WatchFolders(settings), asyncio.Event(), _nothing):
        await aside(files.check_folders, settings)


def _key(settings: Settings, options: Options) -> SecretStr | None:
    """Refuse to start with settings that would only go wrong later; return the API key."""
    if not settings.watch:
        raise SettingsError("no folder to watch: give --inbox and --outbox, or a [[watch]] table")
    # The stand-in lets everybody in, and the key is nobody else's business.
    key = None if options.simulate else api_key(settings.api)
    if key is None and not options.simulate:
        raise SettingsError(
            "no API key: set AIMLAPI_API_KEY, or name the file that holds it as api.key_file "
            "(reeldrop run --simulate needs none)"
        )
    return key


def _nothing() -> None:
    """Nobody waits for this start."""


async def work(
    settings: Settings,
    rooms: Rooms,
    stop: asyncio.Event,
    outside: Outside | None = None,
    *,
    once: bool,
) -> Tally:
    """Recover what the last run left, then work until `stop`.

    Raises StepError, StartupError, Stopped, and SettingsError where a watch's defaults are wrong.
    """
    outside = outside or Outside()
    reloads = outside.reloads
    folders = WatchFolders(settings)
    async with starting(folders, stop, outside.notifier.starting):
        names = await aside(inbox_names, settings)
        intakes = intakes_of(settings, rooms, paths_of(settings, names))
        boards = boards_of(settings, rooms, reloads)
        jobs = await recover(rooms, intakes, new_id)
        jobs += await recall_cancels(rooms)
    log.info("daemon.started", version=version(), node=rooms.node, watches=len(intakes))
    supervisor = Supervisor(rooms, intakes, boards, folders, stop, outside.notifier)

    def follow(new: Settings) -> None:
        folders.keep_free(new.limits.min_free_disk)
        reload_intakes(new, intakes, paths_of(new, names))
        supervisor.look_again()

    reloads.check(lambda new: check_watches(new, rooms, paths_of(new, names)))
    reloads.follow(follow)
    reloads.follow_key(lambda _: supervisor.ask_again())
    reloads.follow_receivers(supervisor.tell)
    outside.notifier.ready()
    reload_lane = partial(reloads.lane, outside.notifier, supervisor.note, stop.is_set)
    await supervisor.run(jobs, reload_lane, once=once)
    left = await rooms.store.jobs([State.UNCERTAIN, State.GENERATING, State.QUEUED])
    log.info("daemon.stopped", **{str(state): ended for state, ended in supervisor.ended.items()})
    return Tally(
        failed=supervisor.ended[State.FAILED],
        uncertain=sum(job.state is State.UNCERTAIN for job in left),
        late=sum(job.late for job in left),
        blocked=supervisor.blocked if any(job.state is State.QUEUED for job in left) else "",
    )
