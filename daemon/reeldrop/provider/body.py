"""The body of a submit: JSON whose long strings are made while they are sent.

Rule 1: its length is known before the first byte, from the sizes alone.
Rule 2: its last bytes leave only after the caller has allowed it; without them no server can have
        read a whole request.
"""

import json
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator, Mapping
from typing import Any, cast

from reeldrop.domain.errors import FileBusy, Unsendable
from reeldrop.ports import Streamed, SubmitRequest

HELD_BACK = 16
"""Bytes at the end, the closing brace among them, that wait for the permission."""


class SubmitBody:
    """One body, to be sent once."""

    def __init__(
        self, request: SubmitRequest, before_last_bytes: Callable[[], Awaitable[None]]
    ) -> None:
        """Lay the body out; no file is read yet.

        Raises:
            Unsendable: a value cannot be written as JSON.
        """
        params = {key: value for key, value in request.params.items() if key != "model"}
        self._parts, self._end = _joined({"model": request.model, **params})
        self._before_last_bytes = before_last_bytes
        self.length = len(self._end) + sum(
            len(part) if isinstance(part, bytes) else part.length for part in self._parts
        )
        self.may_have_left = False
        """Whether the last bytes may have left this host: from here on an outcome can be unknown."""
        self.failure: BaseException | None = None
        """What a file or the permission raised; it ended the request unsent."""

    async def chunks(self, on_release: Callable[[], None]) -> AsyncGenerator[bytes, None]:
        """Yield the body; call `on_release` just before its last bytes."""
        try:
            for part in self._parts:
                async for chunk in _chunks(part):
                    yield chunk
            if self._end[:-HELD_BACK]:
                yield self._end[:-HELD_BACK]
            await self._ask()
        except Exception as exc:
            self.failure = exc
            raise
        self.may_have_left = True
        on_release()
        yield self._end[-HELD_BACK:]

    async def _ask(self) -> None:
        for part in self._parts:
            if not isinstance(part, bytes):
                await part.verify()
        await self._before_last_bytes()


async def _chunks(part: bytes | Streamed) -> AsyncIterator[bytes]:
    if isinstance(part, bytes):
        yield part
        return
    sent = 0
    async for chunk in part.chunks():
        sent += len(chunk)
        yield chunk
    if sent != part.length:
        raise FileBusy("A file has not the size that it had when the request began.")


def _joined(value: object) -> tuple[list[bytes | Streamed], bytes]:
    """Return the parts of a JSON text, and apart from them its end, which nothing streams."""
    parts: list[bytes | Streamed] = []
    literal: list[str] = []
    for piece in _pieces(value):
        if isinstance(piece, str):
            literal.append(piece)
            continue
        parts += ["".join([*literal, '"']).encode(), piece]
        literal = ['"']
    return parts, "".join(literal).encode()


def _pieces(value: object) -> Iterator[str | Streamed]:
    """Yield JSON text and, in place of a string, whatever streams itself."""
    match value:
        case Mapping():
            yield from _enclosed("{", cast("Mapping[str, Any]", value).items(), "}")
        case list() | tuple():
            yield from _enclosed("[", ((None, item) for item in cast("list[Any]", value)), "]")
        case None | bool() | int() | float() | str():
            yield _leaf(value)
        case _:
            yield cast("Streamed", value)


def _enclosed(start: str, items: Any, end: str) -> Iterator[str | Streamed]:
    between = start
    empty = True
    for key, item in items:
        yield between if key is None else f"{between}{_leaf(key)}:"
        yield from _pieces(item)
        between, empty = ",", False
    yield f"{start}{end}" if empty else end


def _leaf(value: object) -> str:
    try:
        return json.dumps(value, allow_nan=False)
    except ValueError as exc:
        raise Unsendable(
            f"The value {value!r} cannot be written as JSON.", hint="Use a finite number."
        ) from exc
