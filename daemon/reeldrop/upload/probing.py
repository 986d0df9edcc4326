"""A small file by signed URL, to see whether the provider could fetch one."""

import secrets
import tempfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from reeldrop.ports import Upload
from reeldrop.settings import UploadSettings, object_store_options
from reeldrop.upload.local import LocalFile
from reeldrop.upload.object_store import ObjectStore

SIZE = 1024
"""Bytes."""


class Uncounted:
    """The `Meter` port where nothing is shown."""

    def expect(self, total: int | None, *, already: int = 0) -> None:
        """Hear of a file."""

    async def passed(self, count: int, wire: int | None = None) -> None:
        """Count bytes."""


@asynccontextmanager
async def object_probe(settings: UploadSettings) -> AsyncGenerator[tuple[str, bytes], None]:
    """Put a small object into the object store; yield its URL and its bytes, and remove it.

    Raises SettingsError, UploadUnavailable.
    """
    store = ObjectStore(settings, object_store_options(settings))
    with tempfile.TemporaryDirectory(prefix="reeldrop-check-") as folder:
        file = Path(folder) / "probe.bin"
        file.write_bytes(content := secrets.token_bytes(SIZE))
        local = await LocalFile.of(file)
        upload = Upload(secrets.token_hex(16), store.name, str(file), "", SIZE, local.media_type)
        await store.put(upload, local, Uncounted())
        try:
            yield await store.sign(upload), content
        finally:
            await store.remove(upload)
