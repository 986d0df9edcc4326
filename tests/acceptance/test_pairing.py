"""Clips and sidecars in any order and form, and what is said while a part is missing."""

import asyncio
import codecs
import json
import unicodedata

import av
import pytest

from acceptance.awaiting import memory, says
from acceptance.dropping import footage, put, sent, sha256, spec, waiting
from acceptance.world import Site, arrive, eventually, tree
from reeldrop.simulator import Simulator


def picture() -> bytes:
    """Return a small picture that is legal for every model."""
    codec = av.CodecContext.create("png", "w")
    codec.width, codec.height, codec.pix_fmt = 640, 360, "rgb24"
    frame = av.VideoFrame(640, 360, "rgb24")
    frame.planes[0].update(bytes(frame.planes[0].buffer_size))
    return b"".join(bytes(packet) for packet in [*codec.encode(frame), *codec.encode(None)])


@pytest.mark.parametrize("backend", ["inotify", "polling"])
async def test_every_form_of_a_name_pairs_in_any_order(
    site: Site, api: Simulator, backend: str
) -> None:
    """A Mac writes names decomposed, Windows does not care for case, and tools choose the order."""
    site.configure(watch={"backend": backend, "poll_interval": 0.2})
    nfd, nfc = (unicodedata.normalize(form, "Schön") for form in ("NFD", "NFC"))
    pairs = {
        "stem.mov": "stem.json",
        "whole.mov": "whole.mov.json",
        "UPPER.MOV": "upper.json",
        "Mixed.Mp4": "mIXED.mP4.JSON",
        f"{nfd}.MOV": f"{nfc.lower()}.json",
        "dots.v1.final.mov": "dots.v1.final.json",
        "STRASSE.mov": "straße.json",
        "sub/deep/inner.mov": "sub/deep/inner.json",
    }
    await site.start()
    (site.inbox / "sub/deep").mkdir(parents=True)
    for first in (True, False):
        for number, (clip, sidecar) in enumerate(pairs.items()):
            if (number % 2 == 0) is first:
                arrive(footage(), site.inbox / clip)
            else:
                arrive(spec(clip), site.inbox / sidecar)
        if first:
            await says(site, {"stem.mov": "waiting for sidecar stem.json"})
            await says(site, {"whole.mov.json": "waiting for clip whole.mov"})
            await eventually(lambda: len(waiting(site)) == len(pairs))
    for clip in pairs:
        await site.finished(clip.rpartition(".")[0])
    assert sorted(sent(api)) == sorted((clip, sha256(footage())) for clip in pairs)


async def test_the_bytes_of_a_sidecar_may_be_of_any_editor(site: Site, api: Simulator) -> None:
    """Byte order marks, UTF-16 and Windows' line ends are no faults."""
    text = json.dumps({"prompt": "naïve 🎬"}, ensure_ascii=False, indent=2)
    forms = {
        "bom": codecs.BOM_UTF8 + text.encode(),
        "utf16": text.encode("utf-16"),
        "utf16be": codecs.BOM_UTF16_BE + text.encode("utf-16-be"),
        "crlf": text.replace("\n", "\r\n").encode(),
        "cr": text.replace("\n", "\r").encode(),
        "utf32": text.encode("utf-32"),
    }
    site.configure(watch={"duplicates": "never"})
    await site.start()
    for name, raw in forms.items():
        arrive(raw, site.inbox / f"{name}.json")
        arrive(footage(), site.inbox / f"{name}.mov")
    for name in forms:
        await site.finished(name)
    assert {name for name, _ in sent(api)} == {"naïve 🎬"}


WRONG = {
    "comma": ('{\n  "prompt": "x",\n}', ["a comma too many", "line 3, column 1"]),
    "crlf": ('{\r\n  "prompt": "x",\r\n  "duration" 5\r\n}', ["colon", "line 3, column 14"]),
    "doubled": (
        '{\n  "prompt": "x",\n  "keep_audio": true,\n  "prompt": "y"\n}',
        ['"prompt" twice', "line 4, column 3"],
    ),
    "inner": (
        '{"prompt": "x",\n "reeldrop": {"name": "a",\n  "labels": {}, "name": "b"}}',
        ['"name" twice', "line 3, column 17"],
    ),
    "single": ("{'prompt': 'x'}", ["line 1, column 2"]),
    "cut": ('{"prompt": "x"', ["breaks off", "line 1"]),
    "nan": ('{"prompt": "x",\n "duration": NaN}', ["NaN", "line 2, column 14"]),
    "comment": ('{"prompt": "x" // no\n}', ["line 1, column 16"]),
}


