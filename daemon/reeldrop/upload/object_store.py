"""Files in an object store: S3 and what speaks it, Google Cloud Storage, Azure.

What obstore says of an error may hold addresses, key ids and signatures: none of it is passed on but
the store's own short code.
"""

import asyncio
import re
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing, suppress
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from reeldrop.domain.errors import ReeldropError, SettingsError, UploadUnavailable
from reeldrop.domain.references import is_loopback
from reeldrop.ports import Meter, Upload
from reeldrop.settings import UploadSettings
from reeldrop.upload.local import LocalFile

if TYPE_CHECKING:
    from obstore.store import AzureStore, GCSStore, S3Store

PART = 5 * 1024 * 1024
"""Bytes of a part: the least that S3 takes."""
PARTS = 4
"""Parts in the air at once."""
CONNECTING = "10s"
FOR_A_PART = "120s"
"""For a request with a part: all PARTS get away within it on a link of 175 kB/s."""
FOR_A_WORD = "25s"
"""For a request without one: a store that says nothing at all is given up after two of these."""
RETRIES = {"max_retries": 6, "retry_timeout": timedelta(seconds=45)}
ABORTING = 3.0
"""Seconds that whoever breaks an upload off waits until the store is told, and a stop once more.

The store is told when a part that is in the air has come to its end: on a slow link later than that.
"""
OF_THE_CLIENT = frozenset({
    "allow_http", "allow_invalid_certificates", "connect_timeout", "default_content_type",
    "default_headers", "http1_only", "http2_keep_alive_interval", "http2_keep_alive_timeout",
    "http2_keep_alive_while_idle", "http2_only", "pool_idle_timeout", "pool_max_idle_per_host",
    "proxy_ca_certificate", "proxy_excludes", "proxy_url", "randomize_addresses", "read_timeout",
    "root_certificate", "timeout", "user_agent",
})  # fmt: skip
"""The options that obstore takes for its HTTP client, apart from those of a store."""
OF_AWS = frozenset({"access_key_id", "secret_access_key", "session_token", "region"})
"""The options of S3 that come from several places, and so must have one name."""
SKEWED = "RequestTimeTooSkewed"
DENIED = ("401", "403")
"""What a store answers to someone whom it does not know; obstore has no word for it where there are no credentials."""
_SUFFIX = re.compile(r"\.[a-z0-9]{1,5}")
_CODE = re.compile(r"<Code>(\w{1,40})</Code>")
_STATUS = re.compile(r"status code: (\d{3})")


