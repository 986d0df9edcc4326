"""A clip of a kept inbox stays where anybody can replace it: what is sent must be what was taken.

What was replaced is a drop of its own, which intake takes as such: the job of the former one is given
back to it, unclaimed, and withdrawn there. Sent all the same, the new clip would be paid for twice.
"""

from reeldrop.domain.errors import DropChanged
from reeldrop.domain.frames import clip_of, frames_of
from reeldrop.domain.job import Job
from reeldrop.domain.lifecycle import State
from reeldrop.domain.paths import printable
from reeldrop.engine.rooms import Rooms
from reeldrop.engine.twins import digest


async def see_that_it_was_taken(job: Job, rooms: Rooms) -> None:
    """Let a kept clip be sent only while it has the bytes that were taken; its times may be others.

    Raises:
        DropChanged: it has been replaced.
        FileBusy, FolderOffline: it cannot be read now.
    """
    clip, known = clip_of(job), job.source and job.source.sha256
    if not job.claim.kept or clip is None or known is None:
        return
    files = frames_of(job) or job.claim.source[:1]
    keys = await rooms.place(job).inbox.keys([file.at for file in files])
    if keys == [file.key for file in files] or await digest(job, clip, rooms) == known:
        return
    raise DropChanged(f"{printable(clip)} was replaced before it was sent.")


def is_given_back(job: Job) -> bool:
    """Say whether a job has to be claimed anew, or withdrawn, by the intake of its watch."""
    return job.state is State.QUEUED and not job.claimed
