"""Files that the provider fetches, with the installed daemon and an API that knows nothing of it."""

import hashlib
import json
import re
import signal
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from acceptance.fetching import FetchingApi, fetch, fetching_api
from acceptance.world import Site, arrive, eventually, tree
from buckets import KEY, SECRET, Bucket, ObjectServer, object_server, options, rclone
from doors import free_port
from reeldrop.simulator.footage import make_clip
from stills import png


@pytest.fixture
def api(result: Path) -> Iterator[FetchingApi]:
    with fetching_api(result) as running:
        yield running


@pytest.fixture
async def site(tmp_path: Path, api: FetchingApi, clip: Path) -> AsyncIterator[Site]:
    site = Site(tmp_path, api.url, clip)
    yield site
    if site.process is not None and site.process.returncode is None:
        await site.stop(signal.SIGKILL)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectServer]:
    with object_server(tmp_path_factory.mktemp("s3")) as running:
        yield running


@pytest.fixture
def bucket(server: ObjectServer, site: Site, tmp_path: Path) -> Bucket:
    """A bucket that the site sends everything to."""
    name = "b" + hashlib.sha256(str(tmp_path).encode()).hexdigest()[:20]
    use(site, server, name)
    return server.bucket(name)


def use(site: Site, server: ObjectServer, name: str) -> None:
    told = options(server)
    site.configure(upload={"object_store": f"s3://{name}/clips", "data_uri_max": "1KB"})
    inline = ", ".join(f"{key} = {json.dumps(value)}" for key, value in told.items())
    site.environment["REELDROP_UPLOAD__OBJECT_STORE_OPTIONS"] = f"{{ {inline} }}"


@pytest.fixture
def media(site: Site) -> str:
    """The address of a media route that the site sends everything to."""
    address = f"127.0.0.1:{free_port()}"
    site.configure(
        upload={"public_url": f"http://{address}", "data_uri_max": "1KB"}, web={"listen": address}
    )
    return f"http://{address}"


def sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def written(site: Site) -> bytes:
    """Return everything that the daemon has written, log and database among it."""
    folder = site.outbox.parent
    files = [
        name
        for name in tree(folder)
        if not name.endswith((".mov", ".mp4", ".toml", "reeldrop.json"))
    ]
    return b"".join((folder / name).read_bytes() for name in files if name != "state/media-secret")


# ---------------------------------------------------------------- the media route


async def test_clip_and_images_are_fetched_from_the_daemon_itself(
    site: Site, api: FetchingApi, media: str
) -> None:
    """Byte for byte, for as long as the job needs them, and nothing secret is written down."""
    arrive(png(9), site.inbox / "look.png")
    element = {"frontal_image_url": "look.png", "reference_image_urls": ["look.png"]}
    spec = {"prompt": "clay", "image_list": ["look.png"], "elements": [element]}
    site.drop("a.mov", spec | {"reeldrop": {"upload": "signed_url"}})
    await site.start()
    record = await site.finished("a")

    assert api.digests() == {sha256(site.clip), hashlib.sha256(png(9)).hexdigest()}
    assert record["upload"] == "signed_url"
    assert record["params"]["video_url"]["upload"] == "signed_url"
    assert record["params"]["video_url"]["sha256"] == sha256(site.clip)
    assert record["params"]["image_list"][0]["why"] == "asked for"
    url = next(each for each in api.urls() if each.endswith(".mov"))
    assert re.fullmatch(re.escape(media) + r"/media/[A-Za-z0-9._-]+", url)
    await eventually(lambda: fetch(url) == "HTTP 404")
    await site.stop()
    token = url.rpartition("/")[2].encode()
    secrets = json.loads((site.state / "media-secret").read_text())
    assert (site.state / "media-secret").stat().st_mode & 0o777 == 0o600
    for secret in (token, token.split(b".")[1], secrets[0]["value"].encode()):
        assert secret not in written(site)


async def test_auto_sends_what_is_large_by_url_and_says_why(
    site: Site, api: FetchingApi, media: str, tmp_path: Path
) -> None:
    """One daemon does both."""
    small, size = tmp_path / "small.mp4", site.clip.stat().st_size
    make_clip(small, seconds=3.0, width=720, height=720, audio=False)
    assert small.stat().st_size < size - 1000
    site.configure(upload={"data_uri_max": size - 500})
    site.drop("large.mov", {"prompt": "a"})
    site.drop("small.mp4", {"prompt": "b"}, clip=small)
    await site.start()
    large, small_one = await site.finished("large"), await site.finished("small")

    assert (large["upload"], small_one["upload"]) == ("signed_url", "data_uri")
    assert "is over upload.data_uri_max" in large["params"]["video_url"]["why"]
    assert "is not over upload.data_uri_max" in small_one["params"]["video_url"]["why"]


async def test_a_url_works_over_a_restart_and_no_other_one_does(
    site: Site, api: FetchingApi, media: str
) -> None:
    """A generation that runs fetches its clip whenever it likes; a stranger guesses in vain."""
    api.go_on.clear()
    site.drop("a.mov", {"prompt": "clay"})
    await site.start()
    await eventually(lambda: states(site) == {"generating"})
    await site.stop(signal.SIGKILL)
    await site.start()
    url = api.urls()[0]
    token = url.rpartition("/")[2]

    assert fetch(url) == sha256(site.clip)
    payload, signature, suffix = token.split(".")
    for bad in (
        f"{other(payload)}.{signature}.{suffix}", f"{payload}.{other(signature)}.{suffix}",
        f"{payload}.{signature}.mp4", token + "x", "", "../state/media-secret",
        "..%2f..%2fetc%2fpasswd", f"{token}/../{token}", f"%2e%2e/{token}", f"{token}%00",
    ):  # fmt: skip
        assert fetch(f"{media}/media/{bad}") == "HTTP 404"
    for path in ("", "/", "/media", f"//media/{token}", f"/MEDIA/{token}", "/_status.json"):
        assert fetch(f"{media}{path}") == "HTTP 404"
    api.go_on.set()
    assert (await site.finished("a"))["state"] == "delivered"


