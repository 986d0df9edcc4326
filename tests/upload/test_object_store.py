"""Files at an object store that verifies signatures and expiry, over real sockets."""

import asyncio
import hashlib
import os
import re
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from buckets import SECRET, Bucket, ObjectServer, object_server, options
from meters import meter
from reeldrop.domain.errors import FileBusy, SettingsError, UploadUnavailable
from reeldrop.domain.job import Claim, ClaimedFile, Job, JobId, RelPath
from reeldrop.domain.lifecycle import Event
from reeldrop.host.clock import SystemClock
from reeldrop.ports import JobStore, Sending, Upload
from reeldrop.settings import LimitSettings, StoreSettings, UploadSettings
from reeldrop.store import open_store
from reeldrop.upload import open_uploads
from reeldrop.upload.choose import Chooser
from reeldrop.upload.local import LocalFile
from reeldrop.upload.object_store import ObjectStore


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectServer]:
    with object_server(tmp_path_factory.mktemp("s3")) as running:
        yield running


@pytest.fixture
def bucket(server: ObjectServer, tmp_path: Path) -> Bucket:
    name = "b" + hashlib.sha256(str(tmp_path).encode()).hexdigest()[:20]
    return server.bucket(name)


@pytest.fixture
def settings(server: ObjectServer, bucket: Bucket) -> UploadSettings:
    return UploadSettings(
        object_store=f"s3://{bucket.name}/clips", object_store_options=options(server)
    )


@pytest.fixture
async def memory(tmp_path: Path) -> AsyncIterator[JobStore]:
    store = await open_store(
        StoreSettings(url=f"sqlite:///{tmp_path}/state/r.db"),
        LimitSettings(),
        reconcile_window=1.0,
        clock=SystemClock(),
    )
    yield store
    await store.close()


def opened(settings: UploadSettings, memory: JobStore) -> Chooser:
    return open_uploads(settings, memory, Path("/nowhere"), SystemClock())


@dataclass
class Bench:
    """One daemon's uploads, and the jobs of its store."""

    uploads: Chooser
    memory: JobStore

    async def job(self, number: int) -> JobId:
        path = RelPath(f"{number}.mp4")
        job = Job(
            id=JobId(f"{number:032x}"), watch="main", path=path, folder=RelPath(str(number)),
            model="m", params={}, claim=Claim(RelPath(f"c/{number}"), (ClaimedFile(path, path),)),
            source_key=str(number), created=1.0, updated=1.0, claimed=True,
        )  # fmt: skip
        await self.memory.add([job])
        return job.id

    async def end(self, job_id: JobId) -> None:
        job = await self.memory.get(job_id)
        assert job is not None
        job = await self.memory.move(job, Event.REFUSED)
        await self.memory.move(job, Event.PLACED_FAILED)

    async def send(self, file: Path, job: JobId, wanted: str = "signed_url") -> Sending:
        return await self.uploads.prepare(file, wanted, job, meter())


@pytest.fixture
async def bench(settings: UploadSettings, memory: JobStore) -> AsyncIterator[Bench]:
    uploads = opened(settings, memory)
    yield Bench(uploads, memory)
    await uploads.aclose()


def url_of(sending: Sending) -> str:
    assert isinstance(sending.value, str)
    return sending.value


async def fetched(url: str) -> tuple[bytes, str]:
    def fetch() -> tuple[bytes, str]:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.read(), answer.headers["content-type"]

    return await asyncio.to_thread(fetch)


async def status_of(url: str) -> int:
    try:
        await fetched(url)
    except urllib.error.HTTPError as error:
        with error:
            return error.code
    return 200


@pytest.mark.parametrize("size", [1, 5 * 1024 * 1024, 17_000_003])
async def test_the_url_gives_out_the_file_and_its_type(
    bench: Bench, bucket: Bucket, tmp_path: Path, size: int
) -> None:
    """In one part and in several; a key tells nothing of the file."""
    (clip := tmp_path / "secret plan.MP4").write_bytes(content := os.urandom(size))

    sending = await bench.send(clip, await bench.job(1))

    assert await fetched(url_of(sending)) == (content, "video/mp4")
    assert sending.source.facts().sha256 == hashlib.sha256(content).hexdigest()
    (found,) = bucket.objects()
    assert re.fullmatch(r"clips/[0-9a-f]{32}\.mp4", found)


