"""The daemon's own media route as a place: files stay where they are, and are given out for a token."""

import asyncio
import os
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from pathlib import Path

from reeldrop.domain import tokens
from reeldrop.domain.errors import FileBusy
from reeldrop.domain.job import JobId
from reeldrop.domain.tokens import Refusal
from reeldrop.lane import Lane
from reeldrop.ports import Clock, Meter, Offered, Upload, UploadMemory
from reeldrop.settings import UploadSettings
from reeldrop.upload.local import Identity, LocalFile, open_file, patiently
from reeldrop.upload.secret import Secrets

PATH = "/media/"
PIECE = 256 * 1024
"""Bytes that are read at a time."""
PROBE = "0" * 32
"""The id that `reeldrop check` asks for: no upload's, for those are random."""
PROBE_BYTES = b"Reeldrop gives this out to whoever checks its media route. " * 18


@dataclass(frozen=True, slots=True)
class OfferedFile:
    """The `Offered` port for a file of this host."""

    path: Path
    identity: str
    size: int
    media_type: str
    etag: str
    jobs: Sequence[JobId]

    async def pieces(self, start: int, length: int) -> AsyncGenerator[bytes, None]:
        """Yield the bytes; see the port."""
        lane = Lane(f"media {self.path.name}", 1)
        fds: list[int] = []
        try:
            await patiently(self.path, lane.begin(self._open, fds))
            end = start + length
            while start < end:
                wanted = min(PIECE, end - start)
                piece = await patiently(self.path, lane.begin(self._read, fds[0], wanted, start))
                start += len(piece)
                yield piece
        except OSError as error:
            raise FileBusy(f"{self.path.name} cannot be read: {error.strerror}.") from error
        finally:
            # In the lane as well: what is still being read may hang.
            lane.begin(_close, fds)
            lane.close()

    def _open(self, fds: list[int]) -> None:
        fd, found = open_file(self.path)
        fds.append(fd)
        if str(found) != self.identity:
            raise self._changed()

    def _read(self, fd: int, count: int, at: int) -> bytes:
        piece = os.pread(fd, count, at)
        # Asked after each piece: what was overwritten before it was read shows by now.
        if not piece or str(Identity.of(os.fstat(fd))) != self.identity:
            raise self._changed()
        return piece

    def _changed(self) -> FileBusy:
        return FileBusy(f"{self.path.name} is no longer the file that was offered.")


@dataclass(frozen=True, slots=True)
class OfferedProbe:
    """The `Offered` port for what `reeldrop check` fetches."""

    size: int = len(PROBE_BYTES)
    media_type: str = "video/mp4"
    """As of a clip: a proxy that compresses goes by it."""
    etag: str = '"reeldrop-probe"'
    jobs: Sequence[JobId] = ()

    async def pieces(self, start: int, length: int) -> AsyncGenerator[bytes, None]:
        """Yield the bytes."""
        yield PROBE_BYTES[start : start + length]


class Signer:
    """Makes URLs of the media route, and reads the tokens in them."""

    def __init__(self, settings: UploadSettings, secrets: Secrets, clock: Clock) -> None:
        self._public_url = settings.public_url
        self._ttl = settings.url_ttl
        self._secrets = secrets
        self._clock = clock

    async def url(self, upload: Upload) -> str:
        """Return a URL that gives a file out."""
        secret = await asyncio.to_thread(self._secrets.newest)
        return self._url(secret, upload.id, Path(upload.file).suffix)

    def probe(self) -> str:
        """Return a URL that gives PROBE_BYTES out, signed by a secret that is there already.

        Whoever checks may not be the daemon, and makes no secrets for it.
        """
        return self._url(self._secrets.keys[0], PROBE, ".mp4")

    def _url(self, secret: bytes, upload_id: str, suffix: str) -> str:
        expires = int(self._clock.now()) + self._ttl
        extension = suffix.removeprefix(".").lower()
        if not (extension.isascii() and extension.isalnum() and len(extension) <= 8):
            extension = tokens.EXTENSION
        token = tokens.make(secret, upload_id, expires, extension)
        return f"{self._public_url}{PATH}{token}"

    def read(self, token: str) -> str | Refusal:
        """Return the id of the upload that a token names, or why it names none."""
        return tokens.read(self._secrets.keys, token, self._clock.now())


class ProbeRoute:
    """The `Offers` port of `reeldrop check`: gives out the probe alone."""

    def __init__(self, signer: Signer) -> None:
        self._signer = signer

    async def find(self, token: str) -> Offered | Refusal:
        """Return what a token gives out."""
        named = self._signer.read(token)
        if isinstance(named, Refusal):
            return named
        return OfferedProbe() if named == PROBE else Refusal.UNKNOWN


class MediaRoute:
    """The `Place` behind `upload.public_url`, and the `Offers` port of its listener."""

    name = ""
    by_content = False

    def __init__(self, signer: Signer, memory: UploadMemory) -> None:
        self._signer = signer
        self._memory = memory

    async def put(self, upload: Upload, file: LocalFile, meter: Meter) -> None:  # noqa: ARG002
        """Read it once for its SHA-256: it is fetched from where it is, later."""
        await file.sha256()

    async def holds(self, upload: Upload) -> bool:
        """Say whether the file is still the one that it was."""
        try:
            found = await LocalFile.of(Path(upload.file))
        except FileBusy:
            return False
        return str(found.identity) == upload.identity

    async def sign(self, upload: Upload) -> str:
        """Return a URL with a token."""
        return await self._signer.url(upload)

    async def remove(self, upload: Upload) -> None:
        """Nothing lies anywhere; what is forgotten is not given out."""

    async def find(self, token: str) -> Offered | Refusal:
        """Return what a token gives out; see the port."""
        named = self._signer.read(token)
        if isinstance(named, Refusal):
            return named
        if named == PROBE:
            return OfferedProbe()
        found = await self._memory.find_upload(named)
        if found is None or found[0].place != self.name:
            return Refusal.UNKNOWN
        upload, jobs = found
        if not await self.holds(upload):
            raise FileBusy(f"{Path(upload.file).name} is no longer the file that was offered.")
        return OfferedFile(
            Path(upload.file), upload.identity, upload.bytes, upload.media_type,
            f'"{upload.sha256}"', jobs,
        )  # fmt: skip

    async def aclose(self) -> None:
        """Nothing is held open."""


def _close(fds: list[int]) -> None:
    for fd in fds:
        os.close(fd)
