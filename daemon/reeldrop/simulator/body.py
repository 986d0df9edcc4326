"""Reads a JSON document that comes in pieces: every data URI in it goes decoded and hashed into a file,
the rest stays in memory, bounded. So a request may be as big as the disk.
"""

import binascii
import hashlib
import json
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

import pybase64

KEPT_LIMIT = 1024 * 1024  # bytes of JSON without its media
HEAD_LIMIT = 256  # bytes before a data URI's comma
MARK = b"data:"
STOP = re.compile(rb'["\\]')


class BodyRefused(Exception):
    """The body is no JSON document that is read here; the first argument says why."""


class BodyTooLong(BodyRefused):
    """The body holds too much JSON besides its media."""


@dataclass(frozen=True, slots=True)
class Media:
    """A data URI that was received."""

    path: Path
    mime: str
    bytes: int
    sha256: str
    fault: str = ""
    """Why it is no data URI after all; the file is then not whole."""

    def described(self) -> dict[str, Any]:
        """Return what stands in the ledger for it."""
        return {"bytes": self.bytes, "sha256": self.sha256, "mime": self.mime}


class _Sink:
    """One data URI on its way into a file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._head = b""
        self._mime = ""
        self._rest = b""
        self._file: BinaryIO | None = None
        self._hash = hashlib.sha256()
        self._bytes = 0
        self._padded = False
        self._fault = ""

    def feed(self, data: bytes) -> None:
        if self._fault:
            return
        if self._file is None:
            data = self._open(self._head + data)
        if data and self._file is not None:
            self._decode(self._file, self._rest + data)

    def _open(self, data: bytes) -> bytes:
        """Return what follows the comma, once that has come."""
        head, comma, rest = data.partition(b",")
        if not comma and len(head) <= HEAD_LIMIT:
            self._head = head
            return b""
        if len(head) > HEAD_LIMIT or not head.endswith(b";base64"):
            self._fault = "a data URI here is data:<type>;base64,<data>"
            return b""
        self._mime = head[len(MARK) :].split(b";")[0].decode("latin-1")
        self._file = self._path.open("wb")
        return rest

    def _decode(self, file: BinaryIO, data: bytes) -> None:
        whole = len(data) // 4 * 4
        self._rest = data[whole:]
        try:
            if self._padded:
                raise binascii.Error("data after the padding")  # noqa: TRY301 - one place says it
            decoded = pybase64.b64decode(data[:whole], validate=True)
        except binascii.Error as error:
            self._fault = f"not base64: {error}"
            return
        self._padded = data[:whole].endswith(b"=")
        self._hash.update(decoded)
        self._bytes += file.write(decoded)

    def close(self) -> Media:
        if self._file is not None:
            self._file.close()
        if not self._fault and (self._file is None or self._rest):
            self._fault = "the data URI ends too early"
        return Media(self._path, self._mime, self._bytes, self._hash.hexdigest(), self._fault)

    def abandon(self) -> None:
        if self._file is not None:
            self._file.close()
            self._path.unlink(missing_ok=True)


class JsonBody:
    """Feed it the pieces, then `close` it. Blocking: it writes files."""

    def __init__(self, folder: Path) -> None:
        """Media go into new files of `folder`."""
        self._folder = folder
        # Unguessable, so that no string of the client's can pass for a file of ours.
        self._token = secrets.token_hex(16)
        self._media: list[Media] = []
        self._kept = bytearray()
        self._pending = b""
        self._sink: _Sink | None = None
        self._step: Callable[[bytes, int], int] = self._outside

    def feed(self, data: bytes) -> None:
        """Take the next bytes. Raises BodyRefused."""
        data = self._pending + data
        self._pending = b""
        at = 0
        while at < len(data):
            at = self._step(data, at)
            if len(self._kept) > KEPT_LIMIT:
                raise BodyTooLong(f"more than {KEPT_LIMIT} bytes besides the media")

    def close(self) -> Any:
        """Return the document, with a Media wherever it held a data URI. Raises BodyRefused."""
        if self._pending or self._step != self._outside:
            raise BodyRefused("Unexpected end of JSON input")
        try:
            document = json.loads(self._kept, parse_constant=_no_constant)
        except (ValueError, RecursionError) as error:
            raise BodyRefused(str(error)) from error
        return self._with_media(document)

    def abandon(self) -> None:
        """Remove the files of a document that is not wanted; may follow `close`."""
        if self._sink is not None:
            self._sink.abandon()
        for media in self._media:
            media.path.unlink(missing_ok=True)

    def _outside(self, data: bytes, at: int) -> int:
        quote = data.find(b'"', at)
        end = len(data) if quote < 0 else quote + 1
        self._kept += data[at:end]
        if quote >= 0:
            self._step = self._beginning
        return end

    def _beginning(self, data: bytes, at: int) -> int:
        """Decide what a string is from its first bytes."""
        if data.startswith(MARK, at):
            self._sink = _Sink(self._folder / secrets.token_hex(12))
            self._step = self._in_media
        elif MARK.startswith(data[at : at + len(MARK)]):
            self._pending = data[at:]
            return len(data)
        else:
            self._step = self._in_string
        return at

    def _in_string(self, data: bytes, at: int) -> int:
        stop = STOP.search(data, at)
        if stop is None:
            self._kept += data[at:]
            return len(data)
        end = stop.end()
        if stop[0] == b"\\":
            if end == len(data):
                self._kept += data[at : stop.start()]
                self._pending = data[stop.start() :]
                return end
            end += 1
        else:
            self._step = self._outside
        self._kept += data[at:end]
        return end

    def _in_media(self, data: bytes, at: int) -> int:
        sink = self._sink
        assert sink is not None  # noqa: S101 - `_beginning` has made it
        stop = STOP.search(data, at)
        sink.feed(data[at : stop.start() if stop else len(data)])
        if stop is None:
            return len(data)
        if stop[0] == b"\\":
            return self._escaped(sink, data, stop.start())
        self._kept += f'{self._token}{len(self._media)}"'.encode()
        self._media.append(sink.close())
        self._sink = None
        self._step = self._outside
        return stop.end()

    def _escaped(self, sink: _Sink, data: bytes, at: int) -> int:
        """Some JSON writers escape the slash, which base64 is full of."""
        end = at + (6 if data[at + 1 : at + 2] == b"u" else 2)
        if end > len(data):
            self._pending = data[at:]
            return len(data)
        try:
            sink.feed(json.loads(b'"' + data[at:end] + b'"').encode())
        except ValueError as error:
            raise BodyRefused(str(error)) from error
        return end

    def _with_media(self, value: Any) -> Any:
        match value:
            case str() if value.startswith(self._token):
                return self._media[int(value[len(self._token) :])]
            case list():
                return [self._with_media(each) for each in value]
            case dict():
                return {key: self._with_media(each) for key, each in value.items()}
            case _:
                return value


def _no_constant(name: str) -> NoReturn:
    raise BodyRefused(f"{name} is not JSON")
