"""Files at an object store that verifies signatures and expiry, over real sockets."""

import asyncio
import hashlib
import os
import re
import sys
import urllib.error
import urllib.request
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

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
from reeldrop.upload import object_store, open_uploads
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


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let whoever breaks an upload off wait until the store is told, however busy this machine is."""
    monkeypatch.setattr(object_store, "ABORTING", 40.0)


@pytest.fixture
def one_retry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a store that does not answer be asked twice, not seven times with growing pauses."""
    monkeypatch.setitem(object_store.RETRIES, "max_retries", 1)


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


@dataclass
class Relay:
    """Stands between an upload and its store, and hears what is asked."""

    store: str
    unseen_is_forbidden: bool = False
    """Whether it answers like a store to someone who may not list its objects."""
    asked: list[str] = field(default_factory=list)
    endpoint: str = ""
    flows: asyncio.Event = field(default_factory=asyncio.Event)
    """While it is not set nothing of what is asked goes on."""
    holds_parts: bool = False
    """Whether it stops at the first part: none of them gets through."""

    def __post_init__(self) -> None:
        self.flows.set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host, _, port = self.store.removeprefix("http://").partition(":")
        answers, questions = await asyncio.open_connection(host, int(port))
        try:
            await asyncio.gather(
                self.pass_on(reader, questions, self.hear), self.pass_on(answers, writer, self.say)
            )
        finally:
            questions.transport.abort()

    async def pass_on(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        by: Callable[[bytes], bytes],
    ) -> None:
        while data := await reader.read(65536):
            told = by(data)
            if by == self.hear:
                await self.flows.wait()
            writer.write(told)
            await writer.drain()
        writer.close()

    def hear(self, data: bytes) -> bytes:
        found = re.findall(rb"((?:HEAD|PUT|POST|DELETE) /[!-~]+) HTTP/1\.1\r\n", data)
        self.asked += [each.decode() for each in found]
        if self.holds_parts and b"partNumber=" in data:
            self.holds_parts = False
            self.flows.clear()
        return data

    def say(self, data: bytes) -> bytes:
        forbidden = b"HTTP/1.1 403 Forbidden"
        return (
            data.replace(b"HTTP/1.1 404 Not Found", forbidden) if self.unseen_is_forbidden else data
        )


@asynccontextmanager
async def listening(
    serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]],
    host: str = "127.0.0.1",
) -> AsyncGenerator[str, None]:
    """Yield the address at which `serve` hears of connections; they end with the block."""
    under_way: set[asyncio.Task[None]] = set()

    def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        under_way.add(asyncio.ensure_future(serve_one(reader, writer)))

    async def serve_one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(OSError):
                await serve(reader, writer)
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(begin, host, 0)
    try:
        yield f"http://{host}:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for each in under_way:
            each.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)
        # An aborted connection is closed by the next turn of the loop.
        await asyncio.sleep(0)


@pytest.fixture
async def relay(server: ObjectServer) -> AsyncIterator[Relay]:
    relay = Relay(server.endpoint)
    async with listening(relay.serve) as relay.endpoint:
        yield relay


def through(address: str, settings: UploadSettings) -> UploadSettings:
    """Return the settings with the store at another address."""
    told = {**settings.object_store_options, "endpoint": address}
    return settings.model_copy(update={"object_store_options": told})


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
        with urllib.request.urlopen(url, timeout=30) as answer:
            return answer.read(), answer.headers["content-type"]

    return await asyncio.to_thread(fetch)


async def status_of(url: str) -> int:
    try:
        await fetched(url)
    except urllib.error.HTTPError as error:
        with error:
            return error.code
    return 200


@pytest.mark.parametrize("size", [1, 5 * 1024 * 1024, 11_000_003])
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

    async with asyncio.timeout(50):
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


