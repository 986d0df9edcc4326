"""What the engine needs of a decoder."""

from pathlib import Path
from typing import Protocol

from reeldrop.domain.job import (
    MediaFacts,
)
from reeldrop.domain.references import Kind


class Media(Protocol):
    """What only a decoder can say."""

    async def probe(self, file: Path) -> MediaFacts:
        """Return what the container says of a whole video (no SHA-256).

        Raises:
            NotWhole: part of the file is missing, as far as can be seen; it may still be arriving.
            ClipUnreadable: it opens as no video.
            FileBusy: the file cannot be read now, or is gone.
        """
        ...

    async def check_reference(self, file: Path, kind: Kind) -> None:
        """Raise ClipUnreadable, which says what it is, unless `file` is of `kind`; FileBusy as `probe`."""
        ...

    async def poster(self, video: Path, to: Path) -> None:
        """Write a JPEG of a frame of `video`. Raises ClipUnreadable where none can be decoded.

        DiskFull and FileBusy where `to` cannot be written.
        """
        ...
