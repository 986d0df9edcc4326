"""What can be decided about a drop, and in which words."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from reeldrop.domain.drop import Drop
from reeldrop.domain.errors import ClipUnreadable, NotWhole, Trouble
from reeldrop.domain.job import MediaFacts, RelPath
from reeldrop.domain.paths import printable
from reeldrop.domain.spec import Role
from reeldrop.engine.intake_request import Problem, Spec

_LISTED = 20


@dataclass(frozen=True, slots=True)
class Timing:
    """How long a drop may be incomplete, in seconds."""

    sidecar_grace: float
    sidecar_timeout: float
    incomplete_timeout: float
    settle_polling: float


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
    facts: MediaFacts | None
    references: Mapping[RelPath, RelPath]
    """The path on disk of each file that the spec names."""
    presets: tuple[RelPath, ...]


Verdict = Wait | Refuse | Take


@dataclass(slots=True)
class Round:
    """One look: its time, and what holds for all its drops."""

    now: float
    presets: Mapping[RelPath, RelPath]
    find: Callable[[RelPath], RelPath | None]
    quiet_since: Mapping[RelPath, float | None]
    """For each folder where files have been arriving: since when none is, None while some are."""


def trouble_of(
    drop: Drop, faults: Sequence[Problem], clip: NotWhole | ClipUnreadable | None
) -> Trouble:
    """Return everything that is wrong with a drop as the record shows it."""
    name = printable(drop.sidecar or drop.path)
    lines = [problem.text(name) for problem in faults[:_LISTED]]
    if len(faults) > _LISTED:
        lines.append(f"… and {len(faults) - _LISTED} more.")
    if clip is not None:
        lines.append(f"{printable(drop.path)}: {clip.message}".rstrip(".") + ".")
    if not faults and clip is not None:
        return Trouble(clip.code, lines[0], clip.hint or "Drop the whole clip again.")
    return Trouble("refused", "\n".join(lines), f"Correct {name} and drop it again.")


def blamed(spec: Spec) -> tuple[Problem, ...]:
    """Return the problems that the sidecar answers for; what a preset says wrong only pauses."""
    return tuple(
        problem
        for problem in spec.problems
        if problem.document is None or problem.document.role not in (Role.PRESET, Role.DEFAULTS)
    )
