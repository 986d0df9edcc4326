"""What is compared before a byte is read."""

from typing import Any

import pytest

from reeldrop.domain.fit import Fit
from reeldrop.domain.job import MediaFile, RelPath
from reeldrop.domain.sameness import files_in, origin_key, spec_key

A, B, LONG = RelPath("a.mov"), RelPath("b.mov"), RelPath("long.mov")
SIZES = {A: 5, B: 5, LONG: 6}


def key(params: dict[str, Any], model: str = "m") -> str:
    return spec_key(model, params, SIZES.__getitem__)


def test_what_a_watch_makes_of_a_clip_is_no_part_of_the_drop() -> None:
    """A file that comes again after `conform` was changed must not be paid for again."""
    plain = spec_key("m", {"video_url": MediaFile(A)}, SIZES.__getitem__)
    fitted = spec_key(
        "m", {"video_url": MediaFile(A)}, SIZES.__getitem__, Fit(width=1280, height=720)
    )
    assert fitted == plain


def test_frames_shown_at_another_rate_are_another_clip() -> None:
    """The bytes of the frames are the same, what is made of them is not."""
    keys = {
        spec_key("m", {"video_url": MediaFile(A)}, SIZES.__getitem__, Fit(fps=fps, frames=72))
        for fps in (24.0, 30.0)
    }
    assert len(keys) == 2


def test_names_of_files_and_the_order_of_keys_do_not_count() -> None:
    """Two sidecars that say the same are the same request."""
    one = {"prompt": "x", "video_url": MediaFile(A), "list": [MediaFile(B), "https://x.example/"]}
    two = {"list": [MediaFile(A), "https://x.example/"], "video_url": MediaFile(B), "prompt": "x"}
    assert key(one) == key(two)


@pytest.mark.parametrize(
    "other",
    [
        {"video_url": MediaFile(LONG)},
        {"video_url": MediaFile(A), "seed": 1},
        {"video_url": {"file": 5}},
        {"video_url": {"object": {"file": 5}}},
        {"video_url": [MediaFile(A)]},
        {"video_url": "a.mov"},
    ],
    ids=str,
)
def test_everything_that_is_sent_counts(other: dict[str, Any]) -> None:
    """Also what an object of a user's looks like."""
    assert key(other) != key({"video_url": MediaFile(A)})


def test_the_model_counts() -> None:
    assert key({}, "one") != key({}, "two")


def test_files_come_in_the_order_that_equal_parameters_share() -> None:
    """They are compared one by one."""
    one = {"b": MediaFile(B), "a": [MediaFile(A), {"d": MediaFile(LONG), "c": MediaFile(B)}]}
    two = {"a": [MediaFile(A), {"c": MediaFile(B), "d": MediaFile(LONG)}], "b": MediaFile(B)}
    assert list(files_in(one)) == list(files_in(two)) == [A, B, LONG, B]


def test_a_file_that_comes_again_keeps_path_size_and_time() -> None:
    """Odd bytes in a name are as good as any."""
    odd = RelPath("odd\udcff.mov")
    keys = {
        origin_key("main", odd, 5, 1),
        origin_key("other", odd, 5, 1),
        origin_key("main", A, 5, 1),
        origin_key("main", odd, 6, 1),
        origin_key("main", odd, 5, 2),
    }
    assert len(keys) == 5
    assert origin_key("main", odd, 5, 1) in keys