@pytest.mark.usefixtures("patient")
async def test_an_upload_that_is_broken_off_leaves_nothing(
    bench: Bench, bucket: Bucket, tmp_path: Path
) -> None:
    """A stop, a cancel, or a share that went silent."""
    (clip := tmp_path / "a.mp4").write_bytes(os.urandom(20_000_000))
    counted = meter()
    sending = asyncio.ensure_future(
        bench.uploads.prepare(clip, "signed_url", await bench.job(1), counted)
    )
    async with asyncio.timeout(50):
        while not counted.transfer.bytes:
            await asyncio.sleep(0.002)
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending

    await bench.uploads.tidy()
    assert bucket.objects() == []


@pytest.mark.parametrize(
    ("body", "words"),
    [("", "refuses the credentials"), ("<Code>RequestTimeTooSkewed</Code>", "clock wrong")],
)
async def test_a_store_that_knows_nobody_is_told_from_one_that_is_away(
    settings: UploadSettings, memory: JobStore, tmp_path: Path, body: str, words: str
) -> None:
    """Whoever reads it must not look for the trouble in the network."""
    (clip := tmp_path / "a.mp4").write_bytes(b"a" * 99)

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        head = f"HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write((head + body).encode())
        await writer.drain()

    async with listening(refuse) as address:
        bench = Bench(opened(through(address, settings), memory), memory)
        with pytest.raises(UploadUnavailable, match=words):
            await bench.send(clip, await bench.job(1))


@pytest.mark.usefixtures("patient")
async def test_parts_that_were_sent_already_are_taken_back_by_who_breaks_off(
    settings: UploadSettings, memory: JobStore, relay: Relay, tmp_path: Path
) -> None:
    """Nobody sees the parts of what never came to its end, and whoever owns the bucket pays for them."""
    (clip := tmp_path / "a.mp4").write_bytes(os.urandom(20_000_000))
    bench = Bench(opened(through(relay.endpoint, settings), memory), memory)
    sending = asyncio.ensure_future(bench.send(clip, await bench.job(1)))
    async with asyncio.timeout(50):
        while not any("uploadId" in each for each in relay.asked):
            await asyncio.sleep(0.002)
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending

    (ended,) = aborted(relay)
    begun = next(each for each in relay.asked if each.startswith("PUT"))
    assert begun.partition("uploadId=")[2].partition("&")[0] in ended


def aborted(relay: Relay) -> list[str]:
    return [each for each in relay.asked if each.startswith("DELETE") and "uploadId" in each]


