"""What a value that stands for a file may be."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reeldrop.domain.frames import Pattern
from reeldrop.domain.job import MediaFile, RelPath
from reeldrop.domain.references import (
    Kind,
    Reference,
    kind_of,
    read_clip_value,
    read_references,
    read_value,
    with_files,
)
from reeldrop.domain.spec import Fault

SHOW = RelPath("showA/shots")
URI = {"type": "string", "format": "uri"}
SCHEMA = {
    "properties": {
        "prompt": {"type": "string"},
        "image_list": {"type": "array", "items": URI},
        "elements": {
            "items": {
                "properties": {
                    "frontal_image_url": URI,
                    "reference_image_urls": {"items": URI},
                }
            }
        },
        "either": {"anyOf": [{"type": "number"}, URI]},
    }
}


@pytest.mark.parametrize(
    ("given_", "path"),
    [
        ("a.png", "showA/shots/a.png"),
        ("./refs/a.png", "showA/shots/refs/a.png"),
        ("../a.png", "showA/a.png"),
        ("../../a.png", "a.png"),
        ("refs//a.png", "showA/shots/refs/a.png"),
        ("./take:1.png", "showA/shots/take:1.png"),
    ],
)
def test_a_relative_path_is_meant_from_the_folder_of_its_document(given_: str, path: str) -> None:
    """The same words in a preset and in a sidecar may mean two files."""
    assert read_value("k", given_, SHOW) == Reference("k", given_, RelPath(path))


@pytest.mark.parametrize(
    "given_",
    [
        "https://a.example/i.png?x=1#y",
        "HTTPS://a.example",
        "http://127.0.0.1:8000/i.png",
        "http://localhost/i.png",
        "http://[::1]:8080/i.png",
        "data:image/png;base64,aGk=",
        "data:image/svg+xml;charset=utf-8;base64,aGk=",
    ],
)
def test_a_safe_url_passes_as_it_is(given_: str) -> None:
    """The provider fetches it; nothing of this host is read."""
    assert read_value("k", given_, SHOW) is None


@pytest.mark.parametrize(
    ("given_", "word"),
    [
        ("../../../etc/passwd", "leaves the inbox"),
        ("a/../../../../b.png", "leaves the inbox"),
        ("/etc/passwd", "absolute"),
        ("C:\\secret.png", "absolute"),
        ("C:/secret.png", "absolute"),
        ("refs\\a.png", "backslash"),
        ("..\\..\\a.png", "backslash"),
        ("a\0.png", "NUL"),
        ("", "empty"),
        ("../..", "inbox itself"),
        ("x" * 5000, "too long"),
        ("http://a.example/i.png", "https://"),
        ("http://localhost.evil.example/i.png", "https://"),
        ("http://127.0.0.1@evil.example/i.png", "https://"),
        ("http://[::1", "https://"),
        ("https://", "https:// address"),
        ("https:///x", "https:// address"),
        ("https://a b", "https:// address"),
        ("file:///etc/passwd", "https:// URL"),
        ("s3://bucket/key", "https:// URL"),
        ("data:image/png,abc", "base64"),
        ("data:;base64,aGk=", "base64"),
        ("data:image/png;base64,a*k=", "damaged"),
        ("data:image/png;base64,abc", "damaged"),
        ("frames/####.exr", "only the video_url of a sidecar takes numbered frames"),
        ("frames/##_##.exr", "more than one run of #"),
    ],
)
def test_anything_else_is_a_fault_that_names_key_and_value(given_: str, word: str) -> None:
    """A sidecar must not be able to make the daemon upload the host's files."""
    fault = read_value("image_list[0]", given_, SHOW)
    assert isinstance(fault, Fault)
    assert fault.key == "image_list[0]"
    assert word in fault.message
    words = given_.partition(",")[0][:20]
    assert words.replace("\\", "\\\\").replace("\0", "\\u0000") in fault.message


def test_what_names_a_clip_may_be_a_pattern_of_frames() -> None:
    """Its path is no file's."""
    found = read_clip_value("video_url", "../frames/a.####.exr", SHOW)
    assert isinstance(found, Reference)
    assert found.path == "showA/frames/a.####.exr"
    assert found.frames == Pattern(found.path, "a.", 4, ".exr")