class ObjectStore:
    """The `Place` at an object store. obstore is imported where one is opened."""

    by_content = True

    def __init__(self, settings: UploadSettings, options: Mapping[str, str | bool | int]) -> None:
        """Nothing is connected yet; `options` are those of the settings and of the usual places.

        Raises:
            SettingsError: obstore is not installed, an option is wrong, or it would speak plain http.
        """
        self.name = settings.object_store
        self._ttl = timedelta(seconds=settings.url_ttl)
        self._store = _opened(self.name, options, FOR_A_PART)
        self._asked = _opened(self.name, options, FOR_A_WORD)
        self._broken_off: set[asyncio.Task[None]] = set()

    async def put(self, upload: Upload, file: LocalFile, meter: Meter) -> None:
        """Send `file` in parts, several at a time; see the port."""
        import obstore  # noqa: PLC0415 - an extra

        # A store that takes a connection and then hangs is found out by a word, not by a part.
        await self.holds(upload)
        meter.expect(file.size)
        parts = _Parts(file, meter)
        sending = asyncio.ensure_future(
            obstore.put_async(
                self._store,
                _key(upload),
                # What fits into one part goes as one request: it is there whole or not at all.
                parts.each()
                if file.size > PART
                else b"".join([part async for part in parts.each()]),
                attributes={"Content-Type": upload.media_type},
                chunk_size=PART,
                max_concurrency=PARTS,
            )
        )
        try:
            await asyncio.shield(sending)
        except asyncio.CancelledError:
            parts.break_off()
            await self._take_back(upload, sending)
            raise
        except _foreign() as error:
            if parts.failure is not None:
                raise parts.failure from None
            raise self._unavailable(error) from None
        if not await self.holds(upload):
            raise UploadUnavailable(
                f"{self.name} took {file.path.name}, but not all of it can be seen there.",
                hint="Look at what its credentials allow: put, get, head and delete objects.",
            )

    async def holds(self, upload: Upload) -> bool:
        """Say whether the object is there, whole."""
        import obstore  # noqa: PLC0415

        try:
            found = await obstore.head_async(self._asked, _key(upload))
        except (FileNotFoundError, *_denials()):
            # Who may not list objects is refused an answer on one that is not there.
            return False
        except _foreign() as error:
            raise self._unavailable(error) from None
        return found["size"] == upload.bytes

    async def sign(self, upload: Upload) -> str:
        """Return a URL that gives the object out."""
        import obstore  # noqa: PLC0415

        try:
            return await obstore.sign_async(self._store, "GET", _key(upload), self._ttl)
        except _foreign() as error:
            raise self._unavailable(error) from None

    async def remove(self, upload: Upload) -> None:
        """Remove the object."""
        import obstore  # noqa: PLC0415

        try:
            await obstore.delete_async(self._asked, _key(upload))
        except FileNotFoundError:
            return
        except _foreign() as error:
            raise self._unavailable(error) from None

    async def aclose(self) -> None:
        """Wait for a moment until the store is told of what was broken off."""
        if self._broken_off:
            await asyncio.wait(self._broken_off, timeout=ABORTING)
        for each in self._broken_off:
            each.cancel()

    async def _take_back(self, upload: Upload, sending: "asyncio.Future[Any]") -> None:
        """Wait for a moment until an upload that was broken off is aborted; it goes on after that."""
        ending = asyncio.ensure_future(self._ended(upload, sending))
        self._broken_off.add(ending)
        ending.add_done_callback(self._broken_off.discard)
        await asyncio.wait([ending], timeout=ABORTING)

    async def _ended(self, upload: Upload, sending: "asyncio.Future[Any]") -> None:
        with suppress(asyncio.CancelledError, UploadUnavailable, *_foreign()):
            await sending
            # It had got all of its parts already.
            await self.remove(upload)

    def _unavailable(self, error: Exception) -> UploadUnavailable:
        """Say what happened without a word of what was sent."""
        text = str(error)
        code, status = _CODE.search(text), _STATUS.search(text)
        told = f" ({found[1]})" if (found := code or status) else ""
        if isinstance(error, FileNotFoundError):
            hint = "Look at upload.object_store: is the bucket's name right, and its region or endpoint?"
            return UploadUnavailable(f"There is no object store {self.name}{told}.", hint=hint)
        if code and code[1] == SKEWED:
            hint = "Set this host's clock right: the store takes no word that is signed at another time."
            return UploadUnavailable(f"{self.name} finds this host's clock wrong{told}.", hint=hint)
        if isinstance(error, _denials()) or (status and status[1] in DENIED):
            hint = "Look at its credentials, whether there are any, and what they allow: put, get, head and delete objects."
            return UploadUnavailable(f"{self.name} refuses the credentials{told}.", hint=hint)
        hint = "Look at upload.object_store_options, and at this host's network and proxy."
        return UploadUnavailable(f"{self.name} does not take files now{told}.", hint=hint)


