"""How things stand as a whole: what `reeldrop status` and the metrics tell. One look, so that its numbers agree."""

import sqlite3

from reeldrop.domain.lifecycle import State
from reeldrop.domain.limits import Limits
from reeldrop.ports import Overview
from reeldrop.store import ledger, orders, queries, status, turns

_OLDEST = "SELECT min(created) FROM jobs WHERE state = 'queued'"
_LATE = "SELECT count(*) FROM jobs WHERE state = 'generating' AND late = 1"


def overview(db: sqlite3.Connection, limits: Limits, now: float, days: int) -> Overview:
    """Look at everything, with what was spent on the last `days` days on which anything was."""
    usage = turns.usage_at(db, limits, now)
    day = ledger.day_of(db, now)
    return Overview(
        counts=status.counts(db, tuple(State)),
        in_flight=usage.occupied + len(usage.uncertain),
        queued_since=db.execute(_OLDEST).fetchone()[0],
        late=db.execute(_LATE).fetchone()[0],
        uncertain=queries.jobs(db, [State.UNCERTAIN], 0.0, None),
        blocks=status.blocks(db),
        paused=orders.paused(db),
        today=day.name,
        committed=ledger.committed(db, day),
        priced=ledger.priced(db, day),
        spent=ledger.spent(db, days),
        health=status.health(db),
        transfers=[
            (job, each)
            for each in status.transfers(db)
            if (job := queries.get(db, each.job)) is not None
        ],
        limits=limits,
    )
