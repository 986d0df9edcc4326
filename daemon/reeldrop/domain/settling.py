"""When is a file complete? A pure rule over observations.

Rule 1: times are those of the daemon's own monotonic clock; what a file says of its age is never
        asked, because copy tools, cameras and file servers set it as they like.
Rule 2: evidence is only as old as the last change seen: what was renamed or closed before the file
        changed again tells nothing.
Rule 3: an empty file is never complete.
"""

from dataclasses import dataclass, replace
from enum import StrEnum


class Evidence(StrEnum):
    """What the file system told of a file's last change."""

    RENAMED = "renamed"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Stamp:
    """What one observation saw of a file."""

    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int
    device: int

    def same_content(self, other: "Stamp") -> bool:
        """Say whether nothing speaks for other content; a changed mode or owner alone does not."""
        return (self.size, self.mtime_ns, self.inode, self.device) == (
            other.size,
            other.mtime_ns,
            other.inode,
            other.device,
        )


@dataclass(frozen=True, slots=True)
class Quiet:
    """How long a file must have been quiet, in seconds."""

    closed: float
    """After its writer closed it."""
    unknown: float
    """Between two own observations, where nothing was told."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """What is remembered of a file between observations; times are monotonic seconds."""

    stamp: Stamp
    since: float
    """The first observation of this content."""
    quiet_since: float
    """The first observation of this very stamp."""
    before: float | None = None
    """The last look that found other content here, or nothing; None where there was none."""
    rewritten: bool = False
    """The other content was in the same file, so no rename can have brought this one."""


def observe(
    last: Sighting | None, stamp: Stamp, now: float, earlier: float | None = None
) -> Sighting:
    """Return what is known of a file after seeing `stamp` at `now`.

    `last` is what was known before, None where nothing lay at the path; `earlier` is the time of
    that look, None where there was none.
    """
    if last is None:
        return Sighting(stamp, now, now, earlier)
    if last.stamp == stamp:
        return last
    if last.stamp.same_content(stamp):
        return replace(last, stamp=stamp, quiet_since=now)
    same_file = (last.stamp.inode, last.stamp.device) == (stamp.inode, stamp.device)
    return Sighting(stamp, now, now, earlier, same_file)


def ready_at(sighting: Sighting, told: tuple[Evidence, float] | None, quiet: Quiet) -> float | None:
    """Return the time from which the file counts as complete; None while it is empty."""
    if sighting.stamp.size == 0:
        return None
    unknown = sighting.quiet_since + quiet.unknown
    if told is None:
        return unknown
    evidence, at = told
    if sighting.before is not None and at < sighting.before:
        return unknown
    match evidence:
        case Evidence.RENAMED if at >= sighting.since or not sighting.rewritten:
            return sighting.since
        case Evidence.RENAMED:
            return unknown
        case Evidence.CLOSED:
            return max(at, sighting.since) + quiet.closed
