"""The catalogue: 27 models, and faults that a person can mend."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reeldrop.domain.errors import SettingsError
from reeldrop.domain.fit import ClipLimits, ImageLimits, MediaLimits
from reeldrop.domain.spec import Fault, Model
from reeldrop.provider.catalogue import Models, open_catalogue
from reeldrop.provider.limits import limits_record

KLING = "klingai/video-o1-video-to-video-reference"
GOOD = {"prompt": "as a woodcut", "video_url": "clip.mp4"}


@pytest.fixture(scope="module")
def catalogue() -> Models:
    return open_catalogue("")


@pytest.fixture(scope="module")
def kling(catalogue: Models) -> Model:
    model = catalogue.find(KLING)
    assert model is not None
    return model


def faults(catalogue: Models, model: Model, **params: Any) -> dict[str, Fault]:
    _, found = catalogue.check(model, {**GOOD, **params})
    return {fault.key: fault for fault in found}


def test_the_package_knows_every_model_that_takes_a_video(catalogue: Models) -> None:
    """Each is data; each name in a file is the name that the API wants."""
    assert len(catalogue.names()) == 27
    for name in catalogue.names():
        model = catalogue.find(name)
        assert model is not None
        assert model.schema["properties"]["model"]["enum"] == [name]
    assert catalogue.find("klingai/none") is None


def test_a_good_spec_passes_as_it_is(catalogue: Models, kling: Model) -> None:
    """Nothing is added: parameters that nobody gave are not sent."""
    given_params = {
        **GOOD,
        "image_list": ["a.png", "https://x/b.png"],
        "elements": [{"reference_image_urls": ["a.png"], "frontal_image_url": "b.png"}],
        "duration": 10,
        "keep_audio": False,
        "provider": "KLING",
    }

    assert catalogue.check(kling, given_params) == (given_params, [])


@pytest.mark.parametrize(
    ("value", "number"), [("5", 5), (" 10 ", 10), ("5.0", 5), (5.0, 5), (10, 10)]
)
def test_numbers_may_be_given_as_strings(
    catalogue: Models, kling: Model, value: object, number: int
) -> None:
    """Forms and spreadsheets write them so."""
    params, found = catalogue.check(kling, {**GOOD, "duration": value})

    assert found == []
    assert params["duration"] == number
    assert type(params["duration"]) is int


@pytest.mark.parametrize(
    "value", [True, "true", "5s", "", "5.5", 5.5, 7, "7", None, [5], "nan", "0x5", "\u0665"]
)
def test_what_is_not_an_allowed_number_is_refused(
    catalogue: Models, kling: Model, value: object
) -> None:
    """Even true, which Python takes for 1."""
    fault = faults(catalogue, kling, duration=value)["duration"]

    assert "5, 10" in fault.message


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_numbers_that_json_has_not_are_refused(catalogue: Models, value: float) -> None:
    """Python reads NaN from a file; no API does."""
    model = catalogue.find("krea/krea-wan-14b/video-to-video")
    assert model is not None

    assert "strength" in faults(catalogue, model, strength=value)


def test_every_fault_is_told_at_once(catalogue: Models, kling: Model) -> None:
    """Whoever mends one at a time drops the clip seven times."""
    found = faults(
        catalogue,
        kling,
        prompt="p" * 2612,
        promt="x",
        duration=7,
        aspect_ratio="4:3",
        keep_audio="yes",
        image_list=["a"] * 5,
        elements=[{"frontal_image_ur": "x", "reference_image_urls": [1]}],
    )

    assert set(found) == {
        "prompt",
        "promt",
        "duration",
        "aspect_ratio",
        "keep_audio",
        "image_list",
        "elements[0].frontal_image_ur",
        "elements[0].frontal_image_url",
        "elements[0].reference_image_urls[0]",
    }
    assert "2612" in found["prompt"].message
    assert "2500" in found["prompt"].message
    assert 'did you mean "prompt"?' in found["promt"].message
    assert "7" in found["duration"].message
    assert '"16:9", "9:16", "1:1"' in found["aspect_ratio"].message
    assert "at most 4" in found["image_list"].message
    assert 'did you mean "frontal_image_url"?' in found["elements[0].frontal_image_ur"].message


@pytest.mark.parametrize("prompt", ["", "   ", "\n\t"])
def test_a_blank_prompt_is_a_fault(catalogue: Models, kling: Model, prompt: str) -> None:
    """The API would take it, and the money."""
    assert "empty" in faults(catalogue, kling, prompt=prompt)["prompt"].message


def test_missing_parameters_are_faults(catalogue: Models, kling: Model) -> None:
    """The clip's own too: the caller gives a text in its place."""
    _, found = catalogue.check(kling, {})

    assert [fault.key for fault in found] == ["prompt", "video_url"]


