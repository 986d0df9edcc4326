"""How things stand as a whole: what `reeldrop status` tells. One look, so that its numbers agree."""

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from reeldrop.domain.job import Job
from reeldrop.domain.lifecycle import State
from reeldrop.domain.limits import Limits
from reeldrop.ports import Block, DaySpent, Health, Transfer
from reeldrop.store import ledger, queries, turns

_COUNTS = "SELECT state, count(*) FROM jobs GROUP BY state"
_OLDEST = "SELECT min(created) FROM jobs WHERE state = 'queued'"


@dataclass(frozen=True, slots=True)
class Overview:
    """What there is, what stands in its way, what it cost.

    `in_flight` is what counts against that limit; `queued_since` (s since the epoch) is when the
    oldest queued job was made. `committed` is what counts against the budget of `today`, in USD:
    what was charged and what is reserved. `transfers` are the files that the daemon put down as
    under way, each with its job as it is now.
    """

    counts: Mapping[State, int]
    waiting: int
    in_flight: int
    queued_since: float | None
    uncertain: Sequence[Job]
    blocks: Sequence[Block]
    paused: float | None
    today: str
    committed: float
    spent: Sequence[DaySpent]
    health: Sequence[Health]
    transfers: Sequence[tuple[Job, Transfer]]


def overview(db: sqlite3.Connection, limits: Limits, now: float, days: int) -> Overview:
    """Look at everything, with what was spent on the last `days` days on which anything was."""
    counts = dict(db.execute(_COUNTS).fetchall())
    usage = turns.usage_at(db, limits, now)
    day = ledger.day_of(db, now)
    return Overview(
        counts={state: counts.get(state.value, 0) for state in State},
        waiting=db.execute("SELECT count(*) FROM waiting").fetchone()[0],
        in_flight=usage.occupied + len(usage.uncertain),
        queued_since=db.execute(_OLDEST).fetchone()[0],
        uncertain=queries.jobs(db, [State.UNCERTAIN], 0.0, None),
        blocks=queries.blocks(db),
        paused=queries.paused(db),
        today=day.name,
        committed=ledger.committed(db, day),
        spent=ledger.spent(db, days),
        health=queries.health(db),
        transfers=[
            (job, each)
            for each in queries.transfers(db)
            if (job := queries.get(db, each.job)) is not None
        ],
    )
