"""A file as a data URI, made while it is sent: read, hashed and encoded in a thread of its own."""

from collections.abc import AsyncIterator

import pybase64

from reeldrop.domain.job import MediaFacts
from reeldrop.ports import Meter
from reeldrop.upload.local import LocalFile


class DataUri:
    """The `Streamed` port for one file; it can be streamed again and again."""

    def __init__(self, file: LocalFile, meter: Meter) -> None:
        self._file = file
        self._meter = meter
        self._head = f"data:{file.media_type};base64,".encode()
        self.length = len(self._head) + 4 * -(-file.size // 3)

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the URI. Raises like `LocalFile.pieces`."""
        yield self._head
        self._meter.expect(left := self._file.size)
        async for chunk in self._file.pieces(pybase64.b64encode):
            yield chunk
            count = min(left, len(chunk) // 4 * 3)
            left -= count
            await self._meter.passed(count, len(chunk))

    async def verify(self) -> None:
        """Raise FileBusy unless the file is still the one that was read; FolderOffline."""
        await self._file.verify()

    def facts(self) -> MediaFacts:
        """Return name, bytes and SHA-256; the last is None before `chunks` came to its end."""
        return self._file.facts()
