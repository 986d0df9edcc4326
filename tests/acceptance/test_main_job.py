"""A clip dropped in a folder comes back restyled."""

import hashlib
import json
from pathlib import Path

from acceptance.world import KEY, Site, arrive, eventually, tree
from reeldrop.simulator import Simulator

SPEC = {"prompt": "as a watercolour", "duration": 10, "aspect_ratio": "9:16", "keep_audio": True}


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


async def test_a_drop_in_a_subfolder_comes_back_as_a_complete_folder(
    site: Site, api: Simulator, clip: Path, result: Path
) -> None:
    """The main job: byte for byte to the API, and everything that users expect in the outbox."""
    await site.start()
    site.drop("showA/shot010.mov", SPEC)
    record = await site.finished("showA/shot010")

    [generation] = api.ledger.accepted
    assert {**SPEC, "video_url": generation.params["video_url"]} == dict(generation.params)
    assert sha256(clip) == generation.params["video_url"]["sha256"]
    assert {
        "shot010.mp4",
        "job.json",
        "job.log.jsonl",
        "poster.jpg",
        "source/shot010.mov",
        "source/shot010.json",
    } == tree(site.outbox / "showA" / "shot010")
    assert sha256(result) == sha256(site.outbox / "showA/shot010/shot010.mp4")
    assert sha256(clip) == sha256(site.outbox / "showA/shot010/source/shot010.mov")
    assert json.loads((site.outbox / "showA/shot010/source/shot010.json").read_text()) == SPEC
    assert not list((site.inbox / "showA").iterdir())
    assert record["state"] == "delivered"
    await site.stop()


async def test_the_record_says_what_was_done_and_what_it_cost(
    site: Site, api: Simulator, clip: Path, result: Path
) -> None:
    """job.json is what other programs read: its keys are a contract."""
    await site.start()
    site.drop("a.mov", {**SPEC, "reeldrop": {"labels": {"shot": "010"}}})
    record = await site.finished("a")

    [generation] = api.ledger.accepted
    keys = "schema id state watch node labels model params source result generation_id request_ids"
    assert [*keys.split(), "upload", "states", "attempts", "cost", "error"] == list(record)
    assert record["labels"] == {"shot": "010"}
    assert generation.id == record["generation_id"]
    assert [generation.client_request_id] == record["request_ids"]
    assert record["request_ids"][0].startswith(f"{record['id']}.")
    assert sha256(clip) == record["source"]["sha256"]
    assert sha256(result) == record["result"]["sha256"]
    sent = record["params"]["video_url"]
    assert list(sent) == ["file", "bytes", "sha256", "upload", "why"]
    assert (sent["file"], sent["bytes"]) == ("a.mov", clip.stat().st_size)
    assert sha256(clip) == sent["sha256"]
    assert sent["upload"] == "data_uri"
    assert sent["why"].endswith("MB is not over upload.data_uri_max (16 MB)")
    assert record["upload"] == "data_uri"
    assert generation.charged_usd == record["cost"]["usd"]
    assert [entry["state"] for entry in record["states"]] == [
        "queued",
        "uploading",
        "submitting",
        "generating",
        "downloading",
        "delivering",
        "delivered",
    ]
    lines = (site.outbox / "a/job.log.jsonl").read_text().splitlines()
    assert all(json.loads(line)["job"] == record["id"] for line in lines)


async def test_the_key_goes_to_the_api_alone_and_into_no_file(site: Site, api: Simulator) -> None:
    """The file host is another party; logs and records lie on a share that everybody reads."""
    await site.start()
    site.drop("a.mov", {"prompt": "x"})
    await site.finished("a")
    await site.stop()

    assert api.ledger.files
    assert not any(KEY in json.dumps(dict(seen.headers)) for seen in api.ledger.files)
    assert KEY not in site.log
    written = [path for path in (*site.outbox.rglob("*"), *site.state.rglob("*")) if path.is_file()]
    assert written
    assert not [path for path in written if KEY.encode() in path.read_bytes()]


async def test_parameters_that_nobody_gave_are_not_sent(site: Site, api: Simulator) -> None:
    """A default of ours could cost more than the provider's own."""
    await site.start()
    site.drop("a.mov", {"prompt": "x", "duration": "5"})
    await site.finished("a")

    [generation] = api.ledger.accepted
    assert {"prompt", "duration", "video_url"} == set(generation.params)
    assert generation.params["duration"] == 5
    assert generation.model == "klingai/video-o1-video-to-video-reference"


