"""Documents become requests or faults, whatever is written in them."""

from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reeldrop.domain.errors import SettingsError
from reeldrop.domain.job import MediaFile, RelPath
from reeldrop.domain.path_map import PathMap, PathRule
from reeldrop.domain.spec import Document, Role
from reeldrop.engine.intake.clip import says
from reeldrop.engine.intake.spec import Spec, Specs, check_defaults
from reeldrop.provider import open_catalogue
from reeldrop.provider.catalogue import Models

CLIP = RelPath("show/a.mov")
EVERYTHING = PathMap((PathRule("/", "/"), PathRule("C:", "/srv")), ("/srv/inbox",))
"""A map that is as open as one can be."""
EDIT = "klingai/video-o1-video-to-video-edit"


@cache
def catalogue() -> Models:
    return open_catalogue("")


def sidecar(body: Any) -> Document:
    return Document(Role.SIDECAR, "show/a.json", RelPath("show"), body, "sidecar")


def preset(body: Any, folder: str = "") -> Document:
    return Document(Role.PRESET, f"{folder}/_preset.json", RelPath(folder), body, folder)


def read(*documents: Document, clip: RelPath | None = CLIP) -> Spec:
    return Specs(catalogue(), EVERYTHING).read(documents, clip)


def test_a_clip_of_which_nobody_says_anything_lacks_a_prompt() -> None:
    """No sidecar that can be read, no preset, and a [watch.defaults] without a key."""
    assert read().open == ("prompt",)


def test_a_variant_may_give_its_priority_as_a_text() -> None:
    """As the sidecar itself may."""
    variants = [{"reeldrop": {"priority": "7"}}, {"prompt": "y"}]
    spec = read(sidecar({"prompt": "x", "reeldrop": {"priority": "3", "variants": variants}}))
    assert [request.own.priority for request in spec.requests] == [7, 3]


def test_a_path_belongs_to_the_folder_of_the_document_that_gives_it() -> None:
    """A preset's picture lies beside the preset."""
    far = preset({"prompt": "x", "image_list": ["style.png"]}, "look")
    near = sidecar(
        {"elements": [{"frontal_image_url": "f.png", "reference_image_urls": ["../r.png"]}]}
    )
    spec = read(far, near)
    assert spec.problems == ()
    assert {str(reference.path) for reference, _ in spec.references} == {
        "look/style.png",
        "show/f.png",
        "r.png",
    }
    params = spec.requests[0].filled(CLIP, {RelPath("r.png"): RelPath("R.png")})
    assert params["elements"][0]["reference_image_urls"] == [MediaFile(RelPath("R.png"))]


def test_a_problem_names_the_document_it_came_from() -> None:
    """The one to mend may be a preset three folders up."""
    spec = read(preset({"duration": 7}), sidecar({"prompt": "x", "aspect_ratio": "4:3"}))
    blamed = {each.fault.key: each.document and each.document.role for each in spec.problems}
    assert blamed == {"duration": Role.PRESET, "aspect_ratio": Role.SIDECAR}


@pytest.mark.parametrize(
    ("defaults", "words"),
    [
        ({"promt": "x"}, ['watch.main.defaults.promt is "x"', "prompt"]),
        ({"duration": 7}, ["watch.main.defaults.duration is 7; allowed: 5, 10"]),
        ({"model": "klingai/nope"}, ['watch.main.defaults.model is "klingai/nope"']),
        ({"video_url": "a.mov"}, ["watch.main.defaults.video_url"]),
        ({"image_list": ["../x.png"]}, ['watch.main.defaults.image_list[0] is "../x.png"']),
        ({"reeldrop": {"nmae": 1}}, ["watch.main.defaults.reeldrop.nmae"]),
        ({"reeldrop": 5}, ["watch.main.defaults.reeldrop is 5"]),
        ({"duration": 7, "aspect_ratio": "1"}, ["defaults.duration", "defaults.aspect_ratio"]),
    ],
)
def test_wrong_defaults_are_wrong_settings(defaults: dict[str, Any], words: list[str]) -> None:
    """They would pause every drop of the watch; who sets them sees the start, not the folder."""
    with pytest.raises(SettingsError) as refused:
        check_defaults("main", defaults, catalogue())
    assert [word for word in words if word not in refused.value.message] == []


