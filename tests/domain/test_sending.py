"""Which way a file goes to the provider, and why."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reeldrop.domain.errors import Unsendable
from reeldrop.domain.job import Way
from reeldrop.domain.sending import WAYS, Means, choose

MB = 1_000_000
URLS = Means(16 * MB, can_sign=True)
NO_URLS = Means(16 * MB, can_sign=False)
NOWHERE = "but neither upload.object_store nor upload.public_url is set"


@pytest.mark.parametrize(
    ("wanted", "size", "means", "way", "why"),
    [
        ("auto", 3 * MB, URLS, "data_uri", "3 MB is not over upload.data_uri_max (16 MB)"),
        ("auto", 3 * MB, NO_URLS, "data_uri", "3 MB is not over upload.data_uri_max (16 MB)"),
        ("auto", 1, URLS, "data_uri", "0.001 MB is not over upload.data_uri_max (16 MB)"),
        (
            *("auto", 16 * MB, URLS, "data_uri"),
            "16000000 bytes is not over upload.data_uri_max (16000000 bytes)",
        ),
        (
            *("auto", 16 * MB + 1, URLS, "signed_url"),
            "16.001 MB is over upload.data_uri_max (16 MB)",
        ),
        (
            *("auto", 2**19 + 1, Means(2**19, can_sign=True), "signed_url"),
            "524289 bytes is over upload.data_uri_max (524288 bytes)",
        ),
        ("auto", 200 * MB, URLS, "signed_url", "200 MB is over upload.data_uri_max (16 MB)"),
        (
            *("auto", 200 * MB, NO_URLS, "data_uri"),
            f"200 MB is over upload.data_uri_max (16 MB), {NOWHERE}",
        ),
        (
            *("auto", 1000, Means(0, can_sign=True), "signed_url"),
            "0.001 MB is over upload.data_uri_max (0 MB)",
        ),
        ("data_uri", 200 * MB, URLS, "data_uri", "asked for"),
        ("data_uri", 200 * MB, NO_URLS, "data_uri", "asked for"),
        ("signed_url", 1, URLS, "signed_url", "asked for"),
    ],
)
def test_the_way_and_its_reason(wanted: str, size: int, means: Means, way: str, why: str) -> None:
    """The record tells it: who wonders why a clip took so long finds out there."""
    choice = choose(wanted, "a.mov", size, means)
    assert (choice.way, choice.why) == (way, why)


def test_a_url_that_nobody_can_serve_is_refused_with_what_to_set() -> None:
    """Sending the clip another way than was asked for would not be noticed."""
    with pytest.raises(Unsendable) as refused:
        choose("signed_url", "a.mov", 1, NO_URLS)
    assert refused.value.message == (
        "a.mov cannot be sent as a signed URL: neither upload.object_store nor "
        "upload.public_url is set."
    )
    assert refused.value.hint == 'Set one of them, or set upload to "auto" or "data_uri".'


@pytest.mark.parametrize("wanted", ["", "ftp", "AUTO", "x" * 10_000])
def test_a_way_that_there_is_none_of_is_refused(wanted: str) -> None:
    """A store may hold what an older or a newer Reeldrop took for one."""
    with pytest.raises(Unsendable) as refused:
        choose(wanted, "a.mov", 1, URLS)
    assert f'a.mov cannot be sent as "{wanted[:32]}"' in refused.value.message
    assert len(refused.value.message) < 120
    assert "auto, data_uri, signed_url" in refused.value.hint


@given(
    st.sampled_from(WAYS),
    st.integers(0, 10**12),
    st.builds(Means, st.integers(0, 10**12), can_sign=st.booleans()),
)
def test_no_file_goes_by_a_url_where_there_is_none(wanted: str, size: int, means: Means) -> None:
    """Nor one as a data URI where it is too long for it and a URL can be had."""
    try:
        choice = choose(wanted, "a.mov", size, means)
    except Unsendable:
        assert (wanted, means.can_sign) == ("signed_url", False)
        return
    assert choice.way is not Way.SIGNED_URL or means.can_sign
    if wanted == "auto" and means.can_sign:
        assert (choice.way is Way.SIGNED_URL) == (size > means.data_uri_max)
    elif wanted != "auto":
        assert choice.way == wanted