class _Parts:
    """A file as obstore takes it, part by part: where a part cannot be had, it aborts the upload.

    A future of obstore's that is cancelled leaves the parts that are there already at the store,
    where they are seen by nobody and paid for.
    """

    def __init__(self, file: LocalFile, meter: Meter) -> None:
        self._file = file
        self._meter = meter
        self._wanted = True
        self._taker: asyncio.Task[Any] | None = None
        self.failure: ReeldropError | None = None

    async def each(self) -> AsyncGenerator[bytes, None]:
        """Yield the parts."""
        # Every part is taken by a task of its own, which obstore starts.
        self._taker = asyncio.current_task()
        try:
            async with aclosing(self._file.pieces(step=PART)) as parts:
                async for part in parts:
                    yield part
                    self._taker = asyncio.current_task()
                    if not self._wanted:
                        raise asyncio.CancelledError
                    await self._meter.passed(len(part))
        except ReeldropError as error:
            self.failure = error
            raise

    def break_off(self) -> None:
        """Give no more parts."""
        self._wanted = False
        if self._taker is not None:
            self._taker.cancel()


def _key(upload: Upload) -> str:
    suffix = Path(upload.file).suffix.lower()
    return upload.id + (suffix if _SUFFIX.fullmatch(suffix) else "")


def _opened(
    url: str, options: Mapping[str, str | bool | int], patience: str
) -> "S3Store | GCSStore | AzureStore":
    try:
        from obstore.exceptions import BaseError  # noqa: PLC0415
    except ImportError as error:
        raise SettingsError(
            f"upload.object_store = {url} needs the extra that speaks to object stores",
            hint="pip install 'reeldrop[objectstore]'",
        ) from error
    try:
        return _built(url, _safely(url, options), patience)
    except (BaseError, ValueError, TypeError, OSError) as error:
        # obstore's text may show values; the keys are the user's own, and short.
        keys = ", ".join(sorted(options)) or "none"
        raise SettingsError(
            f"upload.object_store: {url} cannot be opened with these upload.object_store_options: {keys}",
            hint="They are obstore's own: look for a misspelt key, or one that is missing.",
        ) from error


def _safely(url: str, options: Mapping[str, str | bool | int]) -> Mapping[str, str | bool | int]:
    """Allow plain http where the endpoint, wherever it was named, is this host; refuse it elsewhere."""
    import obstore  # noqa: PLC0415

    if not url.startswith("s3://"):
        # What the options name is seen to by the settings; plain http from elsewhere fails.
        plain = (str(value).lower().startswith("http://") for key, value in options.items()
                 if key not in OF_THE_CLIENT)  # fmt: skip
        return {**options, "allow_http": any(plain)}
    named = {_name(key): value for key, value in options.items()}
    # Signing asks nobody: it shows where the store would be looked for.
    shown = _built(url, {**named, "access_key_id": "x", "secret_access_key": "x"}, FOR_A_WORD)
    endpoint = urlsplit(obstore.sign(shown, "GET", "x", timedelta(seconds=1)))
    if endpoint.scheme == "https":
        return named
    if not is_loopback(endpoint.hostname or ""):
        raise SettingsError(
            f"the endpoint of {url} is http://{endpoint.hostname}; plain http:// is for this host alone"
        )
    return {**named, "allow_http": True}


def _name(key: str) -> str:
    """Return the one name of an option of S3 that obstore knows by several."""
    plain = key.lower().removeprefix("aws_")
    return plain if plain in OF_AWS else key


def _built(
    url: str, options: Mapping[str, Any], patience: str
) -> "S3Store | GCSStore | AzureStore":
    from obstore.store import from_url  # noqa: PLC0415

    build: Any = from_url  # its overloads want the keys of each store apart
    client = {key: value for key, value in options.items() if key in OF_THE_CLIENT}
    config = {key: value for key, value in options.items() if key not in OF_THE_CLIENT}
    limits = {"connect_timeout": CONNECTING, "timeout": patience}
    return build(url, config=config, client_options={**limits, **client}, retry_config=RETRIES)


def _foreign() -> tuple[type[Exception], ...]:
    from obstore.exceptions import BaseError  # noqa: PLC0415

    return (BaseError, OSError, ValueError)


def _denials() -> tuple[type[Exception], ...]:
    from obstore.exceptions import PermissionDeniedError, UnauthenticatedError  # noqa: PLC0415

    return (PermissionDeniedError, UnauthenticatedError, PermissionError)
