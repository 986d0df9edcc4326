"""The composition root: builds every room from the settings, opens and closes them in order."""

import asyncio
import random
import secrets
import tempfile
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import structlog
from pydantic import SecretStr

from reeldrop import files, version
from reeldrop.domain.errors import SettingsError, StepError, StoreUnavailable
from reeldrop.domain.lifecycle import State
from reeldrop.engine.intake import Intake, Watch
from reeldrop.engine.intake.spec import check_defaults
from reeldrop.engine.operations import Nobody, Orders, recall_cancels
from reeldrop.engine.queue import Shortage
from reeldrop.engine.recovery import recover
from reeldrop.engine.rooms import Place, Policy, Rooms
from reeldrop.engine.supervisor import Supervisor
from reeldrop.host.clock import SystemClock
from reeldrop.host.disk import Room
from reeldrop.host.lock import hold_state_folder
from reeldrop.media import open_media
from reeldrop.ports import Clock, JobStore, Outbox, Provider
from reeldrop.provider import open_catalogue, open_provider
from reeldrop.settings import Settings, WatchSettings, api_key, not_yet
from reeldrop.store import open_store
from reeldrop.telemetry import open_logs
from reeldrop.upload import open_uploads
from reeldrop.web.status import StatusBoard

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

    failed: int
    uncertain: int
    late: int
    blocked: str
    """Why queued jobs were left; empty where none were."""


async def run(settings: Settings, options: Options, stop: asyncio.Event) -> Tally:
    """Run the daemon until `stop` is set, or with `once` until everything there is worked off.

    Raises:
        SettingsError: the settings, the folders or the API key are wrong.
        StartupError: a folder or the store is not there, or another daemon holds it.
    """
    async with opened(settings, options, stop) as rooms:
        return await work(settings, rooms, stop, once=options.once)


@asynccontextmanager
async def opened(
    settings: Settings, options: Options, stop: asyncio.Event
) -> AsyncGenerator[Rooms, None]:
    """Open every room the engine needs, and close them in the opposite order. Raises like `run`."""
    key = _check(settings, options)
    clock = SystemClock()
    async with AsyncExitStack() as stack:
        stack.enter_context(hold_state_folder(settings.store.state_folder))
        store = await _memory(settings, clock, stack)
        await _own(settings, store, take_over=options.take_over)
        _open_logs(settings, key, stack)
        if options.simulate:
            settings = await _with_stand_in(settings, stack)
        provider = await _provider(settings, key, clock, stack)
        yield _rooms(settings, provider, store, clock, stack, stop)


async def carry_out_orders(settings: Settings) -> None:
    """Do what people have asked for, where no daemon runs to do it.

    The caller holds the state folder. Nothing is submitted: what an order sets going waits for the
    next start. Raises like `run`, and StoreUnavailable.
    """
    clock = SystemClock()
    async with AsyncExitStack() as stack:
        store = await _memory(settings, clock, stack)
        open_orders = await store.orders()
        if all(order.kind in WITHOUT_FOLDERS for order in open_orders):
            settings = settings.model_copy(update={"watch": ()})
        files.check_folders(settings)
        await _own(settings, store, take_over=False)
        key = api_key(settings.api)
        _open_logs(settings, key, stack)
        provider = await _provider(settings, key, clock, stack)
        rooms = _rooms(settings, provider, store, clock, stack, asyncio.Event())
        await store.adopt()
        orders = Orders(rooms, Nobody())
        for order in open_orders:
            await orders.carry_out(order)


async def _memory(settings: Settings, clock: Clock, stack: AsyncExitStack) -> JobStore:
    store = await open_store(
        settings.store,
        settings.limits,
        reconcile_window=settings.api.reconcile_window,
        clock=clock,
    )
    stack.push_async_callback(store.close)
    return store


def _open_logs(settings: Settings, key: SecretStr | None, stack: AsyncExitStack) -> None:
    outboxes = [Path(watch.outbox).resolve() for watch in settings.watch]
    stack.enter_context(open_logs(settings.log, settings.node_name, outboxes, key))


async def _provider(
    settings: Settings, key: SecretStr | None, clock: Clock, stack: AsyncExitStack
) -> Provider:
    return await stack.enter_async_context(open_provider(settings.api, key, version(), clock))


def _check(settings: Settings, options: Options) -> SecretStr | None:
    """Refuse to start with what would only go wrong later; return the API key."""
    if unable := not_yet(settings):
        raise SettingsError("\n".join(unable))
    if not settings.watch:
        raise SettingsError("no folder to watch: give --inbox and --outbox, or a [[watch]] table")
    # The stand-in lets everybody in, and the key is nobody else's business.
    key = None if options.simulate else api_key(settings.api)
    if key is None and not options.simulate:
        raise SettingsError(
            "no API key: set AIMLAPI_API_KEY, or name the file that holds it as api.key_file "
            "(reeldrop run --simulate needs none)"
        )
    files.check_folders(settings)
    return key


async def _own(settings: Settings, store: JobStore, *, take_over: bool) -> None:
    """See that store and folders belong to one another, as when the last jobs were taken."""
    store_id = await store.store_id()
    for watch in settings.watch:
        inbox, outbox = str(Path(watch.inbox).resolve()), str(Path(watch.outbox).resolve())
        if elsewhere := await store.enrol_watch(watch.name, inbox, outbox):
            raise SettingsError(
                f'the watch "{watch.name}" has unfinished jobs of other folders: '
                f"{elsewhere[0]} -> {elsewhere[1]}",
                hint="Let these end with their folders first, or give this watch another name.",
            )
        await asyncio.to_thread(files.own, watch, store_id, settings.node_name, take_over=take_over)


