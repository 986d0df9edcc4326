"""What `reeldrop check` fetches through the media route."""

import tempfile
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from reeldrop.app.building import Builder
from reeldrop.domain.errors import StartupError
from reeldrop.domain.job import JobId
from reeldrop.engine.transfers import Transfers
from reeldrop.host.clock import SystemClock
from reeldrop.ports import Direction, Meter
from reeldrop.settings import Settings
from reeldrop.upload.media_route import ProbeRoute, Signer
from reeldrop.upload.secret import Secrets
from reeldrop.web.media import MediaPages
from reeldrop.web.refusals import Refusals


async def media_probe(settings: Settings, stack: AsyncExitStack) -> str:
    """Return the URL of a probe: given out by the daemon that runs, else from here until `stack` closes.

    Raises:
        StartupError: neither is possible.
    """
    clock, state = SystemClock(), settings.store.state_folder
    folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="reeldrop-check-"))
    own = Signer(settings.upload, Secrets(Path(folder), clock), clock)

    @asynccontextmanager
    async def counted(job: JobId) -> AsyncGenerator[Meter, None]:
        with Transfers(clock).meter(job, "", Direction.UPLOAD) as meter:
            yield meter

    try:
        pages = MediaPages(ProbeRoute(own), counted, clock, Refusals(clock))
        await Builder(settings, clock, stack).listen(pages)
    except StartupError as error:
        # Somebody listens there already: the daemon of these settings has left its secret here.
        if not Secrets.are_in(state):
            raise StartupError(
                f"{error.message} It is no daemon of these settings that listens there.",
                hint=error.hint,
            ) from error
        return Signer(settings.upload, Secrets(state, clock), clock).probe()
    return own.probe()
