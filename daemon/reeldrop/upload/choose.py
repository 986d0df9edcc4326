"""Choosing the way a file takes to the provider."""

from pathlib import Path

from reeldrop.domain.errors import Unsendable
from reeldrop.ports import Streamed
from reeldrop.settings import UploadSettings
from reeldrop.upload.data_uri import DataUri


class Chooser:
    """The `Uploads` port."""

    def __init__(self, settings: UploadSettings) -> None:
        self._settings = settings

    async def prepare(self, file: Path, mode: str) -> tuple[Streamed | str, str]:
        """Return the value for the request and the mode taken.

        Raises:
            Unsendable: `mode` cannot be had. FileBusy: `file` cannot be read.
            FolderOffline: its folder does not answer.
        """
        if mode == "auto":
            mode = self._settings.mode
        if mode == "signed_url":
            raise Unsendable(
                f"{file.name} cannot be sent as a signed URL: no store for signed URLs is built "
                "into this version.",
                hint='Set upload to "auto" or "data_uri" in the sidecar, or in [upload] mode.',
            )
        if mode not in ("auto", "data_uri"):
            raise Unsendable(
                f'{file.name} cannot be sent as "{mode[:32]}": there is no such way.',
                hint='Set upload to "auto" or "data_uri".',
            )
        return await DataUri.of(file), "data_uri"


def open_uploads(settings: UploadSettings) -> Chooser:
    """Return what prepares files for a request."""
    return Chooser(settings)
