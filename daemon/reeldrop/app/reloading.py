"""The settings of a running daemon, read anew when somebody asks: SIGHUP, `systemctl reload`.

Rule 1: all is checked before anything is applied; what is wrong changes nothing.
Rule 2: what is applied is handed to every room in one turn of the loop: no step sees half of it.
Rule 3: what cannot be applied is named, in the log and in the status line, until a restart.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import structlog
from pydantic import SecretStr

from reeldrop.app.aside import aside
from reeldrop.domain.errors import SettingsError
from reeldrop.host.notify import Notifier
from reeldrop.ports import Receiver
from reeldrop.provider.client import check_key
from reeldrop.settings import Loaded, Settings, api_key, renewed

log = structlog.get_logger()

Follower = Callable[[Settings], None]
"""Applies what concerns one room; it neither waits nor fails."""
Opening = Callable[[Settings], Awaitable[Sequence[Receiver] | None]]
"""Opens who is told, None where these are no others. Raises SettingsError."""
KEY, SECRETS = "api key", "files of notify"
"""How the key, and what the files of [notify] hold, are called among what has changed: they are no settings."""
NEEDS_A_RESTART = "Wait for a restart:"
LONGEST_READ = 10.0
"""Seconds that the files of the settings may take to be read."""

T = TypeVar("T")


class Reloads:
    """Who follows the settings, and what they are now."""

    def __init__(self, read: Callable[[], Loaded] | None = None) -> None:
        """`read` reads the settings as they were read at the start; None where nobody may ask."""
        self.asked = asyncio.Event()
        self._read = read
        self._now: tuple[Settings, SecretStr | None] | None = None
        self._checks: list[Follower] = []
        self._followers: list[Follower] = []
        self._key_followers: list[Callable[[SecretStr], None]] = []
        self._open_receivers: Opening | None = None
        self._receiver_followers: list[Callable[[Sequence[Receiver]], None]] = []
        self._seen_through: Callable[[Settings], Settings] = lambda settings: settings
        self._kept = ""
        """What waits for a restart, as people are told."""

    def begin(self, settings: Settings, key: SecretStr | None) -> None:
        """Hear what the daemon starts with; without a `key` none is asked for later."""
        self._now = settings, key

    def check(self, check: Follower) -> None:
        """Have settings refused at which `check` raises SettingsError."""
        self._checks.append(check)

    def follow(self, follower: Follower) -> None:
        """Have `follower` called with the settings whenever they have changed."""
        self._followers.append(follower)

    def follow_key(self, follower: Callable[[SecretStr], None]) -> None:
        """Have `follower` called with the API key whenever it has changed."""
        self._key_followers.append(follower)

    def open_receivers(self, opening: Opening) -> None:
        """Have `opening` open who is told of jobs, where these are others by the settings it is given."""
        self._open_receivers = opening

    def follow_receivers(self, follower: Callable[[Sequence[Receiver]], None]) -> None:
        """Have `follower` called with those who are to be told, whenever they have changed."""
        self._receiver_followers.append(follower)

    def see_through(self, change: Callable[[Settings], Settings]) -> None:
        """Show followers the settings as `change` makes them: what a run sets stands over them."""
        self._seen_through = change

    async def lane(self, notifier: Notifier, note: Callable[[str], None]) -> None:
        """Read the settings anew whenever it is asked for; `note` hears what waits for a restart."""
        while True:
            await self.asked.wait()
            self.asked.clear()
            notifier.reloading()
            try:
                await self._reload(note)
            except SettingsError as error:
                log.warning("settings.refused", error=error.message, hint=error.hint)
                note(f"The last reload was refused: {error.message} {self._kept}".strip())
            notifier.ready()

    async def _reload(self, note: Callable[[str], None]) -> None:
        """Raises SettingsError: what was read is wrong, or not to be had; then nothing has changed."""
        if self._read is None or self._now is None:
            return
        now, key = self._now
        loaded = await _in_time(aside(self._read))
        settings, changed, kept = renewed(now, loaded.settings, loaded.source)
        new_key = await self._new_key(settings) if key else None
        _tell(self._checks, settings)
        # The last that can fail: those who are opened are told from now on.
        receivers = await self._opened(settings)
        self._now = settings, new_key
        _tell(self._followers, self._seen_through(settings))
        if new_key and new_key != key:
            changed.append(KEY)
            _tell(self._key_followers, new_key)
        if receivers is not None:
            named = any(each.startswith("notify.") for each in changed)
            changed += [] if named else [SECRETS]
            _tell(self._receiver_followers, receivers)
        log.info("settings.reloaded", changed=changed, kept=kept)
        self._kept = f"{NEEDS_A_RESTART} {', '.join(kept)}." if kept else ""
        note(self._kept)

    async def _new_key(self, settings: Settings) -> SecretStr:
        key = await _in_time(aside(api_key, settings.api))
        if key is None:
            raise SettingsError("there is no API key any more")
        check_key(key)
        return key

    async def _opened(self, settings: Settings) -> Sequence[Receiver] | None:
        return await _in_time(self._open_receivers(settings)) if self._open_receivers else None


def _tell(followers: list[Callable[[T], None]], value: T) -> None:
    for follower in followers:
        follower(value)


async def _in_time(reading: Awaitable[T]) -> T:
    """Await what reads files in a thread; one that hangs on a share is left behind."""
    try:
        async with asyncio.timeout(LONGEST_READ):
            return await reading
    except TimeoutError as error:
        raise SettingsError(
            f"the settings, or a file that they name, could not be read within {LONGEST_READ:.0f} s"
        ) from error
