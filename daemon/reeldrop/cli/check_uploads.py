"""The part of `reeldrop check` that sees whether files can be sent by signed URL."""

import asyncio
from contextlib import AsyncExitStack
from urllib.parse import urlsplit

from reeldrop.domain.errors import StartupError
from reeldrop.domain.fitting import megabytes
from reeldrop.domain.references import is_loopback
from reeldrop.settings import Settings


def look(settings: Settings) -> str:
    """Fetch a probe by signed URL as a stranger would; return what was found.

    Raises SettingsError, StartupError, UploadUnavailable.
    """
    upload = settings.upload
    if not upload.can_sign:
        return (
            "none: every file goes inside its request, also those over upload.data_uri_max "
            f"({megabytes(upload.data_uri_max)})"
        )
    told = []
    if upload.object_store:
        asyncio.run(_object_store(settings))
        told.append(f"{upload.object_store} takes files, and gives them out by signed URL")
    if upload.public_url:
        asyncio.run(_media_route(settings))
        alone = is_loopback(urlsplit(upload.public_url).hostname or "")
        whom = ", for programs of this host alone" if alone else ""
        told.append(f"{upload.public_url} leads to the media route{whom}")
    return "\n".join(told)


async def _object_store(settings: Settings) -> None:
    from reeldrop.provider.reaching import Probe, reach  # noqa: PLC0415 - only where one is asked for
    from reeldrop.upload.probing import object_probe  # noqa: PLC0415

    async with object_probe(settings.upload) as (url, content):
        await reach(Probe(url, content, head_too=False))


async def _media_route(settings: Settings) -> None:
    from reeldrop import app  # noqa: PLC0415 - it brings every room with it
    from reeldrop.provider.reaching import Probe, reach  # noqa: PLC0415
    from reeldrop.upload.media_route import PROBE_BYTES  # noqa: PLC0415

    async with AsyncExitStack() as stack:
        url = await app.media_probe(settings, stack)
        try:
            await reach(Probe(url, PROBE_BYTES, head_too=True))
        except StartupError as error:
            told = f"upload.public_url = {settings.upload.public_url}: {error.message}"
            raise StartupError(told, hint=error.hint) from error