@pytest.mark.parametrize(
    "defaults", [{}, {"model": EDIT}, {"duration": "5"}, {"image_list": ["https://a.example/i"]}]
)
def test_defaults_may_leave_parameters_open(defaults: dict[str, Any]) -> None:
    """The prompt is for the sidecar to give."""
    check_defaults("main", defaults, catalogue())


def test_only_a_sidecar_names_its_clip() -> None:
    """One preset would name the same clip for all."""
    spec = read(preset({"video_url": "a.mov"}), sidecar({"prompt": "x"}))
    assert [each.fault.key for each in spec.problems] == ["video_url"]


def test_what_the_model_does_not_take_is_refused_with_the_models_own_keys() -> None:
    """The edit model has no duration."""
    spec = read(sidecar({"prompt": "x", "model": EDIT, "duration": 5}))
    assert [each.fault.key for each in spec.problems] == ["duration"]


def test_variants_may_name_models_of_their_own() -> None:
    """Comparing two models on one clip is what variants are for."""
    body = {"prompt": "x", "reeldrop": {"variants": [{"model": EDIT}, {"duration": 10}]}}
    spec = read(sidecar(body))
    assert [request.model for request in spec.requests] == [
        EDIT,
        "klingai/video-o1-video-to-video-reference",
    ]
    assert spec.requests[0].params.keys() == {"prompt", "video_url"}


def test_what_is_wrong_with_all_variants_is_told_once() -> None:
    """Fifty lines of the same help nobody."""
    spec = read(sidecar({"promt": "x", "reeldrop": {"variants": [{"duration": 5}] * 50}}))
    assert [each.fault.key for each in spec.problems] == ["prompt", "promt"]


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**62), 2**62)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=12)
    | st.sampled_from(
        [
            "a.mov",
            "../x.png",
            "../../x",
            "/x",
            "https://a.example/v.mp4",
            "data:image/png;base64,aGk=",
            "#",
            "a.json",
            EDIT,
        ]
    ),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["frontal_image_url", "reference_image_urls", "reeldrop", "prompt", "name", "x"]
            ),
            inner,
            max_size=3,
        )
    ),
    max_leaves=8,
)
KEYS = st.sampled_from(
    [
        "prompt",
        "model",
        "video_url",
        "video_urls",
        "image_list",
        "elements",
        "duration",
        "reeldrop",
        "$schema",
    ]
) | st.text(max_size=6)
BODIES = st.dictionaries(KEYS, VALUES, max_size=5)
OWN = st.fixed_dictionaries(
    {},
    optional={
        "reeldrop": st.dictionaries(
            st.sampled_from(["name", "priority", "labels", "variants", "ticket", "fps"]),
            VALUES,
            max_size=4,
        )
    },
)
MODELS = st.sampled_from(["alibaba/wan-2-6-r2v", "minimax/h3", EDIT])


@settings(deadline=None)
@given(BODIES, BODIES, OWN, st.none() | MODELS, st.none() | st.just(CLIP))
def test_hostile_documents_raise_nothing_and_read_nothing_outside(
    far: dict[str, Any],
    near: dict[str, Any],
    own: dict[str, Any],
    model: str | None,
    clip: RelPath | None,
) -> None:
    """What anybody may drop makes a request inside the inbox, or faults."""
    body = {**near, **own, **({"model": model} if model else {})}
    document = sidecar(body)
    says(document, frozenset({"mov"}), EVERYTHING)
    spec = read(preset(far), document, clip=clip)
    assert spec.requests or spec.problems
    for reference, _ in spec.references:
        assert ".." not in reference.path.split("/")
        assert not reference.path.startswith("/")
    assert all(problem.text("show/a.json") for problem in spec.problems)
    for request in spec.requests if not spec.problems else ():
        request.filled(clip, {})
