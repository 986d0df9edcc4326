"""Which files of a scan belong together."""

import unicodedata
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reeldrop.domain.drop import Clash, Drop, Files, Finder, Says, pair, preset_chain, sort_files
from reeldrop.domain.job import RelPath

EXTENSIONS = frozenset({"mov", "mp4", "mkv"})


def files(*paths: str) -> Files:
    return sort_files((RelPath(path) for path in paths), EXTENSIONS)


def paired(
    *paths: str, **says: Says
) -> tuple[set[tuple[str | None, str | None, str]], list[Clash]]:
    words = {RelPath(f"{name.replace('__', '/')}.json"): word for name, word in says.items()}
    drops, clashes = pair(files(*paths), words)
    return {(drop.clip, drop.sidecar, drop.wants) for drop in drops}, clashes


@pytest.mark.parametrize(
    ("clip", "sidecar"),
    [
        ("a.mov", "a.json"),
        ("a.mov", "a.mov.json"),
        ("A.MOV", "A.JSON"),
        ("A.Mov", "a.json"),
        ("a.mov", "A.MOV.json"),
        ("show/a.b.mov", "show/a.b.json"),
        (unicodedata.normalize("NFD", "Schön.MOV"), unicodedata.normalize("NFC", "schön.json")),
        ("STRASSE.mov", "straße.json"),
        ("\udcff.mov", "\udcff.json"),
    ],
)
def test_a_sidecar_goes_by_the_stem_or_the_whole_name(clip: str, sidecar: str) -> None:
    """Both forms are in use, and shares change case and Unicode form of names."""
    assert paired(clip, sidecar) == ({(clip, sidecar, "")}, [])


def test_exact_names_pair_before_folded_ones() -> None:
    """On a case-sensitive disk `A.mov` and `a.mov` are two clips with two sidecars."""
    found, clashes = paired("A.mov", "a.mov", "A.json", "a.json")
    assert found == {("A.mov", "A.json", ""), ("a.mov", "a.json", "")}
    assert clashes == []


def test_files_of_other_folders_do_not_pair() -> None:
    """`shot010` exists in every show."""
    found, _ = paired("x/a.mov", "y/a.json")
    assert found == {("x/a.mov", None, "sidecar a.json"), (None, "y/a.json", "clip a")}


@pytest.mark.parametrize(
    "paths",
    [
        ("a.mov", "a.json", "a.mov.json"),
        ("a.mov", "a.mp4", "a.json"),
        ("a.mov", "a.mp4", "a.json", "a.mov.json"),
        ("A.mov", "a.JSON", "a.json"),
        ("a.mov", "a.mov.mp4", "a.mov.json"),
    ],
)
def test_what_could_pair_in_two_ways_is_a_clash_of_all_its_files(paths: tuple[str, ...]) -> None:
    """Guessing would pay for the wrong one."""
    found, clashes = paired(*paths)
    assert found == set()
    assert [set(clash.files) for clash in clashes] == [set(paths)]
    assert all(name in clashes[0].reason for name in paths)


def test_two_clips_of_one_stem_each_with_its_own_sidecar_are_two_drops() -> None:
    """The whole name tells them apart."""
    found, clashes = paired("a.mov", "a.mp4", "a.mov.json", "a.mp4.json")
    assert found == {("a.mov", "a.mov.json", ""), ("a.mp4", "a.mp4.json", "")}
    assert clashes == []


def test_a_waiting_clip_says_which_sidecar_would_not_be_ambiguous() -> None:
    """What is written on the status page must work when it is done."""
    found, _ = paired("a.mov", "b.mov", "b.mp4")
    assert {wants for _, _, wants in found} == {
        "sidecar a.json",
        "sidecar b.mov.json",
        "sidecar b.mp4.json",
    }


def test_a_sidecar_that_names_its_clip_has_it_alone() -> None:
    """The clip's own name does not matter then."""
    says = Says(RelPath("plates/a.mov"))
    found, clashes = paired("plates/a.mov", "plates/a.json", "x.json", x=says)
    assert found == {("plates/a.mov", "x.json", ""), (None, "plates/a.json", "clip a")}
    assert clashes == []


def test_a_named_clip_is_found_whatever_its_case() -> None:
    """Like names that pair."""
    found, _ = paired("Plates/A.MOV", "x.json", x=Says(RelPath("plates/a.mov")))
    assert found == {("Plates/A.MOV", "x.json", "")}


def test_two_sidecars_that_name_one_clip_are_a_clash() -> None:
    """Each would pay for it."""
    says = Says(RelPath("a.mov"))
    found, clashes = paired("a.mov", "x.json", "y.json", x=says, y=says)
    assert found == set()
    assert [set(clash.files) for clash in clashes] == [{"a.mov", "x.json", "y.json"}]


