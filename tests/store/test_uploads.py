"""The contract of `ports.UploadMemory`, over every store there is."""

import asyncio
import secrets
from dataclasses import replace
from operator import attrgetter
from typing import Any

import pytest

from reeldrop.domain.lifecycle import Event, State
from reeldrop.ports import Upload

BUCKET = "s3://bucket/prefix"
DIGEST = "00ff" * 16
BY_ID = attrgetter("id")


def new_upload(**fields: Any) -> Upload:
    told: dict[str, Any] = {
        "id": secrets.token_hex(16),
        "place": BUCKET,
        "file": "/in/show/clip.mp4",
        "identity": "1:2:3:4",
        "bytes": 1000,
        "media_type": "video/mp4",
    }
    return Upload(**told | fields)


@pytest.fixture
def running(store, new_job, clock):
    """Add a job and take it, as one that sends its files."""

    async def make():
        assert await store.add([new_job()])
        job = await store.claim_next(clock.now())
        assert job is not None
        return job

    return make


@pytest.fixture
def shared(store):
    """Remember an upload that is all there."""

    async def make(job, **fields):
        upload = new_upload(**fields)
        await store.begin_upload(upload, job.id)
        await store.end_upload(upload.id, DIGEST)
        return replace(upload, sha256=DIGEST)

    return make


async def ended(store, job):
    """End a job as a failed one ends."""
    refused = await store.move(job, Event.REFUSED)
    return await store.move(refused, Event.PLACED_FAILED)


class TestSharing:
    async def test_an_upload_comes_back_as_it_was_given(self, store, running, shared):
        """What is put down wrong is looked for under a key that never was, and stays there for ever."""
        job = await running()
        upload = await shared(job, media_type="image/png", identity="9:8:7:6", bytes=2**40)
        assert await store.uploads_like(BUCKET, 2**40) == [upload]
        assert await store.find_upload(upload.id) == (upload, [job.id])

    async def test_only_the_same_size_at_the_same_place_is_like_it(self, store, running, shared):
        """A file that lies in another bucket cannot be fetched from this one."""
        job = await running()
        there = await shared(job)
        elsewhere = await shared(job, place="gs://bucket/prefix")
        own = await shared(job, place="")
        longer = await shared(job, bytes=1001)
        assert await store.uploads_like(BUCKET, 1000) == [there]
        assert await store.uploads_like("gs://bucket/prefix", 1000) == [elsewhere]
        assert await store.uploads_like("", 1000) == [own]
        assert await store.uploads_like(BUCKET, 1001) == [longer]
        assert await store.uploads_like(BUCKET, 999) == []

    async def test_one_that_is_not_all_there_is_shared_with_nobody(self, store, running):
        """Half a clip behind a signed URL would be paid for like a whole one."""
        job, other = await running(), await running()
        upload = new_upload()
        await store.begin_upload(upload, job.id)
        assert await store.uploads_like(BUCKET, 1000) == []
        assert await store.find_upload(upload.id) is None
        assert await store.share_upload(upload.id, other.id) is False
        await store.end_upload(upload.id, DIGEST)
        assert await store.share_upload(upload.id, other.id) is True

    async def test_one_that_is_leaving_is_shared_with_nobody(self, store, running, shared):
        """Its object is being deleted: a URL signed now would lead nowhere."""
        job, other = await running(), await running()
        upload = await shared(job)
        await ended(store, job)
        assert await store.unwanted_uploads(()) == [upload]
        assert await store.uploads_like(BUCKET, 1000) == []
        assert await store.share_upload(upload.id, other.id) is False
        assert await store.find_upload(upload.id) is None

    async def test_what_nobody_knows_is_no_upload(self, store, running):
        """A token may name what was forgotten long ago, or what never was."""
        job = await running()
        await store.end_upload("0" * 32, DIGEST)
        await store.forget_upload("0" * 32)
        assert await store.find_upload("0" * 32) is None
        assert await store.share_upload("0" * 32, job.id) is False
        assert await store.unwanted_uploads(()) == []

    async def test_a_job_that_shares_twice_counts_once(self, store, running, shared):
        """Each retry of a submit shares anew."""
        job = await running()
        upload = await shared(job)
        for _ in range(3):
            assert await store.share_upload(upload.id, job.id)
        assert await store.find_upload(upload.id) == (upload, [job.id])

    async def test_it_is_found_with_its_unfinished_jobs_alone(self, store, running, shared):
        """The media route serves a file as long as one of them is under way, and no longer."""
        first, second = await running(), await running()
        upload = await shared(first)
        await store.share_upload(upload.id, second.id)
        assert await store.find_upload(upload.id) == (upload, sorted([first.id, second.id]))
        await ended(store, first)
        assert await store.find_upload(upload.id) == (upload, [second.id])
        await ended(store, second)
        assert await store.find_upload(upload.id) is None


