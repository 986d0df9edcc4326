"""Numbered frames: what a pattern names, what is missing of it, when no more will come."""

import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reeldrop.domain.drop import Clash, Drop, Says, pair, sort_files
from reeldrop.domain.fit import Fit
from reeldrop.domain.frames import (
    MOST,
    Finder,
    Pattern,
    clip_of,
    fewest,
    frames_of,
    gaps_in,
    is_pattern,
    lacking,
    missing,
    patience,
    read_pattern,
)
from reeldrop.domain.job import Claim, ClaimedFile, Job, JobId, MediaFacts, RelPath
from reeldrop.domain.sameness import digests_of

MINUTE = 60.0


def pattern(path: str) -> Pattern:
    return read_pattern(RelPath(path))


def found(path: str, *files: str) -> dict[int, str]:
    return dict(Finder(RelPath(each) for each in files).find(pattern(path)))


def drops(*paths: str, **patterns: str) -> tuple[list[Drop], list[Clash]]:
    says = {RelPath(f"{name}.json"): Says(frames=pattern(of)) for name, of in patterns.items()}
    return pair(sort_files(map(RelPath, paths), {"mov"}), says)


@pytest.mark.parametrize(
    ("path", "is_one"),
    [
        ("f/####.exr", True),
        ("f/#.PNG", True),
        ("#_a.jpeg", True),
        ("take#1.mov", False),
        ("####.tif", False),
        ("take #3/0001.png", False),
        ("f/0001.png", False),
    ],
)
def test_a_pattern_is_the_name_of_an_image_with_a_run_of_hashes(path: str, is_one: bool) -> None:
    """A film may well be called `take#1.mov`, and a folder `shot #3`."""
    assert is_pattern(path) is is_one


@pytest.mark.parametrize(
    ("path", "problem"), [("a#b##.png", "more than one run"), ("##########.png", "more than 9")]
)
def test_more_than_one_run_or_a_very_long_one_says_nothing(path: str, problem: str) -> None:
    """Two numbers could be meant."""
    with pytest.raises(ValueError, match=problem):
        pattern(path)


@pytest.mark.parametrize(
    ("path", "files", "numbers"),
    [
        ("f/####.png", ["f/0001.png", "f/0012.png", "f/10000.png"], [1, 12, 10000]),
        ("f/####.png", ["f/001.png", "f/00001.png", "f/a001.png", "f/0001.exr", "g/0001.png"], []),
        ("#.png", ["1.png", "10.png", "01.png", "0.png", "-1.png"], [0, 1, 10]),
        ("s01.##_v2.jpg", ["s01.07_v2.jpg", "s01x07_v2.jpg", "s01.07_v3.jpg"], [7]),
        ("v1####.exr", ["v10001.exr", "v1001.exr"], [1]),
        ("####.png", ["١٢٣٤.png"], []),
    ],
)
def test_so_many_hashes_are_at_least_so_many_digits(
    path: str, files: list[str], numbers: list[int]
) -> None:
    """One number has one name, and no letter of the pattern is a wildcard."""
    assert list(found(path, *files)) == numbers


def test_names_are_compared_as_they_are_and_then_folded() -> None:
    """Shares change case and Unicode form, folders included."""
    assert found("Frames/A_##.PNG", "frames/a_01.png") == {1: "frames/a_01.png"}
    assert found("f/A_##.png", "f/a_01.png", "f/A_01.png") == {1: "f/A_01.png"}
    assert found("f/A_##.png", "f/A_01.png", "f/a_02.png") == {1: "f/A_01.png", 2: "f/a_02.png"}
    decomposed = unicodedata.normalize("NFD", "Schön_01.png")
    assert found("schön_##.png", decomposed) == {1: decomposed}
    assert found("f/A_##.png", "f/a_01.png", "f/a_01.PNG") == {}
    assert found("F/##.png", "f/01.png", "FF/01.png") == {1: "f/01.png"}


