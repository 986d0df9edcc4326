"""What a delivery is called."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reeldrop.domain.job import RelPath
from reeldrop.domain.naming import LONGEST_COMPONENT, delivery_folder, result_name, variant_name


@pytest.mark.parametrize(
    ("drop", "name", "folder"),
    [
        ("shot010.mov", "", "shot010"),
        ("showA/shot010.MOV", "", "showA/shot010"),
        ("showA/shot010.mov", "final look", "showA/final look"),
        ("a.b.mov", "", "a.b"),
        ("a.mov.json", "", "a.mov"),
        ("_failed.mov", "", "+_failed"),
        ("_Logs/a.mov", "", "+_Logs/a"),
        ("_status.html.mov", "", "+_status.html"),
        ("x.mov", "_status.json", "+_status.json"),
        ("+_failed.mov", "", "++_failed"),
        ("show/_failed.mov", "", "show/_failed"),
        ("_failures.mov", "", "_failures"),
        ("trailing .mov", "", "trailing"),
        ("dots...mov", "", "dots"),
        ("Schön ☃.mov", "", "Schön ☃"),
        ("-rf.mov", "", "-rf"),
    ],
)
def test_a_delivery_lies_at_the_drops_own_place(drop: str, name: str, folder: str) -> None:
    """People look for a result where they put the clip; Reeldrop's own names stay its own."""
    assert delivery_folder(RelPath(drop), name) == folder


def test_the_result_is_called_like_its_folder() -> None:
    """`shot010/shot010.mp4`, as the contract draws it."""
    assert result_name(RelPath("showA/shot010")) == "shot010.mp4"


def test_variants_are_numbered() -> None:
    """Each of them gets a folder of its own."""
    assert variant_name("shot", 2) == "shot-v2"
    assert len(variant_name("x" * 255, 50).encode()) <= LONGEST_COMPONENT


def test_two_long_names_stay_two() -> None:
    """Cutting alone would make one folder of both."""
    one, two = (delivery_folder(RelPath("ö" * 125 + end + ".mov")) for end in "ab")
    assert one != two


@given(st.text(st.characters(exclude_characters="/\0", codec="utf-8"), min_size=1, max_size=255))
def test_every_name_fits_with_our_suffixes(text: str) -> None:
    """A file system takes 255 bytes for a name, and `-99` and `.mp4` come on top."""
    folder = delivery_folder(RelPath(f"a/{text}.mov"))
    leaf = folder.rpartition("/")[2]
    assert leaf
    assert len(leaf.encode("utf-8", "surrogateescape")) <= LONGEST_COMPONENT
    assert not leaf.endswith((".", " "))


@given(st.binary(min_size=1, max_size=251))
def test_names_of_any_bytes_can_be_delivered(raw: bytes) -> None:
    """Old shares hold names in encodings that nobody remembers."""
    name = raw.replace(b"/", b"_").replace(b"\0", b"_").decode("utf-8", "surrogateescape")
    folder = delivery_folder(RelPath(f"{name}.mov"))
    assert 0 < len(folder.encode("utf-8", "surrogateescape")) <= LONGEST_COMPONENT + 1