def other(text: str) -> str:
    """Return a text that differs in one letter, whatever that is."""
    return ("B" if text.startswith("A") else "A") + text[1:]


async def test_a_port_that_is_taken_ends_the_start(site: Site, media: str) -> None:
    """Jobs would be submitted, and paid for, with URLs that nobody can fetch."""
    port = int(media.rpartition(":")[2])
    with socket.create_server(("127.0.0.1", port)):
        code, _, errors = await site.command("run", "--once")
    assert code == 75
    assert f"web.listen = 127.0.0.1:{port}" in errors


# ---------------------------------------------------------------- an object store


async def test_variants_share_one_object_and_the_bucket_is_empty_afterwards(
    site: Site, api: FetchingApi, bucket: Bucket
) -> None:
    """Signed URLs, credentials and signatures are written down nowhere."""
    api.go_on.clear()
    spec = {"prompt": "clay", "reeldrop": {"variants": [{"prompt": "ink"}, {"prompt": "oil"}]}}
    site.drop("a.mov", spec)
    await site.start()
    await eventually(lambda: len(api.bodies) == 2)
    assert len(bucket.objects()) == 1
    api.go_on.set()
    record = await site.finished("a-v1")
    await site.finished("a-v2")

    assert {url.partition("?")[0] for url in (*api.urls(0), *api.urls(1))} == {
        api.urls(0)[0].partition("?")[0]
    }
    assert api.digests(0) == api.digests(1) == {sha256(site.clip)}
    assert record["upload"] == "signed_url"
    await eventually(lambda: not bucket.objects())
    await site.stop()
    for secret in (KEY, SECRET, "X-Amz-", api.urls(0)[0].partition("Signature=")[2]):
        assert secret.encode() not in written(site)


async def test_a_submit_that_is_sent_again_has_a_new_url_of_the_same_object(
    site: Site, api: FetchingApi, bucket: Bucket
) -> None:
    """The first one may have expired by then."""
    api.refuse = 1
    site.drop("a.mov", {"prompt": "clay"})
    site.configure(upload={"url_ttl": 600})
    await site.start()
    await site.finished("a")

    first, second = api.urls(0)[0], api.urls(1)[0]
    assert first != second
    assert first.partition("?")[0] == second.partition("?")[0]


async def test_a_kill_in_mid_upload_leaves_nothing_and_pays_once(
    site: Site, api: FetchingApi, bucket: Bucket
) -> None:
    """What a dead daemon has begun is removed by the next one."""
    # However late it is seen, the upload is not over.
    site.configure(limits={"upload_bandwidth": site.clip.stat().st_size // 100})
    site.drop("a.mov", {"prompt": "clay"})
    await site.start()
    await eventually(lambda: states(site) == {"uploading"})
    await site.stop(signal.SIGKILL)
    site.configure(limits={"upload_bandwidth": 0})
    assert await site_once(site) == 0
    assert len(api.bodies) == 1
    assert bucket.objects() == []


async def test_a_kill_while_it_is_made_leaves_nothing_either(
    site: Site, api: FetchingApi, bucket: Bucket
) -> None:
    """The object is needed until the job has ended, and no longer."""
    api.go_on.clear()
    site.drop("a.mov", {"prompt": "clay"})
    await site.start()
    await eventually(lambda: states(site) == {"generating"})
    await site.stop(signal.SIGKILL)
    assert len(bucket.objects()) == 1
    api.go_on.set()
    assert await site_once(site) == 0
    assert len(api.bodies) == 1
    assert bucket.objects() == []


async def test_while_the_store_is_away_only_those_wait_that_need_it(
    site: Site, api: FetchingApi, tmp_path: Path
) -> None:
    """They say so, and go on by themselves."""
    with rclone(tmp_path / "s3") as server:
        server.bucket("clips")
        use(site, server, "clips")
        server.stop()
        site.drop("large.mov", {"prompt": "a"})
        site.drop("inline.mov", {"prompt": "b", "reeldrop": {"upload": "data_uri"}})
        await site.start()
        await site.finished("inline")

        def reason() -> str:
            jobs = json.loads(site.status_path.read_text())["jobs"]
            return next((job["reason"] for job in jobs if job["path"] == "large.mov"), "")

        await eventually(lambda: "s3://clips/clips does not take files now" in reason())
        server.start()
        assert (await site.command("resume"))[0] == 0
        assert (await site.finished("large"))["upload"] == "signed_url"


def states(site: Site) -> set[str]:
    """Return the states of all jobs, as the status file tells."""
    return {job["state"] for job in json.loads(site.status_path.read_text())["jobs"]}


async def site_once(site: Site) -> int:
    code, _, errors = await site.command("run", "--once")
    assert "Traceback" not in errors
    return code


def test_the_helpers_see_what_they_look_for(tmp_path: Path) -> None:
    """A search that finds nothing anywhere proves nothing."""
    site: Any = type("Site", (), {"outbox": tmp_path / "outbox"})
    site.outbox.mkdir()
    (site.outbox / "job.json").write_text("X-Amz-Signature")
    assert b"X-Amz-" in written(site)
