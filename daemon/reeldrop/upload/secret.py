"""The secrets that sign the media route's tokens: in the state folder, for their owner alone.

A new one is made every day; an older one is kept as long as tokens that it has signed may hold. What a
clock says that is wrong for a while neither stops that nor takes away what is still needed.
"""

import json
import os
import secrets
import stat
import threading
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import structlog

from reeldrop.domain.errors import StartupError
from reeldrop.ports import Clock
from reeldrop.settings import LONGEST_URL_TTL

log = structlog.get_logger()

NAME = "media-secret"
DAY = 86_400.0
KEPT = LONGEST_URL_TTL + 3600.0
"""Seconds that one is kept after its successor came: whatever `url_ttl` was, what it signed has expired."""
AHEAD = 3600.0
"""Seconds that one may come from the future; then the clock was wrong, or is."""
MOST = 64
"""How many are kept: one a day are not so many, but a clock may be set back and forth."""
LONGEST = 64 * 1024
"""Bytes of the file that are read."""


@dataclass(frozen=True, slots=True)
class Secret:
    """One secret, in hexadecimal digits, and when it was made (s since the epoch)."""

    made: float
    value: str

    @property
    def key(self) -> bytes:
        """What signs."""
        return bytes.fromhex(self.value)


class Secrets:
    """The file of secrets. Its methods block for a moment."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        """Read the secrets in the state `folder`, and make the first one.

        Raises:
            StartupError: the file cannot be read or written, or is damaged.
        """
        self._file = folder / NAME
        self._clock = clock
        self._one_at_a_time = threading.Lock()
        self._known = self._read()
        if not self._known:
            self._renew()

    @staticmethod
    def are_in(folder: Path) -> bool:
        """Say whether there are any in a state folder."""
        return (folder / NAME).exists()

    @property
    def keys(self) -> list[bytes]:
        """All that may have signed a token that holds, the newest first."""
        return [each.key for each in self._known]

    def newest(self) -> bytes:
        """Return what signs now; one that is a day old is followed by another."""
        with self._one_at_a_time:
            if not -AHEAD <= self._clock.now() - self._known[0].made <= DAY:
                try:
                    self._renew()
                except StartupError as error:
                    # The old one is as good, and a full disk is told of elsewhere.
                    log.warning("secret.not_renewed", error=error.message)
            return self._known[0].key

    def _renew(self) -> None:
        now = self._clock.now()
        known = [
            Secret(now, secrets.token_hex(32)),
            *(replace(each, made=min(each.made, now)) for each in self._known),
        ]
        kept = [
            each
            for each, later in zip(known, [None, *known], strict=False)
            if later is None or now - later.made <= KEPT
        ]
        self._write(kept[:MOST])
        self._known = kept[:MOST]

    def _read(self) -> list[Secret]:
        try:
            fd = os.open(self._file, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:
            return []
        except OSError as error:
            raise self._trouble(f"cannot be read: {error.strerror}") from error
        with os.fdopen(fd, "rb") as file:
            if os.fstat(fd).st_mode & (stat.S_IRWXG | stat.S_IRWXO):
                log.warning("secret.was_readable", file=str(self._file))
                with suppress(OSError):
                    os.fchmod(fd, 0o600)
            content = file.read(LONGEST)
        try:
            found = [
                Secret(float(each["made"]), str(each["value"])) for each in json.loads(content)
            ]
            if not found or any(len(each.key) != 32 for each in found):
                raise self._trouble("is damaged")
        except (ValueError, TypeError, KeyError) as error:
            raise self._trouble("is damaged") from error
        return found

    def _write(self, known: list[Secret]) -> None:
        part = self._file.with_name(f"{NAME}.part")
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            with os.fdopen(os.open(part, flags, 0o600), "w") as file:
                os.fchmod(file.fileno(), 0o600)
                json.dump([asdict(each) for each in known], file)
                file.flush()
                os.fsync(file.fileno())
            part.replace(self._file)
            folder = os.open(self._file.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as error:
            raise self._trouble(f"cannot be written: {error.strerror}") from error

    def _trouble(self, what: str) -> StartupError:
        hint = "Mend that, or remove the file: URLs that were handed out then no longer work."
        return StartupError(f"The media route's secret {self._file} {what}.", hint=hint)
