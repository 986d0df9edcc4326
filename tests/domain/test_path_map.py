"""A farm's paths become paths of the inbox, or nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reeldrop.domain.job import RelPath
from reeldrop.domain.path_map import PathMap, PathRule
from reeldrop.domain.references import Reference, read_clip_value, read_value
from reeldrop.domain.spec import Fault

INBOX = "/srv/reeldrop/inbox"
RULES = (
    PathRule("P:\\shows", f"{INBOX}/shows"),
    PathRule("P:\\", f"{INBOX}/p"),
    PathRule("//NAS/Projects", "/srv/reeldrop"),
    PathRule("/Volumes/shows/", f"{INBOX}/shows/"),
    PathRule("/mnt/elsewhere", "/mnt/elsewhere"),
)
MAP = PathMap(RULES, ("/mnt/nas/inbox", INBOX))


@pytest.mark.parametrize(
    ("given_", "path"),
    [
        (r"P:\shows\a.mov", "shows/a.mov"),
        ("p:/Shows/sq1/./a.mov", "shows/sq1/a.mov"),
        (r"P:\other\a.mov", "p/other/a.mov"),
        (r"P:\showsX\a.mov", "p/showsX/a.mov"),
        (r"P:\shows\..\a.mov", "p/a.mov"),
        (r"\\?\P:\shows\a.mov", "shows/a.mov"),
        (r"\\nas\projects\inbox\x\a.mov", "x/a.mov"),
        ("//nas/PROJECTS/inbox/a.mov", "a.mov"),
        (r"\\?\UNC\nas\Projects\inbox\a.mov", "a.mov"),
        ("/Volumes/shows//sq 1/a.mov", "shows/sq 1/a.mov"),
        ("/Volumes/shows/c:/a.mov", "shows/c:/a.mov"),
    ],
)
def test_whole_components_the_longest_rule_and_any_slash(given_: str, path: str) -> None:
    """A Windows node and a Mac write the same file in their own ways."""
    assert MAP.inside(given_) == path
    assert read_value("k", given_, RelPath("far/away"), MAP) == Reference(
        "k", given_, RelPath(path)
    )


@pytest.mark.parametrize(
    "given_", ["a.mov", "shows/a.mov", "/volumes/shows/a.mov", "/Volumes/shows2/a.mov", "Q:\\a.mov"]
)
def test_what_no_rule_is_for_is_left_to_the_other_rules(given_: str) -> None:
    """POSIX tells cases apart; a relative path is never mapped."""
    assert MAP.inside(given_) is None


@pytest.mark.parametrize(
    ("given_", "said"),
    [
        (r"\\nas\projects\outbox\a.mov", '"/srv/reeldrop/outbox/a.mov", outside the inbox'),
        (r"\\nas\projects\inbox\..\secret.mov", '"/srv/reeldrop/secret.mov", outside the inbox'),
        ("/mnt/elsewhere/a.mov", 'path_map ("/mnt/elsewhere" to "/mnt/elsewhere") leads to'),
        (r"\\nas\projects\inbox", "names the inbox itself"),
        (r"P:\shows\..\..\a.mov", "leaves its own drive"),
        ("/Volumes/shows/a\\b.mov", "holds a backslash"),
        ("/Volumes/shows/a\0b.mov", "NUL"),
    ],
)
def test_what_leads_out_of_the_inbox_is_refused_with_the_rule(given_: str, said: str) -> None:
    """A map must not be able to make the daemon upload the host's files."""
    fault = read_clip_value("video_url", given_, RelPath(""), MAP)
    assert isinstance(fault, Fault)
    assert said in fault.message
    assert "put the file into the inbox" in fault.message
    assert fault.key == "video_url"


@pytest.mark.parametrize("given_", ["/etc/passwd", "Q:\\a.png", r"\\server\share\a.png"])
def test_an_absolute_path_without_a_rule_hints_at_the_map(given_: str) -> None:
    """Who has a farm learns here that there is such a thing."""
    fault = read_value("k", given_, RelPath(""), MAP)
    assert isinstance(fault, Fault)
    assert "is an absolute path" in fault.message
    assert "path_map in the daemon's settings" in fault.message


def test_numbered_frames_are_mapped_like_a_film() -> None:
    """Renderers on Windows write them there."""
    found = read_clip_value("video_url", "P:\\shows\\f.####.exr", RelPath(""), MAP)
    assert isinstance(found, Reference)
    assert found.path == "shows/f.####.exr"
    assert found.frames is not None


PARTS = st.sampled_from(["..", ".", "", "shows", "inbox", "srv", "reeldrop", "a.mov", "c:", "?"])
STARTS = st.sampled_from(
    ["/", "//", "\\\\", "P:/", "p:\\", "P:", "\\\\?\\", "//?/UNC/", "", "/srv/"]
)


@given(STARTS, st.lists(PARTS | st.text(max_size=4), max_size=6), st.sampled_from("/\\"))
def test_nothing_that_is_mapped_leaves_the_inbox(start: str, parts: list[str], slash: str) -> None:
    """Whatever is written, also with a map of everything."""
    everything = PathMap((*RULES, PathRule("/", "/"), PathRule("//x", "/srv")), (INBOX,))
    try:
        found = everything.inside(start + slash.join(parts))
    except ValueError:
        return
    if found is not None:
        assert found
        assert not found.startswith("/")
        assert not {"..", ".", ""}.intersection(found.split("/"))
