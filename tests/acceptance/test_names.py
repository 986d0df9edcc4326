"""Names of every kind: litter and its look-alikes, links, special files, and names that break things."""

import json
import os
import socket
from pathlib import Path

import pytest

from acceptance.awaiting import says
from acceptance.dropping import footage, put, sent, spec, waiting
from acceptance.world import Site, arrive, eventually
from reeldrop.simulator import Simulator

LITTER = [
    ".DS_Store", "._shot.mov", "Thumbs.db", "desktop.ini", "shot.mov.part", "shot.mov.PARTIAL",
    "shot.mov.AbC123.partial", "shot.mov.tmp", "shot.mov.temp", "shot.mov.crdownload", "shot.mov.download",
    "shot.mov.filepart", "shot.mov.!qB", "shot.mov.aria2", "shot.mov.opdownload", ".shot.mov.Xy12Zz",
    ".syncthing.shot.mov.tmp", "~syncthing~shot.mov.tmp", "shot.mov.writing", "shot.mov.camelLock",
    "shot.mov.part.minio", ".nfs000000000001.mov", ".fuse_hidden0001.mov", ".smbdeleteAAA1.mov", "~$shot.mov",
    "shot.mov~", ".hidden.mov",
]  # fmt: skip
PRUNED = [
    "@eaDir", "#recycle", "@Recycle", ".@__thumb", ".stfolder", ".stversions", ".snapshot", "#snapshot",
    "lost+found", "$RECYCLE.BIN", "System Volume Information", "__MACOSX", ".Trashes", ".fseventsd",
    ".Spotlight-V100", "~snapshot", "shots.part",
]  # fmt: skip
LOOK_ALIKES = [
    "stfolder.mov", "my_thumbs.mov", "a._b.mov", "part.mov", "tmp.mov", "clip.part.mov", "clip~.mov",
    "eaDir/in.mov", "recycle/in.mov", "Thumbs.db.mov", "desktop.mov", "clip.tmp.MOV", "download.Mp4",
    "snapshot/in.mov",
]  # fmt: skip


@pytest.mark.parametrize("backend", ["inotify", "polling"])
async def test_litter_is_left_alone_and_its_look_alikes_are_taken(
    site: Site, api: Simulator, backend: str
) -> None:
    """All of it holds whole clips, and a preset that would let every clip be taken."""
    site.configure(watch={"backend": backend, "poll_interval": 0.2})
    arrive(spec("preset"), site.inbox / "_preset.json")
    litter = [*LITTER, *(f"{folder}/in.mov" for folder in PRUNED)]

    def strew() -> None:
        for name in litter:
            (site.inbox / name).parent.mkdir(exist_ok=True)
            (site.inbox / name).write_bytes(footage())

    if backend == "polling":
        strew()
    await site.start()
    strew()
    for name in LOOK_ALIKES:
        put(site, name)
    for name in LOOK_ALIKES:
        await site.finished(name.rpartition(".")[0])
    assert sorted(name for name, _ in sent(api)) == sorted(LOOK_ALIKES)
    assert all((site.inbox / name).read_bytes() == footage() for name in litter)
    await eventually(lambda: not waiting(site))


async def test_links_and_special_files_are_told_and_never_opened(
    site: Site, api: Simulator, tmp_path: Path
) -> None:
    """Whoever may drop must not be able to have the host's files uploaded, or the daemon hang."""
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    (secrets / "clip.mov").write_bytes(footage())
    (secrets / "spec.json").write_bytes(spec("what nobody may see"))
    (secrets / "picture.png").write_bytes(b"what nobody may see")
    inbox = site.inbox
    site.configure(watch={"sidecar_timeout": 4.0})
    await site.start()
    links = _link(inbox, secrets)
    arrive(footage(), inbox / "beside.mov")
    pictures = ("picture.png", "folder/picture.png", "../secrets/picture.png")
    for name, picture in zip(("refers", "through", "climbs"), pictures, strict=True):
        put(site, f"{name}.mov", image_list=[picture])
    os.mkfifo(inbox / "fifo.mov")
    _device(inbox / "device.mov")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(inbox / "socket.mov"))
    put(site, "directory.mov/inside.mov")
    put(site, "good.mov")
    await site.finished("good")
    await site.finished("directory.mov/inside")
    records = [await site.finished(f"_failed/{name}") for name in ("refers", "through", "climbs")]
    assert all("image_list[0]" in record["error"]["message"] for record in records)
    special = dict.fromkeys(("fifo.mov", "device.mov", "socket.mov"), "not a regular file")
    await says(site, special | dict.fromkeys(links, "link"))
    await site.finished("_failed/beside")
    await site.stop()
    assert sorted(name for name, _ in sent(api)) == ["directory.mov/inside.mov", "good.mov"]
    delivered = [path for path in site.outbox.rglob("*") if path.is_file()]
    assert not [path for path in delivered if b"what nobody may see" in path.read_bytes()]


