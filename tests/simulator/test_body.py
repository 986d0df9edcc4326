"""The reader of bodies: right wherever the pieces are cut, and bounded whatever comes."""

import base64
import hashlib
import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reeldrop.simulator.body import BodyRefused, BodyTooLong, JsonBody, Media

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text() | st.binary().map(lambda raw: ("media", raw)),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


def with_uris(value: Any) -> Any:
    match value:
        case ("media", bytes() as raw):
            return "data:video/mp4;base64," + base64.b64encode(raw).decode()
        case list():
            return [with_uris(each) for each in value]
        case dict():
            return {key: with_uris(each) for key, each in value.items()}
        case _:
            return value


def with_bytes(value: Any) -> Any:
    match value:
        case Media():
            data = value.path.read_bytes()
            assert not value.fault
            assert (value.bytes, value.sha256) == (len(data), hashlib.sha256(data).hexdigest())
            return ("media", data)
        case list():
            return [with_bytes(each) for each in value]
        case dict():
            return {key: with_bytes(each) for key, each in value.items()}
        case _:
            return value


def read(folder: Path, body: bytes, cuts: list[int]) -> Any:
    reader = JsonBody(folder)
    edges = [0, *sorted(cut % (len(body) + 1) for cut in cuts), len(body)]
    try:
        for start, end in pairwise(edges):
            reader.feed(body[start:end])
        return reader.close()
    except BodyRefused:
        reader.abandon()
        raise


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None
)
@given(value=VALUES, cuts=st.lists(st.integers(0, 10_000), max_size=8), escapes=st.booleans())
def test_a_document_is_read_as_it_was_written_wherever_it_is_cut(
    tmp_path: Path, value: Any, cuts: list[int], escapes: bool
) -> None:
    """Pieces end where the network likes: inside an escape, a marker, four characters of base64."""
    text = json.dumps(with_uris(value))
    body = (text.replace("/", "\\/") if escapes else text).encode()
    assert with_bytes(read(tmp_path, body, cuts)) == value


@pytest.mark.parametrize(
    "uri",
    ["data:", "data:video/mp4", "data:video/mp4,plain", "data:video/mp4;base64,AAA", "data:x;base64,A=AA",
     "data:x;base64,AA==AAAA", "data:x;base64,A AA", "data:" + "x" * 300 + ";base64,AAAA"],
)  # fmt: skip
@pytest.mark.parametrize("step", [1, 7, 1000])
def test_a_data_uri_that_is_none_has_its_fault(tmp_path: Path, uri: str, step: int) -> None:
    body = json.dumps({"video_url": uri}).encode()
    media = read(tmp_path, body, list(range(0, len(body), step)))["video_url"]
    assert isinstance(media, Media)
    assert media.fault


@pytest.mark.parametrize(
    "body", [b'"data:video/mp4;base64,AAAA', b'{"a":"x', b'"data:x;base64,\\q"', b'{"a":1']
)
def test_a_body_that_ends_or_goes_wrong_is_refused(tmp_path: Path, body: bytes) -> None:
    with pytest.raises(BodyRefused):
        read(tmp_path, body, [])


def test_json_without_media_is_bounded(tmp_path: Path) -> None:
    with pytest.raises(BodyTooLong):
        read(tmp_path, b"[" * 3_000_000, list(range(0, 3_000_000, 100_000)))


def test_what_is_abandoned_leaves_no_file(tmp_path: Path) -> None:
    reader = JsonBody(tmp_path)
    reader.feed(b'["data:x;base64,AAAA","data:x;base64,AAAA')
    assert len(list(tmp_path.iterdir())) == 2
    reader.abandon()
    assert list(tmp_path.iterdir()) == []


def test_a_clients_string_cannot_name_a_file(tmp_path: Path) -> None:
    assert read(tmp_path, b'["0", "\\u0000spool0", "data"]', []) == ["0", "\x00spool0", "data"]
