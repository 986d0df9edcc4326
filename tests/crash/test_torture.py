"""A short form of the torture; `make torture` goes on for minutes."""

from pathlib import Path

import pytest

from crash.drops import Footage
from crash.torture import Plan, torture


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_kills_at_random_moments_under_load_break_no_promise(
    tmp_path: Path, footage: Footage
) -> None:
    """Between two port calls lie moments too, and the API lies while the daemon dies."""
    plan = Plan(seed=4, seconds=6.0, kills=4)
    report = await torture(tmp_path / "run", footage, plan)
    assert (report.kills, report.broken) == (4, ()), str(report)
    assert report.paid
