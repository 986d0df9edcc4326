"""Tokens of the media route: nobody makes one without the secret, and none holds for ever."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reeldrop.domain.tokens import Refusal, make, read

ID = "0123456789abcdef" * 2
ids = st.binary(min_size=16, max_size=16).map(bytes.hex)
secrets = st.binary(min_size=32, max_size=32)
moments = st.integers(0, 2**39)
TOKEN = make(b"s" * 32, ID, 1000, "mp4")


@given(ids, secrets, moments, st.sampled_from(["mp4", "mov", "bin", "m4a"]))
def test_it_names_its_upload_until_its_moment(
    upload: str, secret: bytes, moment: int, extension: str
) -> None:
    """Signed by the newest secret or by an older one."""
    token = make(secret, upload, moment, extension)

    assert read([b"another", secret], token, moment) == upload
    assert read([secret], token, moment + 0.5) is Refusal.EXPIRED
    assert read([b"another"], token, moment) is Refusal.UNKNOWN
    assert token.endswith(f".{extension}")
    assert upload not in token


@given(st.integers(0, len(TOKEN) - 1), st.characters())
def test_no_letter_of_it_can_be_changed(place: int, letter: str) -> None:
    """Not the id, not the moment, not the extension, not the signature's unused bits."""
    changed = TOKEN[:place] + letter + TOKEN[place + 1 :]
    if changed != TOKEN:
        assert read([b"s" * 32], changed, 0) is Refusal.UNKNOWN


@given(st.text(string.printable) | st.just(TOKEN[:-1]) | st.just(TOKEN + "\n") | st.just(TOKEN * 9))
def test_what_is_no_token_is_refused(text: str) -> None:
    """Whatever a stranger asks for."""
    assert read([b"s" * 32], text, 0) is Refusal.UNKNOWN


@pytest.mark.parametrize(
    ("upload", "extension"), [("../etc/passwd", "mp4"), (ID, "m/p4"), (ID, "")]
)
def test_only_what_can_be_read_is_made(upload: str, extension: str) -> None:
    """A token that nobody can read would be sent to the provider, and paid for."""
    with pytest.raises(ValueError, match="is"):
        make(b"s", upload, 1, extension)
