"""Choosing the way a file takes to the provider."""

from dataclasses import replace
from pathlib import Path

from reeldrop.domain.job import JobId, Way
from reeldrop.domain.sending import Means, choose
from reeldrop.ports import Clock, Meter, Sending, UploadMemory
from reeldrop.settings import UploadSettings, object_store_options
from reeldrop.upload.data_uri import DataUri
from reeldrop.upload.local import LocalFile
from reeldrop.upload.media_route import MediaRoute, Signer
from reeldrop.upload.object_store import ObjectStore
from reeldrop.upload.places import Place
from reeldrop.upload.secret import Secrets
from reeldrop.upload.shared import Shared


class Chooser:
    """The `Uploads` port."""

    def __init__(
        self,
        data_uri_max: int,
        store: ObjectStore | None,
        route: MediaRoute | None,
        memory: UploadMemory,
    ) -> None:
        """`data_uri_max` is in bytes; what goes by URL lies at the object store, if there is one."""
        self.route = route
        places: list[Place] = [place for place in (store, route) if place is not None]
        self._means = Means(data_uri_max, can_sign=bool(places))
        self._shared = Shared(places, memory)

    def send_inside_up_to(self, size: int) -> None:
        """Let files of up to `size` bytes go inside the request from now on, where they may go either way."""
        self._means = replace(self._means, data_uri_max=size)

    async def prepare(self, file: Path, wanted: str, job: JobId, meter: Meter) -> Sending:
        """Return what stands in a request for `file`; see the port."""
        local = await LocalFile.of(file)
        choice = choose(wanted, file.name, local.size, self._means)
        match choice.way:
            case Way.DATA_URI:
                return Sending(DataUri(local, meter), local, choice)
            case Way.SIGNED_URL:
                return Sending(await self._shared.offer(local, job, meter), local, choice)

    async def tidy(self) -> None:
        """Remove what no job needs any more."""
        await self._shared.tidy()

    async def aclose(self) -> None:
        """Let go of all places."""
        await self._shared.aclose()


def open_uploads(
    settings: UploadSettings, memory: UploadMemory, state_folder: Path, clock: Clock
) -> Chooser:
    """Return what prepares files for a request. Raises SettingsError, StartupError."""
    store = route = None
    if settings.object_store:
        store = ObjectStore(settings, object_store_options(settings))
    if settings.public_url:
        secrets = Secrets(state_folder, clock)
        route = MediaRoute(Signer(settings, secrets, clock), memory)
    return Chooser(settings.data_uri_max, store, route, memory)