async def test_what_is_wrong_with_a_sidecar_is_told_with_line_and_column(
    site: Site, api: Simulator
) -> None:
    """Whoever wrote it by hand finds the place."""
    await site.start()
    for name, (text, _) in WRONG.items():
        for form, raw in (("", text.encode()), ("-16", text.encode("utf-16"))):
            arrive(raw, site.inbox / f"{name}{form}.json")
            arrive(footage(), site.inbox / f"{name}{form}.mov")
    for name, (_, words) in WRONG.items():
        for form in ("", "-16"):
            folder = site.outbox / f"_failed/{name}{form}"
            record = await site.finished(f"_failed/{name}{form}")
            message = record["error"]["message"]
            assert not [word for word in words if word not in message], (name, message)
            assert message.startswith(f"{name}{form}.json ")
            assert {path.name for path in (folder / "source").iterdir()} == {
                f"{name}{form}.json",
                f"{name}{form}.mov",
            }
    assert not api.ledger.requests


async def test_all_that_is_ambiguous_is_refused_with_its_reason(site: Site, api: Simulator) -> None:
    """Guessing which one is meant would pay for the wrong one."""
    groups = {
        "both": ["both.mov", "both.json", "both.mov.json"],
        "two": ["two.mov", "two.mp4", "two.json"],
        "Case": ["Case.mov", "CASE.mov", "case.json"],
        "lists": ["Lists.mov", "lists.json", "LISTS.json", "lists.MOV.json"],
        "named": ["plates/named.mov", "one.json", "other.json"],
    }
    sidecars = {
        "one.json": {"video_url": "plates/named.mov"},
        "other.json": {"video_url": "plates/named.mov"},
    }
    (site.inbox / "plates").mkdir()
    for names in groups.values():
        for name in names:
            raw = footage() if name.endswith((".mov", ".mp4")) else b""
            arrive(raw or spec(name, **sidecars.get(name, {})), site.inbox / name)
    await site.start()

    def all_told() -> bool:
        told = [path.read_text() for path in site.outbox.glob("_failed/**/error.txt")]
        return all(
            any(all(name.rpartition("/")[2] in text for name in names) for text in told)
            for names in groups.values()
        )

    await eventually(all_told)
    assert not api.ledger.requests
    assert not [path for path in tree(site.inbox) if not path.startswith(".reeldrop/")]


async def test_a_sidecar_may_name_its_clip_or_a_url(site: Site, api: Simulator) -> None:
    """Named clips belong to their sidecar alone, wherever they lie and however late they come."""
    url = "https://media.example.com/clip.mp4"
    await site.start()
    arrive(spec("early", video_url="plates/a.mov"), site.inbox / "early.json")
    arrive(spec("remote", video_url=url), site.inbox / "remote.json")
    await site.finished("remote")
    await eventually(lambda: "plates/a.mov" in waiting(site).get("early.json", ""))
    (site.inbox / "plates").mkdir()
    arrive(footage(), site.inbox / "plates/a.mov")
    record = await site.finished("plates/a")
    assert record["source"]["sha256"] == sha256(footage())
    [remote] = [each for each in api.ledger.accepted if each.params["prompt"] == "remote"]
    assert remote.params["video_url"] == url


async def test_references_that_come_late_are_waited_for(site: Site, api: Simulator) -> None:
    """A waiting drop says which file it waits for, in the command and in the folder."""
    await site.start()
    put(site, "a.mov", image_list=["refs/late.png"])
    put(site, "never.mov", image_list=["refs/never.png"])
    put(site, "text.mov", image_list=["refs/text.png"])
    await says(site, {"a.mov": "refs/late.png", "never.mov": "refs/never.png"})
    [job] = [each for each in await site.jobs() if each["path"] == "a.mov"]
    assert job["state"] == "waiting"
    assert "refs/late.png" in job["reason"]
    (site.inbox / "refs").mkdir()
    image = picture()
    with (site.inbox / "refs/late.png").open("wb", buffering=0) as slowly:
        slowly.write(image[:100])
        await asyncio.sleep(0.5)
        slowly.write(image[100:])
    (site.inbox / "refs/text.png").write_text("no picture")
    await site.finished("a")
    [first] = [each for each in api.ledger.accepted if each.params["prompt"] == "a.mov"]
    assert first.params["image_list"][0]["sha256"] == sha256(image)
    record = await site.finished("_failed/text")
    assert "image_list[0]" in record["error"]["message"]
    await says(site, {"never.mov": "refs/never.png"})
    await site.stop()
    site.configure(watch={"sidecar_timeout": 0.5})
    await site.start()
    record = await site.finished("_failed/never")
    assert "refs/never.png" in record["error"]["message"]
    assert len(api.ledger.accepted) == 1