def _link(inbox: Path, secrets: Path) -> list[str]:
    """Put links to secrets, to nothing and into circles; return those that are told of."""
    (inbox / "round").mkdir()
    targets = {
        "linked.mov": secrets / "clip.mov",
        "dangling.mov": secrets / "nothing",
        "loop.mov": inbox / "loop.mov",
        "beside.json": secrets / "spec.json",
        "folder": secrets,
        "round/a": inbox,
        "round/b": inbox / "round",
    }
    silent = {"_preset.json": secrets / "spec.json", "picture.png": secrets / "picture.png"}
    for name, target in (targets | silent).items():
        (inbox / name).symlink_to(target)
    for name in ("linked.mov", "dangling.mov", "loop.mov"):
        arrive(spec(name), inbox / f"{name}.json")
    return list(targets)


ODD = [
    "new\nline", "tab\there", "quote\"s'", "emoji 🎬", "\u202ertl עברית", "-dash", "trailing dot.",
    "trailing space ", b"bytes\xff\xfe".decode("utf-8", "surrogateescape"), "CON", "a:b?*<>|", "back\\slash",
    "%41&amp;<b>", "a" * 200, "é" * 120, "two..dots", "(1) [2] {3} $HOME `id`", "semi;colon", "*",
]  # fmt: skip


async def test_odd_names_are_taken_and_delivered_under_their_own(
    site: Site, api: Simulator
) -> None:
    """Names are bytes; logs, lists and records stay what their readers can read."""
    await site.start()
    for number, name in enumerate(ODD):
        target = site.inbox / f"{name}.mov"
        arrive(spec(f"odd {number}"), target.with_name(f"{name}.json"))
        arrive(footage(), target)
    longest = "x" * 251
    arrive(spec("the longest", video_url=f"{longest}.mov"), site.inbox / "longest.json")
    arrive(footage(), site.inbox / "arrives.mov")
    (site.inbox / "arrives.mov").rename(site.inbox / f"{longest}.mov")
    for name in ODD:
        await site.finished(name.rstrip(". ")[:240])
    await eventually(lambda: len(list(site.outbox.glob("x*/job.json"))) == 1)
    [record] = [json.loads(path.read_text()) for path in site.outbox.glob("x*/job.json")]
    assert record["state"] == "delivered"
    [source] = site.outbox.glob(f"x*/source/{longest}.mov")
    assert source.read_bytes() == footage()
    assert len(sent(api)) == len(ODD) + 1
    await site.stop()
    assert all(isinstance(json.loads(line), dict) for line in site.log.splitlines())
    lines = [path.read_text() for path in site.outbox.rglob("*.jsonl")]
    assert all(isinstance(json.loads(line), dict) for text in lines for line in text.splitlines())
    code, output, errors = await site.command("jobs")
    assert (code, errors) == (0, "")
    assert "\u202e" not in output


async def test_two_clips_that_differ_in_case_alone_are_both_delivered(
    site: Site, api: Simulator
) -> None:
    """On a share that does not know case the second would lie over the first."""
    await site.start()
    for name in ("shot", "SHOT"):
        arrive(spec(name), site.inbox / f"{name}.mov.json")
        arrive(footage(), site.inbox / f"{name}.mov")
    await eventually(lambda: len(list(site.outbox.glob("*/job.json"))) == 2)
    assert sorted(name for name, _ in sent(api)) == ["SHOT", "shot"]


async def test_deep_paths_are_taken_or_told(site: Site, api: Simulator) -> None:
    """Four hundred characters are no fault; a tree without end is not walked to its end."""
    deep = "/".join(f"folder{number:03}" for number in range(40))
    put(site, f"{deep}/a.mov")
    endless = site.inbox / "/".join(f"d{number}" for number in range(70))
    endless.mkdir(parents=True)
    await site.start()
    await site.finished(f"{deep}/a")
    await eventually(lambda: any("deep" in reason for reason in waiting(site).values()))
    assert len(sent(api)) == 1


async def test_a_file_of_another_kind_is_refused_by_what_is_in_it(
    site: Site, api: Simulator
) -> None:
    """Its extension says video, its bytes do not; what has no video extension is no drop at all."""
    site.configure(watch={"incomplete_timeout": 1.0})
    await site.start()
    contents = {
        "png.mov": b"\x89PNG\r\n\x1a\n" + bytes(range(200)),
        "exe.mp4": b"MZ" + bytes(range(256)),
        "text.mkv": b"only words\n" * 20,
    }
    for name, content in contents.items():
        put(site, name, content)
    arrive(footage(), site.inbox / "film.txt")
    put(site, "good.mov")
    for name, kind in (("png", "PNG"), ("exe", "Windows program"), ("text", "text")):
        record = await site.finished(f"_failed/{name}")
        assert kind in record["error"]["message"]
    await site.finished("good")
    assert [name for name, _ in sent(api)] == ["good.mov"]
    assert (site.inbox / "film.txt").exists()


def _device(path: Path) -> None:
    """Make a device, where that may be done: otherwise something else that is no regular file."""
    if os.geteuid() == 0:
        os.mknod(path, 0o600 | 0o020000, os.makedev(1, 3))
    else:
        os.mkfifo(path)
