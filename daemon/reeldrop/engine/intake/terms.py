"""The terms of the intake: what it is told of a watch, what it decides of a drop, what a look comes to."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from reeldrop.domain.errors import Trouble
from reeldrop.domain.footage import Footage
from reeldrop.domain.job import Job, RelPath, Waiting
from reeldrop.domain.path_map import NO_MAP, PathMap
from reeldrop.domain.paths import fold
from reeldrop.engine.intake.spec import Spec
from reeldrop.ports import Mode


@dataclass(frozen=True, slots=True)
class Watch:
    """What the intake needs to know of a watch; times in seconds.

    `extensions` are those of clips, without a dot; `upload` is the way of files whose drop asks for none,
    as in `domain.sending`; `archive` is `move`, `delete` or `keep`;
    `conform` is `off`, `auto` or `trim`; `duplicates` is `in_flight`, `always` or `never`; `defaults` is
    the preset for the whole watch; `paths` is what absolute paths in drops mean.
    """

    name: str
    extensions: tuple[str, ...]
    settle: float
    settle_polling: float
    rescan_interval: float
    sidecar_grace: float
    sidecar_timeout: float
    incomplete_timeout: float
    upload: str
    archive: str
    conform: str
    duplicates: str
    defaults: Mapping[str, Any]
    paths: PathMap = NO_MAP

    @property
    def clip_extensions(self) -> frozenset[str]:
        """The extensions of clips, in lower case without a dot."""
        return frozenset(each.lower().lstrip(".") for each in self.extensions)


@dataclass(frozen=True, slots=True)
class Wait:
    """Not yet. `until` is when to look again by time alone (monotonic), None for after a change.

    `arriving`: files of the drop are on their way; else a part is missing that nobody has begun.
    """

    reason: str
    until: float | None = None
    arriving: bool = False


@dataclass(frozen=True, slots=True)
class Refuse:
    """The drop cannot be done as it is."""

    trouble: Trouble
    spec: Spec = field(default_factory=Spec)


@dataclass(frozen=True, slots=True)
class Take:
    """The drop is complete and good."""

    spec: Spec
    footage: Footage | None
    references: Mapping[RelPath, RelPath]
    """The path on disk of each file that the spec names."""
    presets: tuple[RelPath, ...]


Decision = Wait | Refuse | Take


@dataclass(slots=True)
class Round:
    """One look: its time, and what holds for all its drops."""

    now: float
    wall: float
    """The same moment by the clock on the wall, in seconds since the epoch."""
    presets: Mapping[RelPath, RelPath]
    find: Callable[[RelPath], RelPath | None]
    quiet_since: Mapping[RelPath, float | None]
    """For each folder where files have been arriving: since when none is, None while some are."""
    away: Collection[RelPath] = ()
    """Folders in which nothing is known to be missing, as in `Scan`."""

    def is_away(self, path: RelPath) -> bool:
        """Say whether `path` lies in a folder that is not mounted now."""
        return any(fold(path).startswith(f"{fold(folder)}/") for folder in self.away)


@dataclass(frozen=True, slots=True)
class Looked:
    """What one look at an inbox came to."""

    wait: float
    """Seconds until the inbox must be looked at again, if nothing changes before."""
    jobs_added: int = 0
    """Jobs that were recorded, or whose postponed claim could be made: news for the queue."""
    refused: tuple[Job, ...] = ()
    """Refused drops that await their delivery; this daemon owns them."""
    still_settling: bool = False
    """Files are on their way; a drop that waits for a part nobody has begun does not count."""
    waiting: tuple[Waiting, ...] = ()
    offline: str = ""
    """Why the folder could not be looked at."""
    scanned: float | None = None
    """When the scan ended (s since the epoch), None where it did not succeed."""
    modes: tuple[Mode, ...] = ()
    """How changes are noticed, as in `Scan`."""