async def test_a_changed_url_is_refused(bench: Bench, tmp_path: Path) -> None:
    """A server that accepts everything would let this pass: the signature is what protects a clip."""
    (clip := tmp_path / "a.mp4").write_bytes(b"a" * 99)
    url = url_of(await bench.send(clip, await bench.job(1)))

    assert await status_of(url[:-1] + ("0" if url[-1] != "0" else "1")) == 403
    assert await status_of(url.replace("Expires=3600", "Expires=7200")) == 403
    assert await status_of(url.partition("?")[0]) in (400, 403)


async def test_a_url_expires(settings: UploadSettings, memory: JobStore, tmp_path: Path) -> None:
    """Who finds it in a log next year fetches nothing."""
    (clip := tmp_path / "a.mp4").write_bytes(b"a" * 99)
    short = Bench(opened(settings.model_copy(update={"url_ttl": 1}), memory), memory)
    url = url_of(await short.send(clip, await short.job(1)))

    async with asyncio.timeout(20):
        while (status := await status_of(url)) == 200:
            await asyncio.sleep(0.1)
    assert status in (400, 403)


async def test_the_same_bytes_are_there_once_and_until_the_last_job_has_ended(
    bench: Bench, bucket: Bucket, tmp_path: Path
) -> None:
    """Variants and retries share an object, and so do drops that hold the same clip."""
    for name in ("a.mp4", "b.mp4"):
        (tmp_path / name).write_bytes(b"same" * 9)
    (tmp_path / "c.mp4").write_bytes(b"else" * 9)
    one, two = await bench.job(1), await bench.job(2)

    urls = [url_of(await bench.send(tmp_path / name, job)) for name, job in
            (("a.mp4", one), ("a.mp4", one), ("b.mp4", two), ("c.mp4", two))]  # fmt: skip
    assert len(bucket.objects()) == 2
    assert len({url.partition("?")[0] for url in urls}) == 2

    await bench.end(one)
    await bench.uploads.tidy()
    assert len(bucket.objects()) == 2
    await bench.end(two)
    await bench.uploads.tidy()
    assert bucket.objects() == []


async def test_many_at_once_with_the_same_bytes_share_as_well(
    bench: Bench, bucket: Bucket, tmp_path: Path
) -> None:
    """The variants of a drop are sent at the same moment."""
    (clip := tmp_path / "a.mp4").write_bytes(b"a" * 99)
    job = await bench.job(1)

    await asyncio.gather(*(bench.send(clip, job) for _ in range(8)))

    assert len(bucket.objects()) == 1


async def test_an_object_that_is_gone_is_put_there_again(
    bench: Bench, bucket: Bucket, tmp_path: Path
) -> None:
    """A rule of the bucket may have removed it while the job waited."""
    (clip := tmp_path / "a.mp4").write_bytes(b"a" * 99)
    job = await bench.job(1)
    await bench.send(clip, job)
    bucket.remove(bucket.objects()[0])

    assert (await fetched(url_of(await bench.send(clip, job))))[0] == b"a" * 99


