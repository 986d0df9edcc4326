"""What the engine needs of a decoder, and of an encoder."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from reeldrop.domain.fit import Fit
from reeldrop.domain.footage import Footage, Picture
from reeldrop.domain.job import MediaFacts
from reeldrop.domain.references import Kind


class Media(Protocol):
    """What only a decoder can say."""

    async def probe(self, file: Path) -> Footage:
        """Return what a whole video is (no SHA-256).

        Raises:
            NotWhole: part of the file is missing, as far as can be seen; it may still be arriving.
            ClipUnreadable: it opens as no video.
            FileBusy: the file cannot be read now, or is gone.
        """
        ...

    async def probe_frames(self, files: Sequence[Path], fps: float) -> Footage:
        """Return what numbered frames come to as one clip, shown at `fps`; each is looked at.

        All must be of one kind (PNG, JPEG or EXR) and one size. Raises as `probe`; the message names
        the frame.
        """
        ...

    async def check_reference(self, file: Path, kind: Kind) -> Picture | None:
        """Return what the image `file` is, None where it is a video or a sound.

        Raises ClipUnreadable, which says what it is, unless `file` is of `kind`; FileBusy as `probe`.
        """
        ...

    async def fit(self, sources: Sequence[Path], to: Path, fit: Fit) -> MediaFacts:
        """Write a clip, or its numbered frames in order, to `to` as `fit` says; fsynced when it returns.

        `to` is replaced. Returns what it has become, without its SHA-256. It may take minutes, and is
        given up when the caller is cancelled.

        Raises:
            ClipUnreadable: it does not decode to its end, or cannot be made as `fit` says.
            FileBusy: a source cannot be read now, or `to` cannot be written.
            DiskFull: there is no room for it.
        """
        ...

    async def poster(self, video: Path, to: Path) -> None:
        """Write a JPEG of a frame of `video`. Raises ClipUnreadable where none can be decoded.

        DiskFull and FileBusy where `to` cannot be written.
        """
        ...