@given(st.sets(st.integers(0, 10**7), min_size=1, max_size=30), st.integers(1, 9))
def test_every_frame_is_found_by_the_name_that_its_pattern_gives_it(
    numbers: set[int], digits: int
) -> None:
    """In the order of the numbers, whatever the order of the files."""
    wanted = pattern(f"f/a{'#' * digits}.png")
    files = {number: wanted.frame(number) for number in numbers}
    assert list(Finder(files.values()).find(wanted).items()) == sorted(files.items())


def test_what_is_missing_is_named_in_ranges() -> None:
    """Also between numbers that are far apart."""
    gaps = gaps_in([1001, 1003, 1007, 1008, 10**9])
    assert gaps == ((1002, 1002), (1004, 1006), (1009, 10**9 - 1))
    assert missing(pattern("f/####.exr"), gaps[:2]) == "f/1002.exr, f/1004.exr to 1006.exr"
    many = [(number, number) for number in range(2, 12, 2)]
    assert missing(pattern("#.png"), many) == "2.png, 4.png, 6.png and 2 more"
    assert gaps_in([5]) == gaps_in([]) == ()


def test_the_fewest_frames_are_what_the_shortest_clip_has() -> None:
    """Rounding of a rate must not ask for one more."""
    assert fewest(3.0, 24.0) == 72
    assert fewest(3.0, 23.976) == 72
    assert fewest(3.0, 29.97) == 90
    assert fewest(0.1 * 3, 10.0) == 3
    assert fewest(None, 24.0) == fewest(0.0, 0.0) == 2


def test_a_slow_renderer_is_waited_for_by_the_pauses_that_were_seen() -> None:
    """One frame a minute: three minutes without one are the end."""
    assert patience([0.0, 60.0, 115.0], [0.0], 0.0) == 3 * MINUTE
    assert patience([7.0], [7.0], 0.0) == 0.0


def test_what_nobody_was_there_to_see_is_told_by_the_files_as_far_as_they_are_new() -> None:
    """A renderer that was at work over a restart; but not a copy of what was rendered last week."""
    written = [1000.0 + MINUTE * number for number in range(100)]
    assert patience([5.0] * 100, written, 20.0) == 3 * MINUTE - 20.0
    assert patience([5.0] * 100, written, 7 * 86_400.0) <= 0.0
    # A clock of another host may be ahead.
    assert patience([5.0] * 100, written, -3600.0) == 3 * MINUTE


def test_one_frame_that_was_made_anew_days_later_says_nothing_of_the_pace() -> None:
    """Single frames are mended all the time."""
    written = [1000.0 + number for number in range(100)] + [900_000.0]
    assert patience([5.0] * 101, written, 0.0) == 3.0


def test_the_frames_that_a_sidecar_names_are_its_drop_in_their_order() -> None:
    """A film of the sidecar's own name is not its clip: what it names is."""
    names = ["f/0002.png", "a.json", "f/0001.png", "a.mov", "f/0004.png", "f/b.png"]
    [drop, film], clashes = drops(*names, a="f/####.png")
    assert clashes == []
    assert drop.files == ("a.json", "f/0001.png", "f/0002.png", "f/0004.png")
    assert (drop.path, drop.clip, drop.gaps, drop.wants) == ("a.json", None, ((3, 3),), "")
    assert (film.clip, film.sidecar) == ("a.mov", None)


def test_frames_that_nobody_names_are_no_drops() -> None:
    assert drops("f/0001.png", "f/0002.png") == ([], [])


def test_frames_that_are_not_there_are_waited_for() -> None:
    [drop], _ = drops("a.json", a="f/####.png")
    assert (drop.files, drop.wants) == (("a.json",), "clip f/####.png")


def test_frames_that_two_sidecars_name_are_nobodys() -> None:
    """The sidecars are refused; a third one that names others is not."""
    names = [f"f/{number:04}.png" for number in (999, 1000)]
    sidecars = ["a.json", "b.json", "c.json", "d.json"]
    patterns = {"a": "f/####.png", "b": "f/#.png", "c": "f/###.png", "d": "g/#.png"}
    found, clashes = drops(*names, *sidecars, **patterns)
    assert [clash.files for clash in clashes] == [("a.json", "b.json", "c.json")]
    assert "a.json and b.json and c.json name the same frames" in clashes[0].reason
    assert [drop.path for drop in found] == ["d.json"]


