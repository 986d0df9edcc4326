"""Files that wait at a place until their jobs have ended.

Rule 1: it is put down that a file is about to be there before its first byte leaves.
Rule 2: one file serves every job with the same bytes; it is removed once the last of them has ended.
Rule 3: what is not all there is shared with nobody, and removed at the next occasion.
"""

import asyncio
import secrets
from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

import structlog

from reeldrop.domain.errors import StoreUnavailable, UploadUnavailable
from reeldrop.domain.job import JobId
from reeldrop.ports import Meter, Upload, UploadMemory
from reeldrop.upload.local import LocalFile
from reeldrop.upload.places import Place

log = structlog.get_logger()


class Shared:
    """What lies at the places of the settings; new files go to the first of them."""

    def __init__(self, places: Sequence[Place], memory: UploadMemory) -> None:
        self._places = {place.name: place for place in places}
        self._place = next(iter(places), None)
        self._memory = memory
        self._busy: set[str] = set()
        self._locks: dict[int, asyncio.Lock] = {}
        self._waiting: Counter[int] = Counter()
        self._looked = False
        self._left_behind: set[str] = set()

    async def offer(self, file: LocalFile, job: JobId, meter: Meter) -> str:
        """Let `file` be where the provider can fetch it; return a URL that gives it out.

        Raises FileBusy, FolderOffline, UploadUnavailable, StoreUnavailable.
        """
        place = self._place
        if place is None:
            raise AssertionError("no file goes by URL where the settings name no place for it")
        async with self._alone(file.size):
            upload = await self._found(place, file, job) or await self._put(place, file, job, meter)
        return await place.sign(upload)

    @asynccontextmanager
    async def _alone(self, size: int) -> AsyncGenerator[None, None]:
        """Let files of one size come one after another: they may be the same."""
        lock = self._locks.setdefault(size, asyncio.Lock())
        self._waiting[size] += 1
        try:
            async with lock:
                yield
        finally:
            self._waiting[size] -= 1
            if not self._waiting[size]:
                del self._waiting[size], self._locks[size]

    async def _found(self, place: Place, file: LocalFile, job: JobId) -> Upload | None:
        for upload in await self._memory.uploads_like(place.name, file.size):
            if (
                await _is_of(upload, file, place)
                and await place.holds(upload)
                and await self._memory.share_upload(upload.id, job)
            ):
                file.know(upload.sha256)
                return upload
        return None

    async def _put(self, place: Place, file: LocalFile, job: JobId, meter: Meter) -> Upload:
        upload = Upload(
            id=secrets.token_hex(16),
            place=place.name,
            file=str(file.path),
            identity=str(file.identity),
            bytes=file.size,
            media_type=file.media_type,
        )
        self._busy.add(upload.id)
        try:
            await self._memory.begin_upload(upload, job)
            await place.put(upload, file, meter)
            digest = await file.sha256()
            # A copy of something that was changed meanwhile is nothing that anybody dropped.
            await file.verify()
            await self._memory.end_upload(upload.id, digest)
        finally:
            self._busy.discard(upload.id)
        return replace(upload, sha256=digest)

    async def tidy(self) -> None:
        """Remove what no unfinished job needs, and what is not all there; never raises."""
        if self._looked and self._place is None:
            return
        try:
            unwanted = await self._memory.unwanted_uploads(self._busy)
            self._looked = True
            for upload in unwanted:
                await self._remove(upload)
        except StoreUnavailable as error:
            log.warning("uploads.not_tidied", error=error.message)

    async def _remove(self, upload: Upload) -> None:
        place = self._places.get(upload.place)
        if place is None:
            if upload.id not in self._left_behind:
                self._left_behind.add(upload.id)
                log.warning("upload.left_behind", upload=upload.id, place=upload.place)
            return
        try:
            await place.remove(upload)
        except UploadUnavailable as error:
            log.warning("upload.not_removed", upload=upload.id, error=error.words)
            return
        await self._memory.forget_upload(upload.id)

    async def aclose(self) -> None:
        """Let go of all places."""
        for place in self._places.values():
            await place.aclose()


async def _is_of(upload: Upload, file: LocalFile, place: Place) -> bool:
    if place.by_content:
        return upload.sha256 == await file.sha256()
    return (upload.file, upload.identity) == (str(file.path), str(file.identity))
