"""What makes two drops the same, as far as it can be said without reading a byte."""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from reeldrop.domain.fit import Fit
from reeldrop.domain.frames import clip_of
from reeldrop.domain.job import Job, MediaFile, RelPath


def spec_key(
    model: str,
    params: Mapping[str, Any],
    size_of: Callable[[RelPath], int],
    fit: Fit | None = None,
) -> str:
    """Return what requests share that may be identical: model, parameters, and sizes of files in bytes.

    Of `fit` only what the drop itself asks for counts: numbered frames shown at another rate are
    another clip; what a watch makes of a clip to fit its model is no part of the drop.
    """
    told = [model, _plain(params, size_of)]
    return _digest([*told, fit.frames, fit.fps] if fit and fit.frames else told)


def origin_key(watch: str, path: RelPath, size: int, mtime_ns: int) -> str:
    """Return what a file that comes again shares with the one that came."""
    return _digest([watch, path, size, mtime_ns])


def of_one_drop(one: Job, other: Job) -> bool:
    """Say whether two jobs are variants of one drop; a claim tells no more once one was begun anew."""
    return (one.watch, one.path, one.created) == (other.watch, other.path, other.created)


def joined(job: Job, leader: Job) -> Job:
    """Return `job` as it takes part in the generation of `leader`, which has one."""
    return job.evolve(
        leader=leader.id,
        generation_id=leader.generation_id,
        joined=True,
        submitted=leader.submitted,
        late=leader.late,
        reason=leader.reason if leader.late else "",
    )


def files_in(value: Any) -> Iterator[RelPath]:
    """Yield the files among parameters, in the one order that equal parameters have."""
    match value:
        case MediaFile(origin):
            yield origin
        case Mapping():
            for key in sorted(value):
                yield from files_in(value[key])
        case list() | tuple():
            for part in value:
                yield from files_in(part)
        case _:
            pass


def digests_of(job: Job) -> dict[RelPath, str]:
    """Return the SHA-256 of the job's files, as far as they have been recorded."""
    known = {RelPath(facts.name): facts for facts in job.media}
    if job.source is not None and (clip := clip_of(job)) is not None:
        known[clip] = job.source
    return {origin: facts.sha256 for origin, facts in known.items() if facts.sha256}


def digest_of_frames(digests: Iterable[str]) -> str:
    """Return what stands for the SHA-256 of a clip whose frames have these, in order."""
    return hashlib.sha256("".join(digests).encode()).hexdigest()


def _plain(value: Any, size_of: Callable[[RelPath], int]) -> Any:
    match value:
        case MediaFile(origin):
            return {"file": size_of(origin)}
        case Mapping():
            # In a wrapping of its own, so that no object of a user's looks like a file.
            return {"object": {key: _plain(part, size_of) for key, part in value.items()}}
        case list() | tuple():
            return [_plain(part, size_of) for part in value]
        case _:
            return value


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
