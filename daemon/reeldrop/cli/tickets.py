"""Tickets: what the folders know of one before a drop is placed. A farm's task queued again is one job.

Only calls that Windows and macOS have as well.
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reeldrop.cli.following import FAILED, TEXT_MAX, Follower, matching, read_object
from reeldrop.cli.placing import Parcel, Placed, landing
from reeldrop.domain.errors import StartupError


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a ticket. `earlier` is the drop that has it already, None: place the new one.

    `state` says how that stands. `past` are the ids of its jobs that have failed: none of them is
    the new drop's.
    """

    earlier: Placed | None = None
    state: str = ""
    past: frozenset[str] = frozenset()


def ticket_from(text: str, name: str, files: Sequence[Path], spec: Mapping[str, Any]) -> str:
    """Return the ticket of `text` (a farm's job), the bytes of `files`, their name and their spec.

    It is the same on every node, wherever the files lie there.

    Raises:
        StartupError: a file cannot be read.
    """
    request = json.dumps([text, name, spec], sort_keys=True).encode("ascii")
    made = hashlib.sha256(request)
    for path in files:
        try:
            with path.open("rb") as file:
                made.update(hashlib.file_digest(file, "sha256").digest())
        except OSError as error:
            raise StartupError(f"{path} cannot be read: {error.strerror}") from error
    return made.hexdigest()


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
        # An empty clip only holds its name: whoever was placing it may have been killed.
        if isinstance(own, dict) and own.get("ticket") == wanted.ticket and _size(clip):
            return Placed(clip, sidecar, wanted.ticket, wanted.folder)
    return None


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