def test_the_content_of_a_data_uri_is_never_shown(catalogue: Models, kling: Model) -> None:
    """error.txt is for people."""
    found = faults(catalogue, kling, duration="data:video/mp4;base64," + "QUJD" * 100_000)

    assert "QUJD" not in found["duration"].message
    assert len(found["duration"].message) < 200


def test_what_belongs_into_reeldrop_is_sent_there(catalogue: Models, kling: Model) -> None:
    """The commonest wrong place for our own keys is beside the model's."""
    fault = faults(catalogue, kling, priority=3)["priority"]
    assert fault.message == 'is 3; write it inside the object "reeldrop"'


def test_another_model_than_its_own_is_refused(catalogue: Models, kling: Model) -> None:
    """`model` may be given along, but only rightly."""
    assert catalogue.check(kling, {**GOOD, "model": KLING})[1] == []
    (fault,) = catalogue.check(kling, {**GOOD, "model": "klingai/other"})[1]
    assert fault.key == "model"


@given(
    st.dictionaries(
        st.sampled_from(["prompt", "duration", "image_list", "elements", "model", "x"]) | st.text(),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
            lambda inner: (
                st.lists(inner, max_size=6) | st.dictionaries(st.text(), inner, max_size=3)
            ),
            max_leaves=10,
        ),
        max_size=5,
    )
)
def test_no_spec_makes_the_check_raise(params: dict[str, Any]) -> None:
    """A sidecar is untrusted; whatever it holds ends in faults of bounded length."""
    catalogue = open_catalogue_once()
    model = catalogue.find(KLING)
    assert model is not None

    checked, found = catalogue.check(model, params)

    assert checked.keys() == params.keys()
    assert all(len(fault.message) < 1500 and fault.message.isprintable() for fault in found)


_opened: list[Models] = []


def open_catalogue_once() -> Models:
    if not _opened:
        _opened.append(open_catalogue(""))
    return _opened[0]


# ---------------------------------------------------------------------------- the user's models


def write(folder: Path, name: str, data: object) -> None:
    (folder / name).write_text(data if isinstance(data, str) else json.dumps(data))


SCHEMA = {"type": "object", "required": ["model"], "properties": {"style": {"type": "string"}}}


