"""What earlier jobs have taken of an inbox, for files that come after them."""

from collections.abc import Iterable, Mapping

from reeldrop.domain.drop import JSON, Drop, is_json
from reeldrop.domain.job import Job, JobId, RelPath
from reeldrop.domain.paths import fold, join, leaf, parent, printable, stem
from reeldrop.ports import IntakeMemory, Taken

REMEMBERED_JOBS = 10_000


class Past:
    """The last jobs of one watch: the files that they used, and the clips that they took."""

    def __init__(self, watch: str, store: IntakeMemory) -> None:
        self._watch = watch
        self._store = store
        self._loaded = False
        self._used: set[RelPath] = set()
        self._clips: dict[str, tuple[RelPath, JobId]] = {}
        """By all that a sidecar of theirs may be called, folded and without `.json`."""

    async def used(self) -> set[RelPath]:
        """Return the files that jobs used beside their clips. Raises StoreUnavailable."""
        await self._load()
        return self._used

    def remember(self, jobs: Iterable[Job]) -> None:
        """Note jobs that have just been recorded."""
        for job in jobs:
            self._note(Taken(job.path, job.id, tuple(each.origin for each in job.claim.references)))
        while len(self._clips) > 2 * REMEMBERED_JOBS:
            del self._clips[next(iter(self._clips))]

    def _note(self, taken: Taken) -> None:
        self._used.update(taken.references)
        for form in () if is_json(taken.path) else sidecar_forms(taken.path):
            self._clips.pop(form, None)
            self._clips[form] = (taken.path, taken.job)

    async def taken_before(self, drop: Drop) -> str:
        """Say which job has taken the clip that a lone sidecar waits for; "" where none has.

        Raises StoreUnavailable.
        """
        kind, _, wanted = drop.wants.partition(" ")
        if drop.sidecar is None or kind != "clip":
            return ""
        await self._load()
        by_name = RelPath(drop.sidecar[: -len(JSON) - 1])
        known = self._clips.get(fold(by_name if wanted == leaf(by_name) else wanted))
        return not_run_again(*known) if known else ""

    async def _load(self) -> None:
        if self._loaded:
            return
        known = await self._store.taken(self._watch, REMEMBERED_JOBS)
        newer, self._clips = self._clips, {}
        for taken in reversed(known):
            self._note(taken)
        self._clips |= newer
        self._loaded = True


def sidecar_forms(clip: RelPath) -> tuple[str, str]:
    """Return what a sidecar of `clip` may be called, folded and without `.json`."""
    return fold(clip), fold(join(parent(clip), stem(leaf(clip))))


def not_run_again(clip: RelPath, job: JobId) -> str:
    """Return what is said of a sidecar that came, or was changed, after its clip was taken."""
    return (
        f"its clip {printable(leaf(clip))} is job {job[:8]}, taken before this sidecar came: "
        "that is not run again; drop the clip again with it"
    )


def edited(kept: Mapping[RelPath, tuple[RelPath, JobId]]) -> dict[RelPath, str]:
    """Return what is said of the sidecars of kept clips, each with its clip and that clip's job."""
    return {
        sidecar: f"its clip {printable(leaf(clip))} is job {job[:8]}, taken before this sidecar was "
        f"changed: that is not run again; `reeldrop retry {job[:8]} --pay-again` runs it as it was"
        for sidecar, (clip, job) in kept.items()
    }
