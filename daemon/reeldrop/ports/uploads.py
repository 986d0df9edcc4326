"""How files reach the provider, what is remembered of those that wait to be fetched, and what is counted."""

from collections.abc import AsyncGenerator, AsyncIterator, Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from reeldrop.domain.job import JobId, MediaFacts
from reeldrop.domain.sending import Choice
from reeldrop.domain.tokens import Refusal


class Direction(StrEnum):
    """Where a file goes, seen from here."""

    UPLOAD = "upload"
    DOWNLOAD = "download"


@dataclass(frozen=True, slots=True)
class Transfer:
    """How far a job's files have gone: `bytes` of `total` (None: not known), now `rate` bytes/s."""

    job: JobId
    direction: Direction
    bytes: int
    total: int | None
    rate: float


class Meter(Protocol):
    """Counts what passes of one job's files, and holds it up where the bandwidth is limited."""

    def expect(self, total: int | None, *, already: int = 0) -> None:
        """Hear of one more file: its bytes, None where nobody knows, and how many passed earlier."""
        ...

    async def passed(self, count: int, wire: int | None = None) -> None:
        """Count bytes of a file, which take `wire` bytes on the way; returns when more may follow."""
        ...


class Source(Protocol):
    """A file that a request speaks of."""

    async def verify(self) -> None:
        """Raise FileBusy unless the file is still the one that was read; FolderOffline."""
        ...

    def facts(self) -> MediaFacts:
        """Return name, bytes and SHA-256 of what was read; no SHA-256 before its end was reached."""
        ...


class Streamed(Source, Protocol):
    """A JSON string value that is made while it is sent: the data URI of a file.

    `length` is the exact number of bytes between the quotes.
    """

    length: int

    def chunks(self) -> AsyncIterator[bytes]:
        """Yield the value; all of it is ASCII that needs no JSON escape.

        Raises FileBusy when the file is shorter than it was or cannot be read.
        """
        ...


@dataclass(frozen=True, slots=True)
class Sending:
    """What stands in a request for a file, the file itself, and the way that it goes."""

    value: Streamed | str
    """A text is a signed URL: whoever knows it may fetch the file, so it is neither logged nor stored."""
    source: Source
    choice: Choice


class Uploads(Protocol):
    """How a file of a drop reaches the provider."""

    async def prepare(self, file: Path, wanted: str, job: JobId, meter: Meter) -> Sending:
        """Return what stands in the request of `job` for `file`; by URL it can be fetched by then.

        `wanted` is one of `domain.sending.WAYS`. What was uploaded stays until the job has ended,
        and is shared with every other job that sends the same bytes. A URL is signed anew each time.

        Raises:
            Unsendable: the way that is wanted cannot be had.
            FileBusy: the file cannot be read, or changed while it was.
            FolderOffline: its folder does not answer.
            UploadUnavailable: the object store does not take it now.
            StoreUnavailable: it cannot be remembered what is uploaded.
        """
        ...

    async def tidy(self) -> None:
        """Remove what no unfinished job needs any more, and what a crash left; never raises."""
        ...

    async def aclose(self) -> None:
        """Let go of threads and connections."""
        ...


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that lies, or is about to lie, where the provider can fetch it.

    `place` is the object store's URL as the settings name it, "" for the daemon's own media route.
    """

    id: str
    """32 random hexadecimal digits: they tell nothing. The object's key, or what a token names."""
    place: str
    file: str
    """The file's path on this host."""
    identity: str
    """What tells the file from another, and from itself after a change."""
    bytes: int
    media_type: str
    sha256: str = ""
    """In hexadecimal digits; "" until all of it is there."""


class Offered(Protocol):
    """A file that is given out to whoever shows a token for it."""

    @property
    def size(self) -> int:
        """Its bytes."""
        ...

    @property
    def media_type(self) -> str:
        """What it is."""
        ...

    @property
    def etag(self) -> str:
        """Names its bytes: the same tag, the same bytes."""
        ...

    @property
    def jobs(self) -> Sequence[JobId]:
        """The unfinished jobs that need it; none for what `check` looks at."""
        ...

    def pieces(self, start: int, length: int) -> AsyncGenerator[bytes, None]:
        """Yield `length` bytes from `start` on.

        Raises FileBusy where the file is no longer the one that is offered, FolderOffline.
        """
        ...


class Offers(Protocol):
    """The files that the media route gives out."""

    async def find(self, token: str) -> Offered | Refusal:
        """Return what `token` gives out. Raises StoreUnavailable, FileBusy, FolderOffline."""
        ...


class UploadMemory(Protocol):
    """What is remembered of uploads, so that none outlives its jobs. Durable like every change of the store."""

    async def begin_upload(self, upload: Upload, job: JobId) -> None:
        """Put down that `upload` is about to be made for `job`."""
        ...

    async def end_upload(self, upload_id: str, sha256: str) -> None:
        """Put down that all of it is there."""
        ...

    async def uploads_like(self, place: str, size: int) -> list[Upload]:
        """Return the uploads at `place` of files of `size` bytes that are all there and may be shared."""
        ...

    async def share_upload(self, upload_id: str, job: JobId) -> bool:
        """Let `job` use an upload as well; False where it is being removed."""
        ...

    async def find_upload(self, upload_id: str) -> tuple[Upload, list[JobId]] | None:
        """Return an upload that is all there with its unfinished jobs; None where none wants it any more."""
        ...

    async def unwanted_uploads(self, busy: Collection[str]) -> list[Upload]:
        """Return the uploads to remove: nobody can share them from now on.

        Those that no unfinished job uses, and those that are not all there, but for the ids in `busy`.
        """
        ...

    async def forget_upload(self, upload_id: str) -> None:
        """Forget an upload that was removed."""
        ...
