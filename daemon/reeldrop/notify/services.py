"""Chat, mail and the rest by apprise, an extra. Its addresses hold passwords: nothing that it says is passed on.

Each address is a receiver of its own: where one fails, the others are not told again.
"""

import asyncio
import logging
from collections.abc import Collection

from reeldrop.domain.errors import NotTold, SettingsError
from reeldrop.domain.notices import Notice, Occasion
from reeldrop.lane import Lane
from reeldrop.ports import Receiver

try:
    import apprise
    from apprise.common import ConfigFormat
    from apprise.config.base import ConfigBase
except ImportError as missing:
    raise SettingsError(
        "notify.apprise_file needs the library apprise", hint="pip install 'reeldrop[notify]'"
    ) from missing

IN_ALL = 60.0
"""Seconds for one notice to one service."""
SILENT = ("apprise", "requests", "urllib3", "oauthlib", "requests_oauthlib")
"""Loggers that name addresses, some with their passwords."""
MOODS = {
    Occasion.DELIVERED: apprise.NotifyType.SUCCESS,
    Occasion.UNBLOCKED: apprise.NotifyType.SUCCESS,
    Occasion.FAILED: apprise.NotifyType.FAILURE,
    Occasion.UNCERTAIN: apprise.NotifyType.WARNING,
    Occasion.BLOCKED: apprise.NotifyType.WARNING,
}


class Service:
    """`ports.Receiver` at one address of the file."""

    def __init__(
        self, number: int, service: apprise.NotifyBase, occasions: Collection[Occasion]
    ) -> None:
        """`number` is the place of its address in the file, from 1."""
        self.name = f"apprise {number}"
        self.occasions = occasions
        self._kind = str(service.service_name)
        self._way = apprise.Apprise(asset=service.asset)
        self._way.add(service)
        self._lane = Lane(f"notice-{number}", 1)
        self._sending: asyncio.Future[bool] | None = None

    def __str__(self) -> str:
        return f"{self.name} ({self._kind})"

    async def tell(self, notice: Notice) -> bool:
        """Send it once. Raises NotTold; one that takes too long goes on, and may still arrive."""
        if self._sending is not None and not self._sending.done():
            raise NotTold(f"{self} still hangs at an earlier notice")
        self._sending = self._lane.begin(self._send, notice)
        done, _ = await asyncio.wait([self._sending], timeout=IN_ALL)
        if not done:
            raise NotTold(f"{self} did not take it within {IN_ALL:.0f} s")
        if not self._sending.result():
            raise NotTold(f"{self} did not take it")
        return True

    def _send(self, notice: Notice) -> bool:
        try:
            return bool(
                self._way.notify(
                    body=notice.message,
                    title=notice.title,
                    notify_type=MOODS[notice.occasion],
                    body_format=apprise.NotifyFormat.TEXT,
                )
            )
        except Exception:  # noqa: BLE001 - some hundred plugins of others; what they raise may quote passwords
            return False

    async def aclose(self) -> None:
        """Let its thread end; one that hangs is left behind."""
        self._lane.close()


def open_services(text: str, occasions: Collection[Occasion]) -> list[Receiver]:
    """Return a receiver for each address in `text`, which is apprise's own configuration.

    Raises:
        SettingsError: there is none in it, or one that apprise does not understand.
    """
    for name in SILENT:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    # Without a limit of its own: that one has threads which would hold up the end of the process.
    asset = apprise.AppriseAsset(async_mode=False, app_id="Reeldrop", service_timeout=0)
    if ConfigBase.detect_config_format(text) is ConfigFormat.TEXT:
        _check_lines(text, asset)
    config = apprise.AppriseConfig(asset=asset)
    everyone = apprise.Apprise(asset=asset)
    if config.add_config(text, asset=asset):
        everyone.add(config)
    services = list(everyone)
    if not services:
        raise SettingsError(
            "notify.apprise_file holds no address that apprise understands",
            hint="One a line, like mailtos://user:password@example.com or slack://…",
        )
    return [Service(number, each, occasions) for number, each in enumerate(services, 1)]


def _check_lines(text: str, asset: apprise.AppriseAsset) -> None:
    """Refuse a line that apprise would pass over without a word: nobody would ever hear of it."""
    for number, line in enumerate(text.splitlines(), 1):
        plain = line.strip()
        if "://" not in plain or plain.startswith(("#", ";", "include")):
            continue
        config, one = apprise.AppriseConfig(asset=asset), apprise.Apprise(asset=asset)
        if not config.add_config(plain, asset=asset) or not one.add(config) or not list(one):
            raise SettingsError(
                f"notify.apprise_file: apprise does not understand the address in line {number}",
                hint="Look for a misspelt service, or a part of its address that is missing.",
            )
