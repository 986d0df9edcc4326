"""One submit: the request made from a job's spec and files, and the intent that precedes its end."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import structlog

from reeldrop.domain.errors import Cancelled, Lost, Stopping, StoreUnavailable
from reeldrop.domain.frames import clip_of
from reeldrop.domain.job import Cost, GenerationId, Job, MediaFacts, MediaFile, RelPath, Sent
from reeldrop.domain.lifecycle import Event, State
from reeldrop.engine.attempt import Attempt
from reeldrop.engine.cancelling import UNPAID
from reeldrop.engine.fitting import Made, made, see_that_it_holds
from reeldrop.engine.rooms import Rooms
from reeldrop.engine.taken import see_that_it_was_taken
from reeldrop.engine.transfers import JobMeter
from reeldrop.ports import Sending, SubmitRequest

log = structlog.get_logger()


class Submission:
    """The files of one submit while they are sent.

    Rule 1: the intent is recorded once, while the last bytes of the body are still here.
    Rule 2: before it is recorded every file is seen to be the one that was read, and a kept clip to be
            the one that was taken.
    """

    def __init__(self, attempt: Attempt, rooms: Rooms, meter: JobMeter) -> None:
        self._attempt = attempt
        self._rooms = rooms
        self._meter = meter
        self._files: list[tuple[RelPath, Sending]] = []
        self._made: Made | None = None

    async def request(self) -> SubmitRequest:
        """Return the request; a clip that is made to fit is made first, and what goes by URL uploaded.

        Raises Unsendable, ClipUnreadable, FileBusy, FolderOffline, DiskFull, UploadUnavailable,
        StoreUnavailable, Lost.
        """
        self._made = await made(self._attempt, self._rooms)
        job = self._attempt.job
        params = {key: await self._value(value) for key, value in job.params.items()}
        return SubmitRequest(job.model, params, job.request_id)

    async def _value(self, value: Any) -> Any:
        match value:
            case MediaFile(origin):
                return await self._media(origin)
            case Mapping():
                return {key: await self._value(part) for key, part in value.items()}
            case list() | tuple():
                return [await self._value(part) for part in value]
            case _:
                return value

    async def _media(self, origin: RelPath) -> Any:
        job = self._attempt.job
        if self._made and origin == clip_of(job):
            file = self._made.file
        else:
            file = self._rooms.place(job).inbox.real(job.claim.path_of(origin))
        sending = await self._rooms.uploads.prepare(file, job.upload, job.id, self._meter)
        self._files.append((origin, sending))
        return sending.value

    async def declare(self) -> None:
        """Record the intent to submit, before the last bytes leave.

        Raises FileBusy when a file changed while it was sent, DropChanged, Cancelled, Stopping,
        StoreUnavailable, Lost.
        """
        self._see_that_it_is_wanted()
        for _, sending in self._files:
            await sending.source.verify()
        if self._made:
            await see_that_it_holds(self._attempt.job, self._made, self._rooms)
        await see_that_it_was_taken(self._attempt.job, self._rooms)
        self._see_that_it_is_wanted()
        facts = {origin: sending.source.facts() for origin, sending in self._files}
        await self._attempt.declare(self._declared(facts), **self._meter.told)
        self._see_that_it_is_wanted()

    def _see_that_it_is_wanted(self) -> None:
        if self._attempt.job.id in self._rooms.cancelled:
            raise Cancelled(UNPAID)
        if self._rooms.stopping():
            raise Stopping("the daemon is stopping; the clip is sent after the next start")

    async def declare_late(self) -> None:
        """Record the intent of a submit that was accepted before all of it was sent. Raises Lost."""
        attempt = self._attempt
        if attempt.job.state is State.UPLOADING:
            # It is paid for: unlike an intent this must be recorded, however long that takes.
            await attempt.move(
                self._declared({}), Event.DECLARED, request_id=attempt.job.request_id
            )

    async def accept(self, generation_id: GenerationId, cost: Cost | None) -> None:
        """Record the generation that the answer names. Raises Lost."""
        attempt = self._attempt
        accepted = attempt.job.evolve(
            aside=False, generation_id=generation_id, cost=cost, error=None, reason="", tries=0
        )
        note = {"found": "answer"} if attempt.overdue else {}
        try:
            await attempt.move(accepted, Event.ACCEPTED, generation_id=generation_id, **note)
        except Lost:
            await self._compare(generation_id)
            raise

    async def _compare(self, answered: GenerationId) -> None:
        """Say so if the job has gone on without the generation that the API's answer names."""
        job = self._attempt.job
        try:
            known = await self._rooms.store.get(job.id)
        except StoreUnavailable:
            known = None
        recorded = known.generation_id if known else None
        if recorded != answered:
            # Nobody asks for it any more, and it has been paid for: a person must know its name.
            log.warning(
                "submit.answer_contradicted",
                job=job.id,
                path=job.path,
                answered=answered,
                recorded=recorded,
            )

    def _declared(self, facts: dict[RelPath, MediaFacts]) -> Job:
        job = self._attempt.job
        origin = clip_of(job)
        clip = facts.pop(origin, None) if origin else None
        return job.evolve(
            attempts=job.attempts + 1,
            request_ids=(*job.request_ids, job.request_id),
            submitted=self._rooms.clock.now(),
            upload_mode=self._mode(origin),
            sent=tuple(
                Sent(name, sending.choice.way, sending.choice.why) for name, sending in self._files
            ),
            source=job.source if self._made else _with_digest(job.source, clip),
            fitted=_with_digest(job.fitted, clip) if self._made else None,
            # Of what was accepted before it was read to its end the sizes are known.
            media=tuple(replace(known, name=origin) for origin, known in facts.items())
            or job.media,
        )

    def _mode(self, clip: RelPath | None) -> str:
        ways = {name: str(sending.choice.way) for name, sending in self._files}
        return ways.get(clip or RelPath(""), next(iter(ways.values()), ""))


def _with_digest(known: MediaFacts | None, sent: MediaFacts | None) -> MediaFacts | None:
    """Join what the probe knew of the clip with the digest of what was sent."""
    if known is None or sent is None:
        return known or sent
    return MediaFacts(
        known.name, sent.bytes, sent.sha256,
        known.seconds, known.width, known.height, known.fps, known.codec,
    )  # fmt: skip
