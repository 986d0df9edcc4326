"""How long an uncertain submit is waited for: the provider's log may still tell what became of it."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from reeldrop.cli import following
from reeldrop.cli.following import Follower, Sight, follow
from reeldrop.cli.placing import Placed

UNCERTAIN = {"state": "uncertain", "reason": "the answer was lost"}


@pytest.fixture
def outbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(following, "UNCERTAIN_FOR", 0.0)
    monkeypatch.setattr(following, "INTERVAL", 0.02)
    return tmp_path


def status(outbox: Path, **job: Any) -> None:
    text = json.dumps({"jobs": [{"ticket": "t", "id": "j", **job}]})
    (outbox / "_status.json").write_text(text)


def followed(outbox: Path, seconds: float | None, *then: dict[str, Any]) -> tuple[int, list[str]]:
    """Follow a drop for so long; after each thing that is told, the next of `then` is so."""
    coming, told = iter(then), list[str]()

    def say(sight: Sight) -> None:
        told.append(sight.state)
        if job := next(coming, None):
            status(outbox, **job)

    placed = Placed(outbox / "a.mov", outbox / "a.json", "t", "a")
    until = None if seconds is None else time.monotonic() + seconds
    code, _ = follow(Follower(outbox, placed), until, say)
    return code, told


def test_one_that_is_still_looked_for_is_waited_for_as_long_as_was_asked(outbox: Path) -> None:
    """A task that ends makes a person look, and most are found."""
    status(outbox, **UNCERTAIN, held=False)
    ended = followed(outbox, 60, {"state": "generating"}, {"state": "delivered"})
    assert ended == (0, ["uncertain", "generating", "delivered"])


def test_when_the_time_is_over_a_person_has_to_look(outbox: Path) -> None:
    """Not 4: nobody knows whether it is paid."""
    status(outbox, **UNCERTAIN, held=False)
    began = time.monotonic()
    assert followed(outbox, 0.3) == (3, ["uncertain"])
    assert time.monotonic() - began >= 0.3


@pytest.mark.parametrize("job", [{"held": False}, {}], ids=["looked for", "an older daemon"])
def test_a_time_that_ends_before_the_log_can_tell_leaves_it_uncertain_too(
    outbox: Path, monkeypatch: pytest.MonkeyPatch, job: dict[str, Any]
) -> None:
    """4 would have the farm queue it again."""
    monkeypatch.setattr(following, "UNCERTAIN_FOR", 60.0)
    status(outbox, **UNCERTAIN, **job)
    assert followed(outbox, 0.1) == (3, ["uncertain"])


@pytest.mark.parametrize(
    ("job", "seconds"),
    [
        (UNCERTAIN | {"held": True}, 60),
        (UNCERTAIN, 60),
        (UNCERTAIN | {"held": "no"}, 60),
        (UNCERTAIN | {"held": False}, None),
    ],
    ids=["held", "an older daemon", "no daemon's word", "no time was given"],
)
def test_in_any_other_case_it_ends_at_once(
    outbox: Path, job: dict[str, Any], seconds: float | None
) -> None:
    status(outbox, **job)
    began = time.monotonic()
    assert followed(outbox, seconds) == (3, ["uncertain"])
    assert time.monotonic() - began < 30