async def test_clip_and_sidecar_pair_in_any_order(site: Site) -> None:
    """Copy tools choose the order, not users."""
    await site.start()
    arrive(site.clip.read_bytes(), site.inbox / "first.mov")
    arrive(json.dumps({"prompt": "x"}).encode(), site.inbox / "second.mov.json")
    await eventually(lambda: "waiting for sidecar first.json" in site.status_path.read_text())
    arrive(json.dumps({"prompt": "x"}).encode(), site.inbox / "first.json")
    arrive(site.clip.read_bytes(), site.inbox / "second.mov")
    await site.finished("first")
    await site.finished("second")


async def test_a_preset_holds_for_the_folders_below_and_the_sidecar_overrides_it(
    site: Site, api: Simulator
) -> None:
    """Defaults for a whole show are written once."""
    folder = site.inbox / "show"
    (folder / "night").mkdir(parents=True)
    arrive(json.dumps({"prompt": "far", "duration": 10}).encode(), folder / "_preset.json")
    arrive(json.dumps({"prompt": "near"}).encode(), folder / "night" / "_preset.json")
    await site.start()
    arrive(site.clip.read_bytes(), folder / "night" / "a.mov")
    site.drop("show/night/b.mov", {"prompt": "own"})
    await site.finished("show/night/a")
    await site.finished("show/night/b")

    sent = {(each.params["prompt"], each.params["duration"]) for each in api.ledger.accepted}
    assert {("near", 10), ("own", 10)} == sent
    assert (folder / "_preset.json").exists()


async def test_variants_are_jobs_of_their_own_from_one_clip(site: Site, api: Simulator) -> None:
    """Each variant is paid for once, and each folder shows the source."""
    await site.start()
    spec = {"prompt": "x", "reeldrop": {"variants": [{"prompt": "y"}, {"duration": 10}]}}
    site.drop("a.mov", spec)
    await site.finished("a-v1")
    await site.finished("a-v2")

    assert {("y", None), ("x", 10)} == {
        (each.params["prompt"], each.params.get("duration")) for each in api.ledger.accepted
    }
    for name in ("a-v1", "a-v2"):
        assert (site.outbox / name / "source" / "a.mov").exists()
    await eventually(lambda: not list((site.inbox / ".reeldrop" / "claims").iterdir()))


async def test_references_are_sent_like_the_clip_and_stay_where_they_are(
    site: Site, api: Simulator, tmp_path: Path
) -> None:
    """References are shared by many drops: they never move or vanish."""
    poster = await _a_picture(site)
    content = poster.read_bytes()
    (site.inbox / "style.jpg").write_bytes(content)
    site.drop("shots/a.mov", {"prompt": "x", "image_list": ["../style.jpg"]})
    record = await site.finished("shots/a")

    sent = api.ledger.accepted[-1].params["image_list"][0]
    assert hashlib.sha256(content).hexdigest() == sent["sha256"]
    assert (site.inbox / "style.jpg").exists()
    assert record["params"]["image_list"][0]["file"] == "style.jpg"


async def _a_picture(site: Site) -> Path:
    await site.start()
    site.drop("first.mov", {"prompt": "x"})
    await site.finished("first")
    return site.outbox / "first" / "poster.jpg"


async def test_a_name_that_is_taken_gets_a_number(site: Site) -> None:
    """Nothing is ever overwritten, not even an empty folder."""
    (site.outbox / "a").mkdir()
    await site.start()
    site.drop("a.mov", {"prompt": "x"})
    await site.finished("a-2")
    site.drop("a.mov", {"prompt": "another"})
    await site.finished("a-3")
    assert not list((site.outbox / "a").iterdir())


async def test_litter_is_never_looked_at(site: Site, api: Simulator) -> None:
    """Torsos of copy tools are whole videos often enough."""
    site.configure(watch={"duplicates": "never"})
    names = ["b.mov.part", ".b.mov", "~b.mov", "b.mov.filepart", "@eaDir/b.mov", ".sync/b.mov"]
    # The last is none: were another taken, it would be in the same look.
    for name in (*names, "part.mov"):
        (site.inbox / name).parent.mkdir(exist_ok=True)
        (site.inbox / name).write_bytes(site.clip.read_bytes())
    arrive(b'{"prompt": "x"}', site.inbox / "_preset.json")
    await site.start()
    await site.finished("part")

    assert {job["path"] for job in await site.jobs()} == {"part.mov"}
    assert len(api.ledger.accepted) == 1
    assert all((site.inbox / name).exists() for name in names)


async def test_odd_names_survive_the_whole_way(site: Site) -> None:
    """Names are bytes; a name that cannot be shown is still somebody's clip."""
    await site.start()
    names = ["with space", "-dash", "emoji 🎬", "new\nline", "quote\"'", "böse\udcff", "a" * 240]
    for name in names:
        site.drop(f"{name}.mov", {"prompt": "x"})
    for name in names:
        await site.finished(name)
    code, output, _ = await site.command("jobs", "--json")
    assert (0, len(names)) == (code, len(json.loads(output)))