def test_a_sidecar_waits_for_the_clip_that_it_names() -> None:
    """Not for one of its own name."""
    found, _ = paired("x.mov", "x.json", x=Says(RelPath("plates/a.mov")))
    assert found == {(None, "x.json", "clip plates/a.mov"), ("x.mov", None, "sidecar x.mov.json")}


def test_a_sidecar_with_a_url_needs_no_clip() -> None:
    """Its video lies elsewhere."""
    found, _ = paired("x.json", x=Says(remote=True))
    assert found == {(None, "x.json", "")}


def test_a_list_of_videos_names_the_clip_only_where_none_goes_by_name() -> None:
    """The clip beside the sidecar comes first by itself."""
    says = Says(RelPath("b.mkv"), firm=False)
    assert paired("a.mov", "a.json", a=says)[0] == {("a.mov", "a.json", "")}
    assert paired("b.mkv", "a.json", a=says)[0] == {("b.mkv", "a.json", "")}
    assert paired("c.mov", "c.json", c=Says(remote=True, firm=False))[0] == {
        ("c.mov", "c.json", "")
    }


def test_presets_are_neither_sidecars_nor_clips() -> None:
    """A preset may lie beside a clip called `_preset.mov`."""
    found, _ = paired("_preset.mov", "_preset.json", "show/_Preset.JSON")
    assert found == {("_preset.mov", None, "sidecar _preset.mov.json")}


def test_presets_hold_for_all_folders_below_theirs() -> None:
    """The nearest comes last, so that it wins."""
    presets = files("_preset.json", "a/b/_preset.json", "x/_preset.json").presets
    assert preset_chain(presets, RelPath("a/b/c")) == ("_preset.json", "a/b/_preset.json")
    assert preset_chain(presets, RelPath("")) == ("_preset.json",)


def test_a_path_that_could_mean_two_files_means_none() -> None:
    """Unless it is written as one of them is."""
    finder = Finder({RelPath("a/B.png"), RelPath("A/b.png"), RelPath("x.png")})
    assert finder.find(RelPath("a/b.png")) is None
    assert finder.find(RelPath("a/B.png")) == "a/B.png"
    assert finder.find(RelPath("X.PNG")) == "x.png"


NAMES = st.lists(
    st.builds(
        "{}{}{}".format,
        st.sampled_from(["", "s/", "S/"]),
        st.sampled_from(["a", "A", "b", "a.mov", "_preset", "é", "é"]),
        st.sampled_from([".mov", ".MOV", ".mp4", ".json", ".JSON", ".mov.json", ".png"]),
    ),
    unique=True,
    max_size=12,
)
WORDS = st.dictionaries(
    st.integers(0, 11),
    st.builds(
        Says,
        st.none() | NAMES.filter(bool).map(lambda names: RelPath(names[0])),
        st.booleans(),
        st.booleans(),
    ),
    max_size=4,
)


@given(NAMES, WORDS)
def test_every_clip_and_sidecar_is_in_exactly_one_place(
    names: list[str], words: dict[int, Says]
) -> None:
    """Nothing is forgotten, and nothing is taken twice, whatever lies in the inbox."""
    sorted_ = files(*names)
    says = {sorted_.sidecars[at]: word for at, word in words.items() if at < len(sorted_.sidecars)}
    drops, clashes = pair(sorted_, says)
    placed = [path for each in [*drops, *clashes] for path in each.files]
    assert len(placed) == len(set(placed))
    assert {*sorted_.clips, *sorted_.sidecars} <= set(placed)
    assert all(_wants_something(drop) for drop in drops)


def _wants_something(drop: Drop) -> bool:
    return bool(drop.wants) or drop.sidecar is not None


@given(
    st.permutations(
        ["a.mov", "a.json", "B.mov", "b.JSON", "c.mov", "c.mp4", "c.json", "d.json", "x.json", "y.json", "z.mov"]
    )
)  # fmt: skip
def test_the_order_of_a_scan_makes_no_difference(paths: list[str]) -> None:
    """Directories list their files as they like."""
    z = Says(RelPath("z.mov"))
    drops, clashes = pair(files(*paths), {RelPath("x.json"): z, RelPath("y.json"): z})
    assert _as_sets(drops) == {
        frozenset({"a.mov", "a.json"}),
        frozenset({"B.mov", "b.JSON"}),
        frozenset({"d.json"}),
    }
    assert {clash.files: clash.reason for clash in clashes} == {
        ("c.mov", "c.mp4", "c.json"): "c.json could belong to c.mov and c.mp4",
        ("z.mov", "x.json", "y.json"): "x.json and y.json both name the clip z.mov",
    }


def _as_sets(found: Iterable[Drop | Clash]) -> set[frozenset[str]]:
    return {frozenset(each.files) for each in found}


def test_five_thousand_drops_are_paired_in_a_moment() -> None:
    """The work must grow with the number of files, not with its square."""
    paths = [f"s/{n:05}.{kind}" for n in range(5000) for kind in ("mov", "json")]
    drops, _ = pair(files(*paths), {})
    assert len(drops) == 5000
