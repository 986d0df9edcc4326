"""Who is told what becomes of jobs, opened from the settings."""

from collections.abc import Sequence
from contextlib import AsyncExitStack

import structlog

from reeldrop import notify, telemetry, version
from reeldrop.app.aside import aside
from reeldrop.ports import Clock, Receiver
from reeldrop.settings import NotifySettings, plain_environment

log = structlog.get_logger()


async def open_receivers(
    settings: NotifySettings, clock: Clock, stack: AsyncExitStack
) -> Sequence[Receiver]:
    """Open them all until `stack` closes; what they know appears in no log. Raises SettingsError."""
    environment = plain_environment()
    telemetry.hide(await aside(lambda: list(notify.secrets_of(settings))))
    for sentence in await aside(lambda: list(notify.exposed(settings))):
        log.warning("notice.secret_exposed", reason=sentence)
    receivers = await aside(
        notify.open_receivers, settings, environment, f"reeldrop/{version()}", clock
    )
    for receiver in receivers:
        stack.push_async_callback(receiver.aclose)
    return receivers