async def test_parts_on_a_slow_link_are_taken_back_when_they_have_come_to_their_end(
    settings: UploadSettings, memory: JobStore, relay: Relay, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Whoever cancels does not wait for them; the store is told all the same."""
    monkeypatch.setattr(object_store, "ABORTING", 0.1)
    (clip := tmp_path / "a.mp4").write_bytes(os.urandom(26_000_000))
    bench = Bench(opened(through(relay.endpoint, settings), memory), memory)
    relay.holds_parts = True
    sending = asyncio.ensure_future(bench.send(clip, await bench.job(1)))
    async with asyncio.timeout(50):
        while sum("partNumber=" in each for each in relay.asked) < object_store.PARTS:
            await asyncio.sleep(0.002)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        relay.flows.set()
        while not aborted(relay):
            await asyncio.sleep(0.002)
    await bench.uploads.aclose()


async def test_rights_to_list_are_not_needed(
    settings: UploadSettings, memory: JobStore, bucket: Bucket, relay: Relay, tmp_path: Path
) -> None:
    """Without them a store refuses to say that an object is gone; the job would wait for ever."""
    relay.unseen_is_forbidden = True
    (clip := tmp_path / "a.mp4").write_bytes(b"a" * 99)
    bench = Bench(opened(through(relay.endpoint, settings), memory), memory)
    job = await bench.job(1)
    await bench.send(clip, job)
    bucket.remove(bucket.objects()[0])

    assert (await fetched(url_of(await bench.send(clip, job))))[0] == b"a" * 99


@pytest.mark.usefixtures("one_retry")
async def test_a_store_that_hangs_is_found_out_before_a_part_is_sent(
    settings: UploadSettings, memory: JobStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A part may take minutes on a slow link; a job must not wait that long to hear of an outage."""
    monkeypatch.setattr(object_store, "FOR_A_WORD", "0.1s")
    (clip := tmp_path / "a.mp4").write_bytes(b"a" * 99)

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(65536):
            pass

    async with listening(say_nothing) as address:
        bench = Bench(opened(through(address, settings), memory), memory)
        async with asyncio.timeout(30):
            with pytest.raises(UploadUnavailable, match="does not take files now"):
                await bench.send(clip, await bench.job(1))


async def test_what_lies_at_a_place_that_is_no_longer_set_is_named_once(
    bench: Bench, settings: UploadSettings, bucket: Bucket, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """Nobody but a person can remove it then; and it is removed after all once the place is set again."""
    (clip := tmp_path / "a.mp4").write_bytes(b"a" * 99)
    await bench.send(clip, job := await bench.job(1))
    (found,) = bucket.objects()
    await bench.end(job)

    elsewhere = opened(
        settings.model_copy(update={"object_store": f"s3://{bucket.name}/else"}), bench.memory
    )
    await elsewhere.tidy()
    await elsewhere.tidy()
    said = "".join(capsys.readouterr())
    assert said.count("upload.left_behind") == 1
    assert found[len("clips/") :].partition(".")[0] in said

    await bench.uploads.tidy()
    assert bucket.objects() == []


@pytest.mark.usefixtures("one_retry")
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


@pytest.mark.parametrize(
    ("url", "options", "variable"),
    [
        ("az://b", {"account_name": "a", "account_key": "c2VjcmV0"}, "AZURE_STORAGE_ENDPOINT"),
        ("gs://b", {"skip_signature": True}, "GOOGLE_BASE_URL"),
    ],
)
async def test_other_stores_are_not_spoken_to_in_plain_http_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    url: str, options: dict[str, str | bool | int], variable: str,
) -> None:  # fmt: skip
    """Not even where an option allows it: the address may come from elsewhere."""
    (clip := tmp_path / "a.mp4").write_bytes(b"a" * 99)
    options = {**options, "allow_http": True}
    came: list[bytes] = []

    async def note(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        came.append(await reader.read(99))

    # It is this host, by an address that does not say so.
    async with listening(note, "0.0.0.0") as address:
        monkeypatch.setenv(variable, address)
        store = ObjectStore(UploadSettings(object_store=url), options)
        with pytest.raises(UploadUnavailable):
            await store.put(
                Upload("0" * 32, url, str(clip), "", 99, "video/mp4"),
                await LocalFile.of(clip),
                meter(),
            )
    assert came == []


@pytest.mark.parametrize("prefix", ["aws_", "AWS_"])
async def test_options_have_all_the_names_that_obstore_gives_them(prefix: str) -> None:
    """They are obstore's own, as they are; its documents use the long ones too."""
    short = {"access_key_id": "A", "secret_access_key": "S", "region": "eu-west-1"}
    options = {(prefix + key if prefix.islower() else (prefix + key).upper()): value
               for key, value in short.items()}  # fmt: skip
    store = ObjectStore(UploadSettings(object_store="s3://b"), options)
    signed = await store.sign(Upload("0" * 32, "s3://b", "a.mov", "", 1, "video/quicktime"))
    assert signed.startswith("https://s3.eu-west-1.amazonaws.com/b/")


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who sets an object store later has installed Reeldrop without it."""
    for name in ("obstore", "obstore.exceptions", "obstore.store"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(SettingsError) as caught:
        opened(UploadSettings(object_store="s3://b"), None)  # type: ignore[arg-type]
    assert "pip install 'reeldrop[objectstore]'" in caught.value.hint


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
