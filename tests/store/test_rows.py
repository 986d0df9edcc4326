"""Any job survives its way through the database's text."""

import json
import zlib
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reeldrop.domain.job import Claim, ClaimedFile, Job, JobId, MediaFile, RelPath
from reeldrop.store.rows import columns_of, job_of

TEXT = st.text(st.characters(codec=None), max_size=8)  # surrogates, NUL and all
KEYS = st.sampled_from(["$file", "$dict", "prompt", ""]) | TEXT
PLAIN = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT


def nested(leaves: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=2),
        max_leaves=8,
    )


FILES = TEXT.map(lambda text: MediaFile(RelPath(text)))


@given(st.dictionaries(KEYS, nested(PLAIN | FILES), max_size=3), st.dictionaries(KEYS, PLAIN), TEXT)
def test_parameters_come_back_exactly_files_as_files_and_objects_as_objects(
    params: dict[str, Any], labels: dict[str, Any], path: str
) -> None:
    """An object of the user's must never be read as a file: its content would be uploaded."""
    job = Job(
        JobId("0" * 32), "main", RelPath(path), RelPath(path), "m", params,
        Claim(RelPath(path), ()), path, 1.0, 2.0, labels=labels,
    )  # fmt: skip
    columns = columns_of(job)
    assert all(str(value).isascii() for value in columns.values())
    assert job_of({**columns, "cancel": 0}) == job
    json.loads(columns["record"])


def framed(count: int) -> Job:
    files = tuple(
        ClaimedFile(
            RelPath(f"source/{n:04}\udcff.png"), RelPath(f"f/{n:04}\udcff.png"), f"1:{n}:3:4"
        )
        for n in range(count)
    )
    reference = (ClaimedFile(RelPath("r"), RelPath("r.png"), "1:2:3:4"),)
    claim = Claim(RelPath(".reeldrop/claims/1"), files, reference)
    return Job(JobId("0" * 32), "main", RelPath("a"), RelPath("a"), "m", {}, claim, "k", 1.0, 2.0)


@pytest.mark.parametrize("count", [0, 1, 3600])
def test_the_files_of_a_claim_come_back_exactly_however_many_they_are(count: int) -> None:
    """Thousands of frames are kept small: every change of the job writes the row anew."""
    job = framed(count)
    columns: dict[str, Any] = {**columns_of(job), "cancel": 0}
    read = job_of(columns)
    assert len(columns["files"]) < 100_000
    assert read.claim.references == job.claim.references
    assert (read, job, read.claim) == (job, read, job_of(columns).claim)
    assert hash(read.claim) == hash(job.claim)
    assert columns_of(read)["files"] == columns["files"]


def test_a_claim_that_is_changed_after_it_was_read_is_written_as_it_is() -> None:
    """What the store told of it before must not stand in the place of what became of it."""
    read = job_of({**columns_of(framed(300)), "cancel": 0})
    left = read.evolve(claim=replace(read.claim, source=read.claim.source[:200]))
    again = job_of({**columns_of(left), "cancel": 0})
    assert again.claim.source == framed(200).claim.source
    assert again != read


def test_jobs_are_read_without_their_frames_until_these_are_asked_for() -> None:
    """The status page reads a thousand finished jobs every second, and none of their files."""
    columns = {**columns_of(framed(3600)), "cancel": 0, "files": b"not to be read"}
    job = job_of(columns)
    assert job.claim.folder == ".reeldrop/claims/1"
    assert columns_of(job)["files"] == b"not to be read"
    with pytest.raises(zlib.error):
        _ = job.claim.source
