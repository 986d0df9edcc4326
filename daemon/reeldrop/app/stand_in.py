"""The stand-in of the API, in place of the real one."""

import tempfile
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path

import structlog

from reeldrop.settings import Settings

log = structlog.get_logger()

QUICK = 0.5
"""Longest time between two polls, in seconds: the stand-in is quick, and costs nobody anything."""


async def open_stand_in(
    settings: Settings, stack: AsyncExitStack
) -> Callable[[Settings], Settings]:
    """Open the stand-in of the API and return what points settings at it; `stack` closes it."""
    # A daemon of the real API has no need of it.
    from reeldrop.simulator import Simulator  # noqa: PLC0415
    from reeldrop.simulator.terms import Terms  # noqa: PLC0415

    api = settings.api
    folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="reeldrop-stand-in-"))
    terms = Terms(catalogue_dir=Path(api.catalogue_dir) if api.catalogue_dir else None)
    simulator = await stack.enter_async_context(Simulator(Path(folder), terms=terms))
    log.info("stand_in.opened", base_url=simulator.base_url)

    def pointed(given: Settings) -> Settings:
        quick = min(given.api.poll_interval, QUICK)
        changes = {"base_url": simulator.base_url, "poll_interval": quick}
        return given.model_copy(update={"api": given.api.model_copy(update=changes)})

    return pointed
