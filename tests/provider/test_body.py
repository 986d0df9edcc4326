"""The body of a submit: exact in length, and its end held back."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reeldrop.domain.errors import FileBusy, Unsendable
from reeldrop.domain.job import MediaFacts
from reeldrop.ports import SubmitRequest
from reeldrop.provider.body import SubmitBody


class Letters:
    """A Streamed of known letters; `short` leaves some out, `changed` fails the verification."""

    def __init__(self, text: str, *, short: int = 0, changed: bool = False) -> None:
        self.text, self.short, self.changed = text, short, changed
        self.length = len(text)

    async def chunks(self) -> AsyncIterator[bytes]:
        end = len(self.text) - self.short
        for start in range(0, end, 7):
            yield self.text[start : min(start + 7, end)].encode()

    async def verify(self) -> None:
        if self.changed:
            raise FileBusy("changed")

    def facts(self) -> MediaFacts:
        return MediaFacts("letters", len(self.text))


async def sent(params: dict[str, Any], log: list[str] | None = None) -> tuple[SubmitBody, bytes]:
    async def permission() -> None:
        if log is not None:
            log.append("asked")

    body = SubmitBody(SubmitRequest("m/x", params, "r"), permission)
    data = bytearray()
    async for chunk in body.chunks(lambda: None):
        data += chunk
        if log is not None:
            log.append(chunk.decode())
    return body, bytes(data)


_texts = st.text(max_size=20)
_leaf = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
_streamed = st.text(alphabet="abcXYZ+/=", max_size=40).map(Letters)
_params = st.dictionaries(
    _texts,
    st.recursive(
        _leaf | _texts | _streamed,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_texts, inner, max_size=4),
        max_leaves=8,
    ),
    max_size=5,
)


def plain(value: Any) -> Any:
    match value:
        case Letters():
            return value.text
        case dict():
            return {key: plain(item) for key, item in value.items()}
        case list():
            return [plain(item) for item in value]
        case _:
            return value


@given(_params)
async def test_the_body_is_the_json_of_the_request_and_its_length_is_exact(
    params: dict[str, Any],
) -> None:
    """A wrong Content-Length would hang or cut a paid request."""
    body, data = await sent(params)

    assert len(data) == body.length
    assert json.loads(data) == {**plain(params), "model": "m/x"}


async def test_nobody_can_read_a_whole_request_before_the_permission() -> None:
    """The intent must be on disk first, whatever stands last in the body."""
    for params in ({}, {"prompt": "p" * 100}, {"video_url": Letters("a" * 50)}):
        log: list[str] = []
        await sent(params, log)
        before = "".join(log[: log.index("asked")])

        with pytest.raises(json.JSONDecodeError):
            json.loads(before)
        assert "".join(log[log.index("asked") + 1 :]).endswith("}")


async def test_a_file_that_became_shorter_ends_the_request() -> None:
    """Its end must not be padded with what follows it."""
    with pytest.raises(FileBusy):
        await sent({"video_url": Letters("a" * 50, short=3)})


async def test_a_changed_file_ends_the_request_before_the_permission() -> None:
    """Nothing may be recorded as sent that is a mixture of two files."""
    log: list[str] = []

    with pytest.raises(FileBusy):
        await sent({"image_list": ["https://a", Letters("a" * 50, changed=True)]}, log)
    assert "asked" not in log


def test_a_number_that_json_has_not_is_refused() -> None:
    """json.dumps would write NaN, which no JSON reader takes."""

    async def never() -> None:
        raise AssertionError

    with pytest.raises(Unsendable):
        SubmitBody(SubmitRequest("m", {"strength": float("inf")}, "r"), never)
