"""The schema of a sidecar, as an editor would use it."""

from typing import Any

import pytest
from jsonschema import Draft202012Validator

from reeldrop.domain.own import KEYS, VARIANT_KEYS
from reeldrop.provider.catalogue import Models, open_catalogue
from reeldrop.provider.sidecar import sidecar_schema

KLING = "klingai/video-o1-video-to-video-reference"


@pytest.fixture(scope="module")
def catalogue() -> Models:
    return open_catalogue("")


def validator(catalogue: Models, name: str = KLING) -> Draft202012Validator:
    model = catalogue.find(name)
    assert model is not None
    return Draft202012Validator(sidecar_schema(model))


def test_every_model_gives_a_valid_schema(catalogue: Models) -> None:
    """Editors are silent about a broken schema, and then check nothing."""
    for name in catalogue.names():
        Draft202012Validator.check_schema(validator(catalogue, name).schema)
        # An empty sidecar: presets may give everything.
        assert validator(catalogue, name).is_valid({})


def test_defaults_have_the_type_of_their_parameter(catalogue: Models) -> None:
    """Published defaults are often numbers in quotes; an editor would insert them so."""
    for name in catalogue.names():
        model = catalogue.find(name)
        assert model is not None
        for rule in sidecar_schema(model)["$defs"]["parameters"].values():
            if "default" in rule:
                assert Draft202012Validator({"type": rule["type"]}).is_valid(rule["default"])


@pytest.mark.parametrize(
    "sidecar",
    [
        {"$schema": "./s.json", "prompt": "x", "duration": 10, "keep_audio": True},
        {"video_url": "plates/a.mov", "image_list": ["../no.png"]},
        {"video_url": "frames/####.exr", "reeldrop": {"fps": 23.976}},
        {"video_url": "frames/####.exr", "reeldrop": {"fps": "24"}},
        {"reeldrop": {"name": "a", "priority": 3, "upload": "auto", "labels": {"shot": 10}}},
        {"reeldrop": {"variants": [{"prompt": "a"}, {"duration": 5, "reeldrop": {"name": "b"}}]}},
        {"reeldrop": {"ticket": "t", "upload": "data_uri"}},
    ],
)
def test_what_a_user_may_write_is_valid(catalogue: Models, sidecar: dict[str, Any]) -> None:
    """Paths stand for URLs, and our own object beside the model's keys."""
    assert list(validator(catalogue).iter_errors(sidecar)) == []


def test_an_editor_knows_the_same_keys_of_ours_as_the_daemon(catalogue: Models) -> None:
    """What is completed and then refused would be a trap."""
    model = catalogue.find(KLING)
    assert model is not None
    schema = sidecar_schema(model)
    assert schema["properties"]["reeldrop"]["properties"].keys() == KEYS
    override = schema["$defs"]["variant"]["properties"]["reeldrop"]
    assert override["properties"].keys() == VARIANT_KEYS


@pytest.mark.parametrize(
    "sidecar",
    [
        {"promt": "x"},
        {"duration": 7},
        {"elements": [{"frontal_image_url": "a", "reference_image_urls": ["b"], "x": 1}]},
        {"reeldrop": {"prio": 3}},
        {"reeldrop": {"labels": {"a": {"b": 1}}}},
        {"reeldrop": {"name": "a/b"}},
        {"reeldrop": {"upload": "by_pigeon"}},
        {"reeldrop": {"fps": 0}},
        {"reeldrop": {"fps": "fast"}},
        {"reeldrop": {"variants": [{"reeldrop": {"fps": 24}}]}},
        {"reeldrop": {"variants": [{"promt": "x"}]}},
    ],
)
def test_what_the_daemon_would_refuse_is_marked(catalogue: Models, sidecar: dict[str, Any]) -> None:
    """The mistake is cheapest while it is typed."""
    assert not validator(catalogue).is_valid(sidecar)