async def test_a_file_that_changes_while_it_is_sent_is_not_used(
    bench: Bench, bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What lies there then is nothing that anybody dropped."""
    (clip := tmp_path / "a.mp4").write_bytes(b"a" * 99)
    real = LocalFile.sha256

    async def changed_meanwhile(self: LocalFile) -> str:
        digest = await real(self)
        clip.write_bytes(b"b" * 99)
        os.utime(clip, ns=(1, 1))
        return digest

    monkeypatch.setattr(LocalFile, "sha256", changed_meanwhile)
    with pytest.raises(FileBusy, match=r"a\.mp4 changed"):
        await bench.send(clip, await bench.job(1))
    await bench.uploads.tidy()
    assert bucket.objects() == []


async def test_what_a_dead_daemon_left_is_removed_at_the_next_start(
    bench: Bench, settings: UploadSettings, bucket: Bucket, tmp_path: Path
) -> None:
    """It may have died between the object and the note that all of it is there."""
    (clip := tmp_path / "a.mp4").write_bytes(b"a" * 99)
    await bench.send(clip, await bench.job(1))
    (found,) = bucket.objects()
    await bench.memory.end_upload(found[len("clips/") :].partition(".")[0], "")

    await opened(settings, bench.memory).tidy()
    assert bucket.objects() == []


async def test_an_upload_that_is_broken_off_leaves_nothing(
    bench: Bench, bucket: Bucket, tmp_path: Path
) -> None:
    """A stop, a cancel, or a share that went silent."""
    (clip := tmp_path / "a.mp4").write_bytes(os.urandom(20_000_000))
    counted = meter()
    sending = asyncio.ensure_future(
        bench.uploads.prepare(clip, "signed_url", await bench.job(1), counted)
    )
    async with asyncio.timeout(20):
        while not counted.transfer.bytes:
            await asyncio.sleep(0)
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending

    await bench.uploads.tidy()
    assert bucket.objects() == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"secret_access_key": "not+the+one"}, "refuses the credentials (SignatureDoesNotMatch)"),
        ({"bucket": "no-such-bucket"}, "There is no object store"),
        ({"endpoint": "http://127.0.0.1:9"}, "does not take files now"),
    ],
)
async def test_trouble_is_told_without_anything_secret(
    settings: UploadSettings, memory: JobStore, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    change: dict[str, str], words: str,
) -> None:  # fmt: skip
    """The job waits, and whoever reads why must not read the key."""
    (clip := tmp_path / "a.mp4").write_bytes(b"a" * 99)
    told = dict(settings.object_store_options)
    store = settings.object_store
    if "bucket" in change:
        store = f"s3://{change['bucket']}"
    else:
        told |= change
    bench = Bench(
        opened(UploadSettings(object_store=store, object_store_options=told), memory),
        memory,
    )
    with pytest.raises(UploadUnavailable) as caught:
        await bench.send(clip, await bench.job(1))
    await bench.uploads.tidy()

    said = caught.value.words + "".join(capsys.readouterr())
    assert words in said
    assert caught.value.hint
    for secret in (
        SECRET,
        "not+the+one",
        "X-Amz",
        "AWSAccessKey",
        settings.object_store_options["access_key_id"],
    ):
        assert str(secret) not in said


def test_plain_http_is_for_this_host_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Wherever the endpoint is named: clips and keys would go over the wire readably."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://s3.example.com")
    monkeypatch.setenv("AWS_ALLOW_HTTP", "true")
    settings = UploadSettings(object_store="s3://bucket", object_store_options={"region": "x"})
    with pytest.raises(SettingsError, match=r"http://s3\.example\.com"):
        opened(settings, None)  # type: ignore[arg-type]


@pytest.mark.parametrize("url", ["s3://b", "gs://b", "az://b"])
def test_a_misspelt_option_is_named_without_its_value(url: str) -> None:
    """A key that was pasted into the wrong line must not come out in a log."""
    settings = UploadSettings(object_store=url, object_store_options={"seecret": "hunter2hunter2"})
    with pytest.raises(SettingsError) as caught:
        opened(settings, None)  # type: ignore[arg-type]
    assert "seecret" in caught.value.words
    assert "hunter2" not in caught.value.words


@pytest.mark.parametrize(
    ("url", "options", "host"),
    [
        ("s3://b/p", {"region": "eu-west-1", "access_key_id": "A", "secret_access_key": "S"},
         "https://s3.eu-west-1.amazonaws.com/b/p/"),
        ("az://c/p", {"account_name": "acc", "account_key": "c2VjcmV0"},
         "https://acc.blob.core.windows.net/c/p/"),
    ],
)  # fmt: skip
async def test_urls_of_other_stores_are_signed_too(
    memory: JobStore, tmp_path: Path, url: str, options: dict[str, str | bool | int], host: str
) -> None:
    """Signing asks nobody, so it can be seen without an account."""
    store = ObjectStore(UploadSettings(object_store=url, object_store_options=options), options)
    signed = await store.sign(Upload("0" * 32, url, "a.mov", "", 1, "video/quicktime"))
    assert signed.startswith(f"{host}{'0' * 32}.mov?")
