"""error.txt: what a person reads where a drop failed."""

from collections.abc import Callable
from functools import partial

import pytest

from reeldrop.domain.errors import Trouble
from reeldrop.domain.job import Claim, ClaimedFile, Job, JobId, RelPath
from reeldrop.engine.cancelling import cancelled, cancelled_unknown
from reeldrop.engine.record import error_text

BACK = 'To run it again: mend what is wrong and move what lies in "source" back into the inbox.'


def failed(trouble: Trouble) -> list[str]:
    clip = RelPath("a.mov")
    claim = Claim(RelPath(".reeldrop/claims/1"), (ClaimedFile(RelPath("source/a.mov"), clip),))
    job = Job(JobId("1"), "main", clip, RelPath("a"), "m", {}, claim, "k", 0, 0, error=trouble)
    return error_text(job).decode().splitlines()


def test_a_kept_drop_is_not_asked_for_again_as_it_is() -> None:
    """The same bytes never run again: who mends the sidecar alone would wait for ever."""
    clip = RelPath("show/a.mov")
    claim = Claim(RelPath(""), (ClaimedFile(clip, clip),))
    trouble = Trouble("refused", "a.json: x is 1.", "Correct a.json and drop it again.")
    job = Job(JobId("1"), "main", clip, RelPath("a"), "m", {}, claim, "k", 0, 0, error=trouble)
    text = error_text(job).decode()
    assert "The same bytes under the same name are not run again" in text
    assert "another name" in text
    assert "drop it again" not in text


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


@pytest.mark.parametrize(
    ("ended", "words"),
    [
        (
            partial(cancelled, paid_before=False),
            "To run it after all: `reeldrop retry 1`, or move",
        ),
        (
            partial(cancelled, paid_before=True),
            "pay for it again: `reeldrop retry 1` with --pay-again",
        ),
        (cancelled_unknown, "pay for it again: `reeldrop retry 1` with --pay-again"),
    ],
    ids=["unpaid", "paid before", "unknown"],
)
def test_a_cancelled_drop_says_what_running_it_costs(
    ended: Callable[[Job], Job], words: str
) -> None:
    """Whoever moves the files back pays once more."""
    clip = RelPath("a.mov")
    claim = Claim(RelPath(".reeldrop/claims/1"), (ClaimedFile(RelPath("source/a.mov"), clip),))
    job = Job(
        JobId("1"), "main", clip, RelPath("a"), "m", {"prompt": "x"}, claim, "k", 0, 0,
        request_ids=("1.7",),
    )  # fmt: skip
    text = error_text(ended(job)).decode()
    assert text.startswith("a.mov was cancelled.\n")
    assert words in text
