"""The `reeldrop` object."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reeldrop.domain.own import Own, read_own

BAD: list[tuple[dict[str, Any], str, list[str]]] = [
    ({"priority": "high"}, "reeldrop.priority", ['"high"', "-1000 to 1000"]),
    ({"priority": 1.5}, "reeldrop.priority", ["1.5"]),
    ({"priority": True}, "reeldrop.priority", ["true"]),
    ({"priority": 1001}, "reeldrop.priority", ["1001", "1000"]),
    ({"upload": "ftp"}, "reeldrop.upload", ['"ftp"', '"auto", "data_uri"']),
    ({"upload": "by_pigeon"}, "reeldrop.upload", ['"by_pigeon"', '"signed_url"']),
    ({"upload": ["auto"]}, "reeldrop.upload", ['["auto"]']),
    ({"name": ""}, "reeldrop.name", ['""']),
    ({"name": ".."}, "reeldrop.name", ['".."']),
    ({"name": "../x"}, "reeldrop.name", ["../x"]),
    ({"name": "a/b"}, "reeldrop.name", ["a/b"]),
    ({"name": "a\\b"}, "reeldrop.name", ["\\"]),
    ({"name": "a\nb"}, "reeldrop.name", ["\\n"]),
    ({"name": ".reeldrop"}, "reeldrop.name", [".reeldrop"]),
    ({"name": "end."}, "reeldrop.name", ["end."]),
    ({"name": "ö" * 101}, "reeldrop.name", ["200 bytes"]),
    ({"name": 7}, "reeldrop.name", ["7"]),
    ({"labels": "x"}, "reeldrop.labels", ['"x"', "object"]),
    ({"labels": {"shot": {"deep": 1}}}, "reeldrop.labels.shot", ["an object"]),
    ({"ticket": ""}, "reeldrop.ticket", ['""', "128"]),
    ({"ticket": "x" * 129}, "reeldrop.ticket", ["128"]),
    ({"variants": {}}, "reeldrop.variants", ["an object", "50"]),
    ({"variants": []}, "reeldrop.variants", ["[]"]),
    ({"variants": [{}] * 51}, "reeldrop.variants", ["50"]),
    ({"variants": ["x"]}, "reeldrop.variants[0]", ['"x"']),
    ({"variants": [{}, {"reeldrop": 5}]}, "reeldrop.variants[1].reeldrop", ["5"]),
    (
        {"variants": [{"reeldrop": {"upload": "auto"}}]},
        "reeldrop.variants[0].reeldrop.upload",
        ["auto", "name"],
    ),
    ({"fps": 0}, "reeldrop.fps", ["is 0;", "over 0, up to 240"]),
    ({"fps": 241}, "reeldrop.fps", ["241"]),
    ({"fps": "fast"}, "reeldrop.fps", ['"fast"']),
    ({"fps": "nan"}, "reeldrop.fps", ['"nan"']),
    ({"fps": True}, "reeldrop.fps", ["true"]),
    ({"fps": 10**400}, "reeldrop.fps", ["more than 60 digits"]),
    ({"variants": [{"reeldrop": {"fps": 24}}]}, "reeldrop.variants[0].reeldrop.fps", ["24"]),
    ({"nmae": "x"}, "reeldrop.nmae", ['"x"', '"name"']),
    ({"output": "/etc"}, "reeldrop.output", ["/etc", "labels"]),
]


@pytest.mark.parametrize(("given_", "key", "words"), BAD)
def test_a_wrong_key_is_a_fault_that_names_key_value_and_what_is_allowed(
    given_: dict[str, Any], key: str, words: list[str]
) -> None:
    """It is refused before anything is paid, and the message is all that the user gets."""
    _, faults = read_own(given_)
    assert [fault.key for fault in faults] == [key]
    assert [word for word in words if word not in faults[0].message] == []


def test_all_faults_are_told_at_once_and_what_is_right_is_kept() -> None:
    """A ticket must be known even of a drop that is refused: somebody waits for it."""
    own, faults = read_own({"ticket": "t1", "priority": "x", "nmae": 1, "labels": {"a": 1}})
    assert {fault.key for fault in faults} == {"reeldrop.priority", "reeldrop.nmae"}
    assert own == Own(ticket="t1", labels={"a": 1})


def test_a_variant_that_is_no_object_does_not_hide_the_others() -> None:
    """The others keep their numbers, so that what is wrong with them is told under the right one."""
    own, faults = read_own({"variants": ["x", {"duration": 7}]})
    assert [fault.key for fault in faults] == ["reeldrop.variants[0]"]
    assert own.variants == ({}, {"duration": 7})
    assert read_own({"variants": [{}] * 51})[0].variants == ()


@pytest.mark.parametrize("given_", [23.976, "23.976", " 23.976 "])
def test_a_rate_may_be_given_as_a_text(given_: Any) -> None:
    """As every number may."""
    assert read_own({"fps": given_}) == (Own(fps=23.976), [])


@pytest.mark.parametrize("way", ["auto", "data_uri", "signed_url"])
def test_every_way_to_send_may_be_asked_for(way: str) -> None:
    """An "auto" that is written stands over what the watch says: it is not the same as nothing."""
    assert read_own({"upload": way}) == (Own(upload=way), [])
    assert Own().upload == ""


def test_a_good_object_is_taken_as_it_is() -> None:
    """These are the keys of the contract."""
    given_: dict[str, Any] = {
        "name": "Shot 1",
        "priority": -5,
        "upload": "data_uri",
        "labels": {"a": 1.5, "b": True},
    }
    own, faults = read_own({**given_, "variants": [{"prompt": "x", "reeldrop": {"name": "y"}}]})
    assert faults == []
    assert own == Own(**given_, variants=({"prompt": "x", "reeldrop": {"name": "y"}},))


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)


@pytest.mark.parametrize("given", ["5", " 5", 5.0, "5.0"])
def test_a_priority_that_is_given_as_a_text_is_a_number(given: Any) -> None:
    """Scripts and spreadsheets write numbers as texts."""
    own, faults = read_own({"priority": given})
    assert (own.priority, faults) == (5, [])
    assert isinstance(own.priority, int)


KEYS = st.sampled_from(["name", "priority", "upload", "labels", "variants", "ticket", "fps", "x"])


@given(st.dictionaries(KEYS, VALUES, max_size=5))
def test_no_value_raises(value: dict[str, Any]) -> None:
    """Hostile content makes faults, never an error."""
    own, _ = read_own(value)
    assert isinstance(own, Own)
