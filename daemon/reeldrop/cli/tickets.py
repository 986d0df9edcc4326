"""What the folders know of a ticket before a drop is placed: a farm's task that is queued again is one job.

Only calls that Windows and macOS have as well.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from reeldrop.cli.following import FAILED, TEXT_MAX, Follower, matching, read_object
from reeldrop.cli.placing import Parcel, Placed, landing


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a ticket. `earlier` is the drop that has it already, None: place the new one.

    `state` says how that stands. `past` are the ids of its jobs that have failed: none of them is
    the new drop's.
    """

    earlier: Placed | None = None
    state: str = ""
    past: frozenset[str] = frozenset()


def known_of(parcel: Parcel, inbox: Path, outbox: Path | None) -> Known:
    """Look for the parcel's ticket in the outbox, then among the drops that lie in the inbox."""
    placed = landing(parcel, inbox)
    jobs = Follower(outbox, placed).jobs() if outbox else []
    for sight in jobs:
        if sight.end != FAILED:
            return Known(placed, sight.state)
    past = frozenset(sight.job for sight in jobs)
    waiting = _lying(placed)
    return Known(waiting, "waiting", past) if waiting else Known(past=past)


def _lying(wanted: Placed) -> Placed | None:
    """Return the drop of this ticket that lies in the inbox, whole."""
    name = re.compile(rf"{re.escape(wanted.clip.stem)}(-\d+)?\.json")
    for sidecar in matching(wanted.sidecar.parent, name):
        own = read_object(sidecar, TEXT_MAX).get("reeldrop")
        clip = sidecar.with_name(f"{sidecar.stem}{wanted.clip.suffix}")
        if isinstance(own, dict) and own.get("ticket") == wanted.ticket and clip.is_file():
            return Placed(clip, sidecar, wanted.ticket, wanted.folder)
    return None
