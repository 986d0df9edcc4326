"""Presets and sidecar merged into one spec."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reeldrop.domain.job import RelPath
from reeldrop.domain.spec import (
    Document,
    Fault,
    Model,
    Role,
    clip_parameter,
    merge,
    nearest,
    no_such_key,
    no_such_model,
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
    assert not nearest("zzz", ["prompt", "duration"])


def test_a_key_like_no_other_is_told_the_right_ones() -> None:
    """They are few; a guess that is nothing like it would only puzzle."""
    assert no_such_key("zzz", 3, ["prompt", "duration"]) == (
        "is 3, but there is no such key; known here: duration, prompt"
    )


def test_several_near_names_are_offered_in_one_question() -> None:
    """The names of models are alike."""
    assert nearest("v", ["va", "vb", "vc", "vd"], 3) == 'did you mean "va", "vb" or "vc"?'


@pytest.mark.parametrize(
    ("name", "advice"),
    [("acme/blu", 'did you mean "acme/blue"?'), ("zzz", "see `reeldrop models`"), (7, "see")],
)
def test_a_model_like_no_other_is_not_answered_with_the_whole_catalogue(
    name: object, advice: str
) -> None:
    """Thirty names in one line are read by nobody."""
    said = no_such_model(name, ["acme/blue", "other/red"])
    assert said.startswith(f"is {shown(name)}, but there is no such model; {advice}")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a\n\u2028b", '"a\\n\\u2028b"'),
        ("x" * 1000, f'"{"x" * 59}…"'),
        ("data:image/png;base64," + "QUJD" * 100, '"data:image/png;base64,…" (422 characters)'),
        (["a.png", 5, None], '["a.png", 5, null]'),
        ([["a"], {}], "a list of 2"),
        (["x" * 80], "a list of 1"),
        ({"a": 1}, "an object"),
        (True, "true"),
        (1.5, "1.5"),
        (10**100, "a number of more than 60 digits"),
    ],
)
def test_a_value_is_shown_on_one_short_line(value: object, text: str) -> None:
    """An error text of a megabyte helps nobody, and nobody reads what a data URI holds."""
    assert shown(value) == text


@pytest.mark.parametrize(
    ("fault", "line"),
    [
        (Fault("duration", "is 7; allowed: 5, 10"), "a.json: duration is 7; allowed: 5, 10."),
        (Fault("x", 'did you mean "y"?'), 'a.json: x did you mean "y"?'),
        (Fault("", "is not UTF-8 text", "Save it so."), "a.json is not UTF-8 text. Save it so."),
    ],
)
def test_a_fault_is_told_in_one_line(fault: Fault, line: str) -> None:
    """All of a sidecar's faults stand below one another in error.txt, in one style."""
    assert fault.told("a.json") == line
    assert Fault("k", "is 1").told() == "k is 1."
