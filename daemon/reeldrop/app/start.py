"""A start that ends in time: a folder that hangs must not hold it, and a stop is obeyed at once."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress

from reeldrop.app.folders import WatchFolders
from reeldrop.domain.errors import StartupError

PULSE = 0.2
"""Seconds between two looks at the folders and at the stop."""


class Stopped(Exception):
    """A stop came before the daemon had started."""


@asynccontextmanager
async def starting(
    folders: WatchFolders, stop: asyncio.Event, going_on: Callable[[], None]
) -> AsyncGenerator[None, None]:
    """Let the block go on while the folders answer and nobody stops it; they answer when it begins.

    What takes long in the block must run in threads that may be left behind. `going_on` is called
    again and again while it does.

    Raises:
        StartupError: a folder does not answer.
        Stopped: a stop is asked for.
    """
    silent: list[str] = []

    async def mind() -> None:
        while not (silent or stop.is_set()):
            going_on()
            with suppress(TimeoutError):
                async with asyncio.timeout(PULSE):
                    await stop.wait()
            silent.extend(await folders.unanswering())
        limit.reschedule(0.0)

    limit = asyncio.timeout(None)
    try:
        async with limit:
            minding = asyncio.get_running_loop().create_task(mind())
            try:
                await folders.answered()
                yield
            finally:
                minding.cancel()
    except TimeoutError as error:
        if not limit.expired():
            raise
        if not silent:
            raise Stopped from error
        raise StartupError(
            " ".join(silent),
            hint="Look after the share's server, the mount and the network; start again when it answers.",
        ) from error
