"""The settings of a running daemon, read anew when somebody asks: SIGHUP, `systemctl reload`.

Rule 1: all is checked before anything is applied; what is wrong changes nothing.
Rule 2: what is applied is handed to every room in one turn of the loop: no step sees half of it.
Rule 3: what cannot be applied is named, in the log and in the status line, until a restart.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple, TypeVar

import structlog
from pydantic import SecretStr

from reeldrop.app.aside import aside
from reeldrop.domain.errors import SettingsError
from reeldrop.host.notify import Notifier
from reeldrop.ports import Receiver
from reeldrop.provider.client import check_key
from reeldrop.settings import Loaded, Renewed, Settings, api_key, renewed

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


class _Anew(NamedTuple):
    """What was read, checked and opened, and waits to be applied."""

    settings: Renewed
    key: SecretStr | None
    is_other_key: bool
    receivers: Sequence[Receiver] | None


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

    async def lane(
        self, notifier: Notifier, note: Callable[[str], None], stopping: Callable[[], bool]
    ) -> None:
        """Read the settings anew whenever it is asked for, until the daemon is `stopping`.

        `note` hears what waits for a restart.
        """
        while True:
            await self.asked.wait()
            self.asked.clear()
            if stopping():
                return
            notifier.reloading()
            anew = await self._read_or_refuse(note)
            if stopping():
                return
            if anew is not None:
                self._apply(anew, note)
            notifier.ready()

    async def _read_or_refuse(self, note: Callable[[str], None]) -> _Anew | None:
        """Return what there is to apply; None where it was refused, and `note` was told why."""
        try:
            return await self._read_anew()
        except SettingsError as error:
            log.warning("settings.refused", error=error.message, hint=error.hint)
            why = error.message
        except Exception as error:
            # A bug, or a library's, that these settings meet: the daemon works by those it has.
            why = f"an internal error ({type(error).__name__})."
            log.exception("settings.refused", error=why, hint="")
        note(f"The last reload was refused: {why} {self._kept}".strip())
        return None

    async def _read_anew(self) -> _Anew:
        """Read and check everything; nothing has changed when it returns. Raises SettingsError."""
        if self._read is None or self._now is None:
            raise AssertionError("nobody may ask who has not said how the settings are read")
        now, key = self._now
        loaded = await _in_time(aside(self._read))
        new = renewed(now, loaded.settings, loaded.source)
        new_key = await self._new_key(new.settings) if key else None
        _tell(self._checks, new.settings)
        # The last that can fail: those who are opened are told from now on.
        receivers = await self._opened(new.settings)
        return _Anew(new, new_key, new_key != key, receivers)

    def _apply(self, anew: _Anew, note: Callable[[str], None]) -> None:
        (settings, changed, kept), key, is_other_key, receivers = anew
        self._now = settings, key
        _tell(self._followers, self._seen_through(settings))
        if key and is_other_key:
            changed.append(KEY)
            _tell(self._key_followers, key)
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
