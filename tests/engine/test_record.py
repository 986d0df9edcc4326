"""error.txt: what a person reads where a drop failed."""

import pytest

from reeldrop.domain.errors import Trouble
from reeldrop.domain.job import Claim, ClaimedFile, Job, JobId, RelPath
from reeldrop.engine.record import error_text

BACK = 'To run it again: mend what is wrong and move what lies in "source" back into the inbox.'


def failed(trouble: Trouble) -> list[str]:
    clip = RelPath("a.mov")
    claim = Claim(RelPath(".reeldrop/claims/1"), (ClaimedFile(RelPath("source/a.mov"), clip),))
    job = Job(JobId("1"), "main", clip, RelPath("a"), "m", {}, claim, "k", 0, 0, error=trouble)
    return error_text(job).decode().splitlines()


@pytest.mark.parametrize(
    ("trouble", "hint"),
    [
        (Trouble("refused", "a.json: x is 1.", "Correct a.json and drop it again."), []),
        (Trouble("unreadable", "a.mov is no video.", "Drop a video."), ["Drop a video.", ""]),
    ],
)
def test_the_way_back_is_told_once(trouble: Trouble, hint: list[str]) -> None:
    """Two ways to run it again in one file read as two different things to do."""
    lines = failed(trouble)
    assert lines == [
        "a.mov could not be done.", "", trouble.message, "", *hint, BACK, "", "Job 1"
    ]  # fmt: skip