class TestTidying:
    async def test_an_upload_stays_until_the_last_of_its_jobs_has_ended(
        self, store, running, shared
    ):
        """Another variant's generation may still fetch it."""
        first, second = await running(), await running()
        upload = await shared(first)
        await store.share_upload(upload.id, second.id)
        await ended(store, first)
        assert await store.unwanted_uploads(()) == []
        await ended(store, second)
        assert await store.unwanted_uploads(()) == [upload]

    @pytest.mark.parametrize(
        "events",
        [
            (),
            (Event.DECLARED,),
            (Event.DECLARED, Event.OUTCOME_UNKNOWN),
            (Event.DECLARED, Event.ACCEPTED),
            (Event.DECLARED, Event.ACCEPTED, Event.COMPLETED),
            (Event.DECLARED, Event.ACCEPTED, Event.COMPLETED, Event.FETCHED),
            (Event.RETURNED,),
        ],
        ids=lambda events: events[-1].name if events else "TAKEN",
    )
    async def test_it_stays_in_every_state_that_is_not_final(self, store, running, shared, events):
        """A job of unknown outcome may have a generation that fetches it an hour from now."""
        job = await running()
        upload = await shared(job)
        for event in events:
            job = await store.move(job, event)
        assert await store.unwanted_uploads(()) == []
        assert await store.find_upload(upload.id) == (upload, [job.id])

    async def test_a_job_that_is_retried_before_it_was_marked_keeps_it(
        self, store, running, shared
    ):
        """What lies there already need not be sent a second time."""
        job = await running()
        upload = await shared(job)
        again = await store.move(await ended(store, job), Event.AGAIN)
        assert again.state is State.QUEUED
        assert await store.unwanted_uploads(()) == []
        assert await store.find_upload(upload.id) == (upload, [job.id])

    async def test_a_job_that_is_retried_after_it_was_marked_has_to_send_it_anew(
        self, store, running, shared
    ):
        """Its removal is under way and cannot be taken back."""
        job = await running()
        upload = await shared(job)
        over = await ended(store, job)
        assert await store.unwanted_uploads(()) == [upload]
        await store.move(over, Event.AGAIN)
        assert await store.share_upload(upload.id, job.id) is False
        assert await store.find_upload(upload.id) is None
        assert await store.unwanted_uploads(()) == [upload], "until it has been removed"

    async def test_one_that_is_under_way_is_left_alone(self, store, running, shared):
        """Tidying runs while uploads do: neither half of one nor one that was just shared may go."""
        job = await running()
        half, left = new_upload(), new_upload()
        await store.begin_upload(half, job.id)
        await store.begin_upload(left, job.id)
        whole = await shared(await ended(store, await running()))
        assert await store.unwanted_uploads({half.id, whole.id}) == [left]
        await store.end_upload(half.id, DIGEST)
        assert await store.find_upload(half.id) is not None
        assert await store.unwanted_uploads(()) == sorted([left, whole], key=BY_ID)

    async def test_what_could_not_be_removed_is_told_again(self, store, running, shared):
        """A bucket that does not answer today is emptied tomorrow."""
        upload = await shared(await ended(store, await running()))
        for _ in range(3):
            assert await store.unwanted_uploads(()) == [upload]
        await store.forget_upload(upload.id)
        assert await store.unwanted_uploads(()) == []

    async def test_what_is_forgotten_leaves_nothing_behind(self, store, running, shared):
        """Its uses are forgotten with it: they must not be another's, and not fill the disk."""
        job = await running()
        upload = await shared(job)
        await store.forget_upload(upload.id)
        assert await store.find_upload(upload.id) is None
        other = await running()
        await store.begin_upload(upload, other.id)
        await store.end_upload(upload.id, DIGEST)
        assert await store.find_upload(upload.id) == (replace(upload, sha256=DIGEST), [other.id])

    async def test_the_uploads_of_a_job_that_nobody_knows_are_unwanted(
        self, store, new_job, shared
    ):
        """A drop that was withdrawn leaves no job behind that could ever end."""
        upload = await shared(new_job())
        assert await store.find_upload(upload.id) is None
        assert await store.unwanted_uploads(()) == [upload]

    async def test_whoever_shares_while_it_is_marked_has_it_or_knows_that_he_has_not(
        self, store, running, shared
    ):
        """Between a yes and its signed URL nothing may decide that nobody wants the object."""
        answers = set()
        for turn in range(40):
            over, other = await running(), await running()
            upload = await shared(over)
            await ended(store, over)
            asked = [store.share_upload(upload.id, other.id), store.unwanted_uploads(())]
            if turn % 2:
                asked.reverse()
            told = await asyncio.gather(*asked)
            yes, unwanted = reversed(told) if turn % 2 else told
            assert yes is (upload not in unwanted)
            assert (await store.find_upload(upload.id) is not None) is yes
            answers.add(yes)
            await ended(store, other)
        assert answers == {True, False}