def test_too_many_frames_are_counted_and_left_alone() -> None:
    """Moving a hundred thousand files to refuse one sidecar would help nobody."""
    names = [f"f/{number}.png" for number in range(MOST + 1)]
    [drop], _ = drops("a.json", *names, a="f/#.png")
    assert (drop.files, drop.crowd, drop.gaps) == (("a.json",), MOST + 1, ())
    [drop], _ = drops("a.json", *names[1:], a="f/#.png")
    assert (len(drop.frames), drop.crowd) == (MOST, 0)


def job(*origins: str, name: str, frames: int) -> Job:
    files = tuple(ClaimedFile(RelPath(f"source/{each}"), RelPath(each)) for each in origins)
    return Job(
        id=JobId("0" * 32),
        watch="main",
        path=RelPath(origins[0]),
        folder=RelPath("a"),
        model="m",
        params={},
        claim=Claim(RelPath(".reeldrop/claims/x"), files),
        source_key="k",
        created=0.0,
        updated=0.0,
        source=MediaFacts(name, 5, "digest"),
        fit=Fit(frames=frames),
    )


def test_a_job_of_frames_has_their_pattern_as_its_clip() -> None:
    """Its first file is the sidecar, which is no clip: what is sent and compared is all frames."""
    made = job("s/a.json", "s/f/1.png", "s/f/2.png", name="#.png", frames=2)
    assert [file.origin for file in frames_of(made)] == ["s/f/1.png", "s/f/2.png"]
    assert clip_of(made) == "s/f/#.png"
    assert digests_of(made) == {"s/f/#.png": "digest"}


def test_frames_are_told_by_their_names_wherever_they_stand_among_the_files() -> None:
    """A job that ended before its claim was whole holds some of them, in any order, with the sidecar."""
    some = job("s/f/02.PNG", "s/a.json", "s/f/01.png", "s/f/110.png", name="##.png", frames=5)
    assert [file.origin for file in frames_of(some)] == ["s/f/01.png", "s/f/02.PNG", "s/f/110.png"]
    assert lacking(some) == "3 of the 5 frames"
    assert clip_of(some) == "s/f/##.png"
    none = job("s/a.json", name="##.png", frames=5)
    assert (frames_of(none), clip_of(none), lacking(none)) == ((), None, "0 of the 5 frames")
    whole = job("s/a.json", "s/f/01.png", "s/f/02.png", name="##.png", frames=2)
    film = job("s/a.mov", name="a.mov", frames=0)
    assert (lacking(whole), lacking(film)) == ("", "")


def test_a_digit_beside_the_number_belongs_to_the_name() -> None:
    """`take1####` is not `take####`, although the digits stand in one run."""
    names = ["f/take10001.png", "f/take10002.png", "f/take20001.png", "f/0007x5.png"]
    found, _ = drops("a.json", "b.json", *names, a="f/take1####.png", b="f/###7x5.png")
    assert [drop.frames for drop in found] == [tuple(names[:2]), ("f/0007x5.png",)]


def test_a_hundred_shots_in_one_folder_are_found_in_one_pass() -> None:
    """Asking every name for every shot took seconds of each look."""
    names = [RelPath(f"r/s{shot:03}_{n:04}.png") for shot in range(100) for n in range(240)]
    begun = time.process_time()
    finder = Finder(names)
    found = [finder.find(read_pattern(RelPath(f"r/s{shot:03}_####.png"))) for shot in range(100)]
    assert time.process_time() - begun < 1.0
    assert [len(each) for each in found] == [240] * 100


def test_a_job_of_a_film_has_its_first_file_as_its_clip() -> None:
    """Also where it is made to fit."""
    film = job("s/a.mov", "s/a.json", name="a.mov", frames=0)
    assert (frames_of(film), clip_of(film)) == ((), "s/a.mov")
    assert digests_of(film) == {"s/a.mov": "digest"}
    assert clip_of(film.evolve(claim=Claim(RelPath(""), ()))) is None
