"""Who is told what becomes of jobs, opened from the settings and the files that these name."""

from collections.abc import Sequence

import structlog

from reeldrop import notify, telemetry, version
from reeldrop.app.aside import aside
from reeldrop.ports import Clock, Receiver
from reeldrop.settings import NotifySettings, plain_environment

log = structlog.get_logger()


class Receivers:
    """Opens them, and others when something about them has changed. Whoever tells them closes them."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._known: tuple[NotifySettings, list[str]] | None = None
        """What those that are open were made of."""

    async def open(self, settings: NotifySettings) -> Sequence[Receiver] | None:
        """Open all of them; None where those that are open already are no others.

        What they know appears in no log. Raises SettingsError.
        """
        known = settings, await aside(lambda: list(notify.secrets_of(settings)))
        if known == self._known:
            return None
        telemetry.hide(known[1])
        for sentence in await aside(lambda: list(notify.exposed(settings))):
            log.warning("notice.secret_exposed", reason=sentence)
        agent, environment = f"reeldrop/{version()}", plain_environment()
        receivers = await aside(notify.open_receivers, settings, environment, agent, self._clock)
        self._known = known
        return receivers
