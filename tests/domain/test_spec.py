"""Presets and sidecar merged into one spec."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reeldrop.domain.job import RelPath
from reeldrop.domain.spec import (
    Document,
    Model,
    Role,
    clip_parameter,
    merge,
    nearest,
    open_parameters,
    shown,
)


def document(body: dict[str, Any], name: str = "a.json", folder: str = "") -> Document:
    return Document(Role.SIDECAR, name, RelPath(folder), body)


def test_the_nearer_document_wins_key_by_key_and_is_remembered() -> None:
    """A path in a preset is relative to the preset, the same key in a sidecar to the sidecar."""
    far = document({"prompt": "far", "image_list": ["x.png"]}, "_preset.json")
    near = document({"prompt": "near"}, "showA/a.json", "showA")
    merged = merge([far, near])
    assert merged.params == {"prompt": "near", "image_list": ["x.png"]}
    assert merged.origin("prompt") is near
    assert merged.origin("image_list[0]") is far
    assert merged.origin("duration") is None


def test_the_reeldrop_objects_are_merged_key_by_key_too() -> None:
    """A sidecar that gives a name must not lose the preset's priority."""
    far = document({"reeldrop": {"priority": 5, "labels": {"a": 1}}}, "_preset.json")
    near = document({"reeldrop": {"name": "x", "labels": {"b": 2}}})
    merged = merge([far, near])
    assert merged.own == {"priority": 5, "name": "x", "labels": {"b": 2}}
    assert merged.origin("reeldrop.priority") is far
    assert merged.origin("reeldrop.labels.b") is near


def test_a_reeldrop_that_is_no_object_is_kept_for_the_checks() -> None:
    """It must be refused, not forgotten."""
    near = document({"reeldrop": "fast"})
    assert merge([near]).params == {"reeldrop": "fast"}
    assert merge([near]).origin("reeldrop") is near


def test_schema_is_ignored() -> None:
    """Editors write it into the file."""
    assert merge([document({"$schema": "https://x", "prompt": "p"})]).params == {"prompt": "p"}


BODIES = st.lists(
    st.dictionaries(
        st.sampled_from(["prompt", "duration", "image_list", "seed"]), st.integers(), max_size=4
    ),
    max_size=5,
)


@given(BODIES)
def test_merging_is_what_laying_dictionaries_over_each_other_is(
    bodies: list[dict[str, Any]],
) -> None:
    """Each key has the value of the nearest document that gives it."""
    expected: dict[str, Any] = {}
    for body in bodies:
        expected |= body
    assert merge([document(body) for body in bodies]).params == expected


@given(BODIES, st.integers(0, 5))
def test_merging_in_parts_gives_the_same(bodies: list[dict[str, Any]], cut: int) -> None:
    """How many folders the presets are spread over makes no difference."""
    documents = [document(body) for body in bodies]
    first = document(dict(merge(documents[:cut]).params))
    assert merge([first, *documents[cut:]]).params == merge(documents).params


@pytest.mark.parametrize(
    ("properties", "key"),
    [
        ({"video_url": {}, "video_urls": {}}, "video_url"),
        ({"prompt": {}, "video_urls": {}}, "video_urls"),
        ({"prompt": {}}, None),
    ],
)
def test_the_clip_goes_into_video_url_else_first_into_video_urls(
    properties: dict[str, Any], key: str | None
) -> None:
    """Models of the API take the video under either name."""
    assert clip_parameter(Model("m", {"properties": properties})) == key


def test_open_parameters_are_those_required_ones_that_nobody_gave() -> None:
    """They decide whether a clip waits for a sidecar."""
    schema = {
        "required": ["model", "prompt", "video_url", "image_url"],
        "properties": {"video_url": {}},
    }
    assert open_parameters(Model("m", schema), {"image_url": "x"}) == ("prompt",)


def test_the_nearest_name_is_offered_whatever_its_case() -> None:
    """A slip of the finger is the commonest fault."""
    assert "prompt" in nearest("Promt", ["prompt", "duration"])
    assert nearest("zzz", ["prompt", "duration"]) == "Valid here: duration, prompt."


def test_long_values_are_cut_in_messages() -> None:
    """An error text of a megabyte helps nobody."""
    assert len(shown("x" * 1000)) == 80
