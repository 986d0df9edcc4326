"""A short form of the walk; `make crash` walks every point."""

from pathlib import Path

import pytest

from crash.drops import Footage
from crash.dying import Point
from crash.trial import census, twins
from crash.walk import points_of, walk

LONGEST = 900
"""Seconds; each run has a limit of its own, so that this one only ends a walk that hangs."""
STRIDE = 95
"""Of some 570 points."""
TWINS_STRIDE = 5
"""Of some 40."""
DEADLY = [
    "after store.add #1",
    "after inbox.claim #1",
    "before provider.submit.declare #1",
    "after provider.submit.declare #1",
    "after provider.submit #1",
    "before store.move #5",
    "before outbox.publish #1",
    "after outbox.publish #1",
    "before inbox.release #1",
]
"""Where money or a clip would be lost first."""
SHARED = ("store.rivals", "store.claim_next", "provider.submit")
"""Where one learns of the other."""


@pytest.mark.slow
@pytest.mark.timeout(LONGEST)
async def test_a_kill_at_a_port_call_breaks_no_promise(tmp_path: Path, footage: Footage) -> None:
    """Whatever moment a power cut chooses: nothing lost, nothing paid twice, nothing half-written."""
    calls = await census(tmp_path / "undisturbed", footage)
    deadly = [Point.parse(text) for text in DEADLY]
    points = dict.fromkeys([*deadly, *points_of(calls)[::STRIDE]])
    verdicts = [verdict async for verdict in walk(tmp_path, footage, points, at_once=2)]

    assert not [str(verdict) for verdict in verdicts if verdict.broken]
    missed = [str(each.point) for each in verdicts if not each.killed and each.point in deadly]
    assert not missed, "nobody calls these any more; name others"


@pytest.mark.slow
@pytest.mark.timeout(LONGEST)
async def test_a_kill_while_twins_share_a_generation_pays_once(
    tmp_path: Path, footage: Footage
) -> None:
    """The second waits for the first, joins it, or is left to itself: never are both lost or stuck."""
    calls = await census(tmp_path / "undisturbed", footage, twins)
    points = [point for point in points_of(calls) if point.call in SHARED][::TWINS_STRIDE]
    verdicts = [each async for each in walk(tmp_path, footage, points, at_once=2, of=twins)]

    assert not [str(verdict) for verdict in verdicts if verdict.broken]
    assert any(verdict.killed for verdict in verdicts)