def test_a_user_adds_and_replaces_models_with_files(tmp_path: Path) -> None:
    """No code, one JSON file each."""
    write(tmp_path, "mine.json", {"model": "my/own", "schema": SCHEMA})
    write(tmp_path, "kling.json", {"model": KLING, "schema": SCHEMA})
    write(tmp_path, ".hidden.json", "litter")
    write(tmp_path, "notes.txt", "no model")

    catalogue = open_catalogue(str(tmp_path))

    assert len(catalogue.names()) == 28
    replaced = catalogue.find(KLING)
    assert replaced is not None
    assert catalogue.check(replaced, {"style": "x"}) == ({"style": "x"}, [])
    assert catalogue.check(replaced, {"prompt": "x"})[1]


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        ("{", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ("[]", "one JSON object"),
        ({"schema": SCHEMA}, '"model"'),
        ({"model": " ", "schema": SCHEMA}, '"model"'),
        ({"model": "a", "schema": {}}, '"schema"'),
        ({"model": "a", "schema": {"properties": {"x": {"type": "strng"}}}}, "no JSON Schema"),
        ({"model": "a", "shema": SCHEMA}, '"shema"'),
        *(
            ({"model": "a", "schema": SCHEMA, "limits": limits}, key)
            for limits, key in (
                (None, '"limits"'),
                ({"clips": {}}, '"limits.clips"'),
                ({"clip": {"seconds": 3}}, '"limits.clip.seconds"'),
                ({"clip": {"seconds": [3]}}, '"limits.clip.seconds.1"'),
                ({"clip": {"seconds": ["3", 10]}}, '"limits.clip.seconds.0"'),
                ({"clip": {"fps": [60, 24]}}, '"fps": the least comes first'),
                ({"clip": {"side": [float("nan"), None]}}, '"limits.clip.side.0"'),
                ({"clip": {"bytes": 0}}, '"limits.clip.bytes"'),
                ({"clip": {"containers": "mp4"}}, '"limits.clip.containers"'),
                ({"image": {"formats": ["PNG!"]}}, '"limits.image.formats.0"'),
            )
        ),
    ],
)
def test_a_broken_model_names_its_file_and_fault(tmp_path: Path, data: object, fault: str) -> None:
    """The daemon does not start with half a catalogue."""
    write(tmp_path, "broken.json", data)

    with pytest.raises(SettingsError) as caught:
        open_catalogue(str(tmp_path))
    assert "broken.json" in str(caught.value)
    assert fault in str(caught.value)


def test_the_limits_of_kling_o1_are_known(catalogue: Models) -> None:
    """What is known of the upstream: a clip outside of it costs an upload and a refusal."""
    for name in (KLING, KLING.replace("reference", "edit")):
        model = catalogue.find(name)
        assert model is not None
        assert model.limits == MediaLimits(
            ClipLimits((3, 10.05), (720, 2160), (24, 60), 200_000_000, ("mp4", "mov")),
            ImageLimits((300, None), (0.4, 2.5), 10_000_000, ("png", "jpeg")),
        )


def test_a_model_of_a_user_has_the_limits_of_its_file_and_no_others(tmp_path: Path) -> None:
    """Every key may be left out, and every end may be open."""
    limits = {"clip": {"seconds": [None, 8], "codecs": ["h264"]}}
    write(tmp_path, "mine.json", {"model": "my/own", "schema": SCHEMA, "limits": limits})
    write(tmp_path, "kling.json", {"model": KLING, "schema": SCHEMA})

    catalogue = open_catalogue(str(tmp_path))

    mine, kling = catalogue.find("my/own"), catalogue.find(KLING)
    assert mine is not None
    assert kling is not None
    assert mine.limits == MediaLimits(ClipLimits(seconds=(None, 8), codecs=("h264",)))
    assert kling.limits == MediaLimits()
    assert limits_record(mine.limits) == limits


def test_two_files_for_one_model_are_refused(tmp_path: Path) -> None:
    """Which one would hold?"""
    for name in ("a.json", "b.json"):
        write(tmp_path, name, {"model": "my/own", "schema": SCHEMA})

    with pytest.raises(SettingsError, match=r"b\.json"):
        open_catalogue(str(tmp_path))


def test_a_missing_folder_is_a_settings_error(tmp_path: Path) -> None:
    """A typo in catalogue_dir must not silently mean "none"."""
    with pytest.raises(SettingsError, match="catalogue_dir"):
        open_catalogue(str(tmp_path / "none"))


def test_a_schema_cannot_make_the_daemon_fetch_another(tmp_path: Path) -> None:
    """A $ref is refused when the daemon starts, not when the first clip comes."""
    schema = {"type": "object", "properties": {"x": {"$ref": "http://127.0.0.1:1/s.json"}}}
    write(tmp_path, "a.json", {"model": "my/own", "schema": schema})

    with pytest.raises(SettingsError, match=r"a\.json"):
        open_catalogue(str(tmp_path))