async def _with_stand_in(settings: Settings, stack: AsyncExitStack) -> Settings:
    """Open the stand-in of the API and return settings that point at it."""
    # A daemon of the real API has no need of it.
    from reeldrop.simulator import Simulator  # noqa: PLC0415
    from reeldrop.simulator.terms import Terms  # noqa: PLC0415

    api = settings.api
    folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="reeldrop-stand-in-"))
    terms = Terms(catalogue_dir=Path(api.catalogue_dir) if api.catalogue_dir else None)
    simulator = await stack.enter_async_context(Simulator(Path(folder), terms=terms))
    log.info("stand_in.opened", base_url=simulator.base_url)
    changes = {"base_url": simulator.base_url, "poll_interval": min(api.poll_interval, 0.5)}
    return settings.model_copy(update={"api": api.model_copy(update=changes)})


def _rooms(
    settings: Settings,
    provider: Provider,
    store: JobStore,
    clock: Clock,
    stack: AsyncExitStack,
    stop: asyncio.Event,
) -> Rooms:
    media = open_media()
    stack.push_async_callback(media.aclose)
    uploads = open_uploads(settings.upload)
    stack.callback(uploads.close)
    outboxes = _outboxes(settings)
    places: dict[str, Place] = {}
    for watch in settings.watch:
        inbox = files.open_inbox(watch, clock)
        stack.push_async_callback(inbox.aclose)
        outbox = outboxes[Path(watch.outbox).resolve()]
        places[watch.name] = Place(inbox, outbox, watch.archive, watch.duplicates)
    return Rooms(
        node=settings.node_name,
        clock=clock,
        store=store,
        provider=provider,
        uploads=uploads,
        media=media,
        places=places,
        policy=Policy(
            settings.api.poll_interval,
            settings.api.generation_timeout,
            settings.api.reconcile_window,
        ),
        stopping=stop.is_set,
        jitter=random.random,
    )


def _outboxes(settings: Settings) -> Mapping[Path, Outbox]:
    """Open every outbox once, however often and in whatever spelling it is named."""
    opened: dict[Path, Outbox] = {}
    for watch in settings.watch:
        place = Path(watch.outbox).resolve()
        if place not in opened:
            opened[place] = files.open_outbox(watch.outbox, settings.output)
    return opened


async def work(settings: Settings, rooms: Rooms, stop: asyncio.Event, *, once: bool) -> Tally:
    """Recover what the last run left, then work until `stop`.

    Raises StepError, StartupError, and SettingsError where a watch's defaults are wrong.
    """
    catalogue = open_catalogue(settings.api.catalogue_dir)
    for watch in settings.watch:
        check_defaults(watch.name, watch.defaults, catalogue)
    intakes = {
        watch.name: Intake(
            _watch(watch),
            rooms.places[watch.name].inbox,
            rooms.store,
            catalogue,
            rooms.media,
            rooms.clock,
            _new_id,
        )
        for watch in settings.watch
    }
    jobs = await recover(rooms, intakes, _new_id)
    jobs += await recall_cancels(rooms)
    log.info("daemon.started", version=version(), node=rooms.node, watches=len(intakes))
    supervisor = Supervisor(rooms, intakes, _status(settings, rooms), _shortage(settings), stop)
    await supervisor.run(jobs, once=once)
    left = await rooms.store.jobs([State.UNCERTAIN, State.GENERATING, State.QUEUED])
    log.info("daemon.stopped", **{str(state): ended for state, ended in supervisor.ended.items()})
    return Tally(
        failed=supervisor.ended[State.FAILED],
        uncertain=sum(job.state is State.UNCERTAIN for job in left),
        late=sum(job.late for job in left),
        blocked=supervisor.blocked if any(job.state is State.QUEUED for job in left) else "",
    )


def _status(settings: Settings, rooms: Rooms) -> Callable[[], Awaitable[None]]:
    """Return what writes the status files of every outbox."""
    sharing: dict[Outbox, list[str]] = {}
    for watch in settings.watch:
        sharing.setdefault(rooms.places[watch.name].outbox, []).append(watch.name)
    boards = [
        StatusBoard(rooms.node, names, rooms.store, outbox, rooms.clock)
        for outbox, names in sharing.items()
    ]

    async def write() -> None:
        for board in boards:
            try:
                await board.write()
            except (StepError, StoreUnavailable) as error:
                # The status is a courtesy: an outbox that is full or away is met again by a delivery.
                log.debug("status.failed", error=error.message)

    return write


def _watch(watch: WatchSettings) -> Watch:
    return Watch(
        name=watch.name,
        extensions=watch.extensions,
        settle=watch.settle,
        settle_polling=watch.settle_polling,
        rescan_interval=watch.rescan_interval,
        sidecar_grace=watch.sidecar_grace,
        sidecar_timeout=watch.sidecar_timeout,
        incomplete_timeout=watch.incomplete_timeout,
        archive=watch.archive,
        duplicates=watch.duplicates,
        defaults=watch.defaults,
    )


def _new_id() -> str:
    return secrets.token_hex(16)


def _shortage(settings: Settings) -> Shortage:
    """Return what says which watches have to wait for room on a disk."""
    state = settings.store.state_folder
    needed = {
        watch.name: [
            state,
            Path(watch.outbox),
            *([Path(watch.inbox)] if watch.archive != "keep" else []),
        ]
        for watch in settings.watch
    }
    folders = dict.fromkeys(folder for each in needed.values() for folder in each)
    room = Room(tuple(folders), settings.limits.min_free_disk)

    async def shortage() -> Mapping[str, str]:
        short = await room.shortage()
        found = {
            watch: next((short[folder] for folder in each if folder in short), "")
            for watch, each in needed.items()
        }
        return {watch: reason for watch, reason in found.items() if reason}

    return shortage