class TestRestarts:
    async def test_all_of_it_survives_a_new_incarnation(self, store, open_again, running, shared):
        """After a kill -9 the row is all that knows of the object in the bucket."""
        job = await running()
        half = new_upload()
        await store.begin_upload(half, job.id)
        whole = await shared(job)
        leaving = await shared(await ended(store, await running()))
        assert await store.unwanted_uploads({half.id}) == [leaving]
        await store.close()
        reborn = await open_again()
        assert await reborn.uploads_like(BUCKET, 1000) == [whole]
        assert await reborn.find_upload(whole.id) == (whole, [job.id])
        found = await reborn.unwanted_uploads(())
        assert found == sorted([half, leaving], key=BY_ID)

    @pytest.mark.parametrize("name", ["sch\udcf6n", "two\nlines", "nul\x00", 'a"b\\c', "🎬", "{}"])
    async def test_any_path_comes_back(self, store, open_again, running, shared, name):
        """File names are bytes: a clip whose name is no text is served like any other."""
        job = await running()
        upload = await shared(job, file=f"/in/{name}.mp4", place=f"s3://{name}")
        await store.close()
        reborn = await open_again()
        assert await reborn.uploads_like(f"s3://{name}", 1000) == [upload]
        assert await reborn.find_upload(upload.id) == (upload, [job.id])


async def test_a_thousand_uploads_are_looked_through_at_once(store, running, shared):
    """A crowd of drops: each submit looks for its like, and each end for what is unwanted."""
    job, over = await running(), await ended(store, await running())
    kept = await asyncio.gather(*(shared(job, bytes=size) for size in range(1000)))
    left = await asyncio.gather(*(shared(over, bytes=size) for size in range(1000)))
    for size in (0, 500, 999):
        assert {each.id for each in await store.uploads_like(BUCKET, size)} == {
            kept[size].id,
            left[size].id,
        }
    busy = {each.id for each in left[:400]}
    unwanted = await store.unwanted_uploads(busy)
    assert {each.id for each in unwanted} == {each.id for each in left[400:]}
