"""What a place must offer from which the provider fetches files."""

from typing import Protocol

from reeldrop.ports import Meter, Upload
from reeldrop.upload.local import LocalFile


class Place(Protocol):
    """A bucket, or the daemon's own media route."""

    name: str
    """As `Upload.place` says it."""
    by_content: bool
    """Whether a file that was put here serves every job with the same bytes; else only those with the same file."""

    async def put(self, upload: Upload, file: LocalFile, meter: Meter) -> None:
        """Let `file` be there as `upload`, whole; all of it was read, and its SHA-256 is known then.

        Raises FileBusy, FolderOffline, UploadUnavailable.
        """
        ...

    async def holds(self, upload: Upload) -> bool:
        """Say whether it is still there, whole. Raises UploadUnavailable."""
        ...

    async def sign(self, upload: Upload) -> str:
        """Return a URL that gives it out to whoever has the URL, for `url_ttl` seconds from now on.

        Raises UploadUnavailable.
        """
        ...

    async def remove(self, upload: Upload) -> None:
        """Let it be gone; nothing happens where it is. Raises UploadUnavailable."""
        ...

    async def aclose(self) -> None:
        """Let go of threads and connections."""
        ...