@pytest.mark.parametrize(
    "given_", ["take#1.mov", "take #3/a.png", "https://a.example/####.png", "####/a.png"]
)
def test_a_hash_anywhere_else_is_a_letter_like_others(given_: str) -> None:
    """Artists number their takes, and a fragment is a part of an address."""
    for read in (read_value, read_clip_value):
        found = read("video_url", given_, SHOW)
        assert found is None or (isinstance(found, Reference) and found.frames is None)


@pytest.mark.parametrize(
    ("key", "declared", "allowed"),
    [
        ("image_list[0]", "video/mp4", "an image"),
        ("video_url", "image/png", "a video"),
        ("video_url", "IMAGE/PNG", "a video"),
        ("audio_urls[1]", "video/mp4", "a sound"),
        ("image_list[0]", "text/html", "an image"),
    ],
)
def test_a_data_uri_of_another_kind_is_a_fault(key: str, declared: str, allowed: str) -> None:
    """It would be sent and paid for, as a file of that kind is not."""
    fault = read_value(key, f"data:{declared};charset=utf-8;base64,aGk=", SHOW)
    message = f"is a data URI of {declared.lower()}; allowed: {allowed}"
    assert fault == Fault(key, message)


@pytest.mark.parametrize(
    ("key", "declared"),
    [
        ("image_list[0]", "image/webp"),
        ("video_url", "Video/QuickTime"),
        ("audio_urls[0]", "audio/mpeg"),
        ("video_url", "application/octet-stream"),
        ("alpha_url", "text/plain"),
    ],
)
def test_a_data_uri_that_may_be_what_is_wanted_passes(key: str, declared: str) -> None:
    """A type that says nothing, or a key that does, is no reason to refuse."""
    assert read_value(key, f"data:{declared};base64,aGk=", SHOW) is None


def test_files_are_found_at_any_depth_of_the_schema_and_nowhere_else() -> None:
    """`elements[].frontal_image_url` is a file as much as `video_url`; a prompt never is."""
    params: dict[str, Any] = {
        "prompt": "prompt.png",
        "image_list": ["a.png", "https://a.example/b.png", "../c.png"],
        "elements": [{"frontal_image_url": "f.png", "reference_image_urls": ["r.png", "/r"]}],
        "either": "e.png",
    }
    found, faults = read_references(SCHEMA, params, lambda key: RelPath(f"at/{key}"))
    assert {each.key: each.path for each in found} == {
        "image_list[0]": "at/image_list/a.png",
        "image_list[2]": "at/c.png",
        "elements[0].frontal_image_url": "at/elements/f.png",
        "elements[0].reference_image_urls[0]": "at/elements/r.png",
        "either": "at/either/e.png",
    }
    assert [fault.key for fault in faults] == ["elements[0].reference_image_urls[1]"]


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        ("image_list[0]", Kind.IMAGE),
        ("elements[0].frontal_image_url", Kind.IMAGE),
        ("first_frame", Kind.IMAGE),
        ("video_urls[1]", Kind.VIDEO),
        ("mask_video_url", Kind.VIDEO),
        ("video_cover_image", Kind.IMAGE),
        ("audio_urls[0]", Kind.SOUND),
        ("alpha_url", Kind.ANY),
        ("image.url", Kind.ANY),
    ],
)
def test_a_parameter_s_own_name_tells_what_it_takes(key: str, kind: Kind) -> None:
    """The schemas call all of them a URI; where the name says nothing, nothing is refused."""
    assert kind_of(key) is kind


def test_files_take_the_place_of_the_words_that_named_them() -> None:
    """What is submitted is the file; what nobody named stays as it is."""
    params = {"a": ["x.png", "y.png"], "b": {"c": "x.png"}, "d": 5}
    files = {"a[1]": RelPath("in/y.png"), "b.c": RelPath("in/x.png")}
    assert with_files(params, files) == {
        "a": ["x.png", MediaFile(RelPath("in/y.png"))],
        "b": {"c": MediaFile(RelPath("in/x.png"))},
        "d": 5,
    }


@given(st.text(), st.sampled_from(["", "a", "a/b/c"]))
def test_no_path_leaves_the_inbox(given_: str, folder: str) -> None:
    """Whatever is written, the path that comes of it has no way up in it."""
    found = read_value("k", given_, RelPath(folder))
    if isinstance(found, Reference):
        parts = found.path.split("/")
        assert not {"", ".", ".."} & set(parts)
        assert "\0" not in found.path