async def test_presets_nest_break_and_change(site: Site, api: Simulator) -> None:
    """A broken preset pauses its folder alone; a changed one holds for later drops."""
    inbox = site.inbox
    for folder in ("show/night", "show/day", "broken/deep", "elsewhere"):
        (inbox / folder).mkdir(parents=True)
    arrive(spec("far", duration=10), inbox / "_preset.json")
    arrive(spec("near"), inbox / "show/night/_preset.json")
    arrive(b'{"prompt": "x",}', inbox / "broken/_preset.json")
    await site.start()
    for name in ("show/night/a", "show/day/b", "broken/deep/c", "elsewhere/d"):
        arrive(footage(), inbox / f"{name}.mov")
    for name in ("show/night/a", "show/day/b", "elsewhere/d"):
        await site.finished(name)
    await says(site, {"broken/deep/c.mov": "broken/_preset.json"})
    await says(site, {"broken/deep/c.mov": "line 1, column"})
    arrive(spec("mended"), inbox / "broken/_preset.json")
    await site.finished("broken/deep/c")
    arrive(spec("changed"), inbox / "show/night/_preset.json")
    arrive(footage("faststart.mp4"), inbox / "show/night/e.mp4")
    await site.finished("show/night/e")
    taken = {(each.params["prompt"], each.params["duration"]) for each in api.ledger.accepted}
    assert taken == {(prompt, 10) for prompt in ("far", "near", "mended", "changed")}


async def test_what_waits_alone_is_refused_in_the_end_with_what_is_missing(
    site: Site, api: Simulator
) -> None:
    """Waiting is visible in the folder and in the command, and ends."""
    await site.start()
    arrive(footage(), site.inbox / "clip.mov")
    arrive(spec("lone"), site.inbox / "lone.json")
    arrive(spec("named", video_url="plates/x.mov"), site.inbox / "named.json")
    awaited = {
        "clip.mov": "sidecar clip.json",
        "lone.json": "clip named lone.",
        "named.json": "clip plates/x.mov",
    }
    await says(site, awaited)
    await eventually(lambda: waiting(site).keys() == awaited.keys())
    shown = {job["path"]: (job["state"], job["reason"]) for job in await site.jobs()}
    assert shown == {path: ("waiting", reason) for path, reason in waiting(site).items()}
    await site.stop()
    site.configure(watch={"sidecar_timeout": 0.5})
    await site.start()
    for path, words in awaited.items():
        folder = f"_failed/{path.rpartition('.')[0]}"
        await site.finished(folder)
        text = (site.outbox / folder / "error.txt").read_text()
        assert words.removeprefix("sidecar ").removeprefix("clip ") in text
        assert (site.outbox / folder / "source" / path).exists()
    assert not api.ledger.requests


# ---------------------------------------------------------------------------- edited after the submit


async def test_a_sidecar_that_is_edited_after_the_submit_is_said_and_not_run(
    site: Site, api: Simulator
) -> None:
    """Its clip is paid for already; whoever wants another one drops the clip again."""
    await site.start()
    put(site, "shot.mov")
    record = await site.finished("shot")
    arrive(spec("edited"), site.inbox / "shot.json")
    job = record["id"][:8]
    await eventually(lambda: f"job {job}" in waiting(site).get("shot.json", ""))
    assert "shot.mov" in waiting(site)["shot.json"]
    assert "again" in waiting(site)["shot.json"]
    await site.stop()
    await site.start()
    await eventually(lambda: f"job {job}" in waiting(site).get("shot.json", ""))
    assert len(api.ledger.accepted) == 1
    arrive(footage("faststart.mp4"), site.inbox / "shot.mov")
    await site.finished("shot-2")
    assert sent(api)[-1] == ("edited", sha256(footage("faststart.mp4")))


async def test_an_edited_sidecar_of_a_kept_clip_is_said_and_not_run(
    site: Site, api: Simulator
) -> None:
    """It lies beside a clip that was taken already; nobody must wait for what never comes."""
    site.configure(watch={"archive": "keep"})
    arrive(spec("preset"), site.inbox / "_preset.json")
    await site.start()
    put(site, "shot.mov")
    arrive(footage("faststart.mp4"), site.inbox / "alone.mov")
    record = await site.finished("shot")
    other = await site.finished("alone")
    (site.inbox / "shot.json").touch()
    (site.inbox / "shot.json").chmod(0o600)
    put(site, "next.mov")
    await site.finished("next")
    with memory(site) as store:
        await eventually(lambda: not store.waiting())
    (site.inbox / "shot.json").write_bytes(spec("edited"))
    arrive(spec("late"), site.inbox / "alone.mov.json")
    await eventually(lambda: f"job {record['id'][:8]}" in waiting(site).get("shot.json", ""))
    await eventually(lambda: f"job {other['id'][:8]}" in waiting(site).get("alone.mov.json", ""))
    await site.stop()
    await site.start()
    await eventually(lambda: f"job {record['id'][:8]}" in waiting(site).get("shot.json", ""))
    (site.inbox / "shot.json").write_bytes(spec("shot.mov"))
    await eventually(lambda: "shot.json" not in waiting(site))
    assert len(api.ledger.accepted) == 3
    assert {job["state"] for job in await site.jobs()} == {"delivered", "waiting"}
