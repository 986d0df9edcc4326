"""The web listener of a run: the pages that it answers with, and what happens where it cannot be opened."""

import os
import secrets
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial

import structlog
from pydantic import SecretStr

from reeldrop import version
from reeldrop.app.building import Builder
from reeldrop.domain.errors import StartupError
from reeldrop.domain.job import JobId
from reeldrop.engine.rooms import Beside, Rooms
from reeldrop.ports import Direction, Meter, Offers
from reeldrop.settings import Settings
from reeldrop.telemetry.metrics import Counters
from reeldrop.web.glance import Glance
from reeldrop.web.health import HealthPage, Self
from reeldrop.web.media import Counted, MediaPages
from reeldrop.web.metrics import MetricsPage
from reeldrop.web.pages import Pages
from reeldrop.web.records import late_after
from reeldrop.web.refusals import Refusals

log = structlog.get_logger()

AGAIN = 30.0
"""Seconds between two tries of an address that another program has."""


async def open_window(
    build: Builder, rooms: Rooms, counters: Counters, offers: Offers | None, token: SecretStr | None
) -> Sequence[Beside]:
    """Answer whoever comes to `web.listen`; `offers` are what is given out for jobs, if anything is.

    Returns what opens it later, where that is to be tried again beside the work.

    Raises:
        StartupError: the address cannot be listened on, and somebody counts on it.
    """
    web = build.settings.web
    if web.address is None:
        return ()
    refusals = Refusals(build.clock)
    media = (
        None if offers is None else MediaPages(offers, _counted_in(rooms), build.clock, refusals)
    )
    glance = Glance(rooms.store, build.clock)
    own = Self(version(), rooms.node, os.getpid())
    late = _late_after(build.settings)
    build.reloads.follow(lambda new: late.update(_late_after(new)))
    health = HealthPage(own, glance, late, lambda: rooms.pulse.stalled)
    if token is None and build.settings.upload.public_url:
        # A tunnel or proxy may pass on more than /media/: what the world can reach lets nobody in.
        token = SecretStr(secrets.token_hex(32))
    pages = Pages(health, MetricsPage(own, glance, late, counters), media, token, refusals)
    listen = partial(build.listen, pages, partial(refusals.full, "connections"))
    try:
        port = await listen()
    except StartupError as error:
        if _is_counted_on(build.settings):
            raise
        # Two daemons of one host have the same default: that one of them shows less is no reason to end.
        log.warning("web.unavailable", listen=web.listen, error=error.message)
        return [partial(_open_later, build, listen)]
    log.info("web.listening", listen=web.listen, port=port)
    return ()


async def _open_later(build: Builder, listen: Callable[[], Awaitable[int]]) -> None:
    """Answer as soon as the address is free: the other program may have ended."""
    port = None
    while port is None:
        await build.clock.sleep(AGAIN)
        with suppress(StartupError):
            port = await listen()
    log.info("web.listening", listen=build.settings.web.listen, port=port)


def _late_after(settings: Settings) -> dict[str, float]:
    return {watch.name: late_after(watch) for watch in settings.watch}


def _counted_in(rooms: Rooms) -> Counted:
    """Return what counts the bytes of the media route among all that is sent."""

    @asynccontextmanager
    async def counted(job_id: JobId) -> AsyncGenerator[Meter, None]:
        job = await rooms.store.get(job_id)
        path = job.path if job else ""
        with rooms.transfers.meter(job_id, path, Direction.UPLOAD) as meter:
            yield meter

    return counted


def _is_counted_on(settings: Settings) -> bool:
    return "listen" in settings.web.model_fields_set or bool(settings.upload.public_url)
