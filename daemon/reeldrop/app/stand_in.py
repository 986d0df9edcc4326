"""The stand-in of the API, in place of the real one."""

import tempfile
from contextlib import AsyncExitStack
from pathlib import Path

import structlog

from reeldrop.settings import Settings

log = structlog.get_logger()


async def with_stand_in(settings: Settings, stack: AsyncExitStack) -> Settings:
    """Open the stand-in of the API and return settings that point at it; `stack` closes it."""
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
