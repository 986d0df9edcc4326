"""When a file counts as complete."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reeldrop.domain.settling import Evidence, Quiet, Sighting, Stamp, observe, ready_at

QUIET = Quiet(closed=1.0, unknown=5.0)
FILE = Stamp(size=100, mtime_ns=1, ctime_ns=1, inode=7, device=1)


def seen(*looks: tuple[float, Stamp]) -> Sighting:
    """Return what is known after looks at (time, stamp); the first found nothing before it at 0."""
    sighting: Sighting | None = None
    earlier = 0.0
    for at, stamp in looks:
        sighting = observe(sighting, stamp, at, earlier)
        earlier = at
    assert sighting is not None
    return sighting


def test_what_was_renamed_into_place_is_ready_at_once() -> None:
    """A drop by rename must not wait: its bytes were there before its name."""
    assert ready_at(seen((10.0, FILE)), (Evidence.RENAMED, 9.9), QUIET) == 10.0


def test_what_was_closed_is_ready_after_settle() -> None:
    """Some copy tools close a file and set its times just after."""
    assert ready_at(seen((10.0, FILE)), (Evidence.CLOSED, 10.5), QUIET) == 11.5
    assert ready_at(seen((10.0, FILE)), (Evidence.CLOSED, 9.9), QUIET) == 11.0


def test_without_evidence_two_looks_must_be_far_enough_apart() -> None:
    """On a share nothing tells of a writer on another host."""
    assert ready_at(seen((10.0, FILE), (14.0, FILE)), None, QUIET) == 15.0


@pytest.mark.parametrize("evidence", list(Evidence))
def test_evidence_from_before_the_last_look_at_other_content_tells_nothing(
    evidence: Evidence,
) -> None:
    """A file that was renamed in, taken, and is now being copied to the same name is no rename."""
    grown = replace(FILE, size=200)
    sighting = seen((10.0, FILE), (20.0, FILE), (30.0, grown))
    assert ready_at(sighting, (evidence, 9.9), QUIET) == 35.0


def test_a_name_that_was_empty_at_the_last_look_needs_newer_evidence() -> None:
    """The evidence on the file that lay there before is not about this one."""
    sighting = observe(None, FILE, 30.0, earlier=29.0)
    assert ready_at(sighting, (Evidence.RENAMED, 28.0), QUIET) == 35.0
    assert ready_at(sighting, (Evidence.RENAMED, 29.5), QUIET) == 30.0


def test_a_rename_does_not_explain_that_the_same_file_has_changed() -> None:
    """Somebody writes into it after the rename, and may go on."""
    grown = replace(FILE, size=200)
    sighting = seen((10.0, FILE), (11.0, grown))
    assert ready_at(sighting, (Evidence.RENAMED, 10.01), QUIET) == 16.0
    other = replace(grown, inode=8)
    sighting = seen((10.0, FILE), (11.0, other))
    assert ready_at(sighting, (Evidence.RENAMED, 10.01), QUIET) == 11.0


@pytest.mark.parametrize("change", ["size", "mtime_ns", "inode", "device"])
def test_every_change_of_content_starts_the_time_anew(change: str) -> None:
    """The same size with another mtime is as much a change as another size."""
    changed = replace(FILE, **{change: 999})
    assert ready_at(seen((10.0, FILE), (14.0, changed)), None, QUIET) == 19.0


def test_a_changed_ctime_alone_restarts_the_quiet_but_leaves_evidence_good() -> None:
    """A copier may write with a constant mtime; a chmod after a rename is no writing."""
    touched = replace(FILE, ctime_ns=2)
    sighting = seen((10.0, FILE), (14.0, touched))
    assert ready_at(sighting, None, QUIET) == 19.0
    assert ready_at(sighting, (Evidence.RENAMED, 10.0), QUIET) == 10.0


@pytest.mark.parametrize("told", [None, *((each, 9.9) for each in Evidence)])
def test_an_empty_file_is_never_ready(told: tuple[Evidence, float] | None) -> None:
    """Some copy tools make the name long before the content."""
    assert ready_at(seen((10.0, replace(FILE, size=0))), told, QUIET) is None


CHANGES = st.lists(
    st.tuples(st.floats(0.01, 4.99), st.sampled_from(["size", "mtime_ns", "ctime_ns", "inode"])),
    min_size=1,
    max_size=20,
)


@given(CHANGES)
def test_nothing_is_ready_while_changes_come_closer_than_the_quiet_time(
    changes: list[tuple[float, str]],
) -> None:
    """A slow copy with pauses is not taken half, however long it lasts."""
    stamp, at = FILE, 1.0
    sighting = observe(None, stamp, at, 0.0)
    for step, (pause, field) in enumerate(changes, start=2):
        earlier, at = at, at + pause
        ready = ready_at(sighting, None, QUIET)
        assert ready is not None
        assert ready > at
        stamp = replace(stamp, **{field: 1000 + step})
        sighting = observe(sighting, stamp, at, earlier)
    assert ready_at(sighting, None, QUIET) == at + QUIET.unknown


@given(CHANGES, st.floats(0.0, 1.0))
def test_evidence_older_than_the_last_change_never_makes_a_file_ready_earlier(
    changes: list[tuple[float, str]], told_at: float
) -> None:
    """Evidence is only as old as the last change seen."""
    stamp, at = FILE, 1.0
    sighting = observe(None, stamp, at, 0.0)
    for step, (pause, _) in enumerate(changes, start=2):
        earlier, at = at, at + pause
        stamp = replace(stamp, size=1000 + step)
        sighting = observe(sighting, stamp, at, earlier)
    if len(changes) > 1 or told_at < 1.0:
        for evidence in Evidence:
            assert ready_at(sighting, (evidence, told_at), QUIET) == at + QUIET.unknown
