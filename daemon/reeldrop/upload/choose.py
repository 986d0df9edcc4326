"""Choosing the way a file takes to the provider."""

from pathlib import Path

from reeldrop.domain.errors import UploadUnavailable
from reeldrop.domain.job import JobId, Way
from reeldrop.domain.sending import Means, choose
from reeldrop.ports import Meter, Sending, UploadMemory
from reeldrop.settings import UploadSettings
from reeldrop.upload.data_uri import DataUri
from reeldrop.upload.local import LocalFile


class Chooser:
    """The `Uploads` port."""

    def __init__(self, settings: UploadSettings, memory: UploadMemory) -> None:
        self._means = Means(settings.data_uri_max, can_sign=settings.can_sign)
        self._memory = memory

    async def prepare(self, file: Path, wanted: str, job: JobId, meter: Meter) -> Sending:
        """Return what stands in a request for `file`; see the port."""
        local = await LocalFile.of(file)
        choice = choose(wanted, file.name, local.size, self._means)
        match choice.way:
            case Way.DATA_URI:
                return Sending(DataUri(local, meter), local, choice)
            case Way.SIGNED_URL:
                raise UploadUnavailable(
                    f"{file.name} would go by a signed URL, which cannot be made yet (job {job[:8]})."
                )

    async def tidy(self) -> None:
        """Remove what no job needs any more."""

    async def aclose(self) -> None:
        """Let go of threads and connections."""


def open_uploads(settings: UploadSettings, memory: UploadMemory) -> Chooser:
    """Return what prepares files for a request."""
    return Chooser(settings, memory)
