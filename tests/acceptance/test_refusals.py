"""Bad sidecars are refused before anything is uploaded or paid, each with a message that helps."""

import json
from pathlib import Path
from typing import Any

import pytest

from acceptance.awaiting import ended
from acceptance.world import Site, arrive, eventually, tree
from reeldrop.simulator import Simulator

GOOD = {"prompt": "x"}
BAD: dict[str, tuple[Any, list[str]]] = {
    "no-json": (b"{prompt: x}", ["JSON", "line 1"]),
    "half-json": (b'{"prompt": "x"', ["JSON"]),
    "array": (b'["x"]', ["object"]),
    "too-big": (b'{"prompt": "' + b"x" * (1 << 20) + b'"}', ["1 MiB"]),
    "doubled-key": (b'{"prompt": "x", "prompt": "y"}', ["prompt"]),
    "not-a-number": (b'{"prompt": "x", "duration": NaN}', ["NaN"]),
    "typo": ({"promt": "x"}, ["promt", "prompt"]),
    "no-prompt": ({}, ["prompt"]),
    "empty-prompt": ({"prompt": "  "}, ["prompt"]),
    "long-prompt": ({"prompt": "x" * 2501}, ["prompt", "2500", "2501"]),
    "prompt-number": ({"prompt": 5}, ["prompt", "5"]),
    "duration": ({**GOOD, "duration": 7}, ["duration", "7", "5", "10"]),
    "duration-text": ({**GOOD, "duration": "long"}, ["duration", "long"]),
    "ratio": ({**GOOD, "aspect_ratio": "4:3"}, ["aspect_ratio", "4:3", "16:9"]),
    "audio": ({**GOOD, "keep_audio": "yes"}, ["keep_audio", "yes"]),
    "no-images": ({**GOOD, "image_list": []}, ["image_list", "1"]),
    "many-images": ({**GOOD, "image_list": ["https://a.example/i.png"] * 5}, ["image_list", "4"]),
    "element": (
        {**GOOD, "elements": [{"reference_image_urls": ["https://a.example/i.png"]}]},
        ["elements[0]", "frontal_image_url"],
    ),
    "model": (
        {**GOOD, "model": "klingai/video-o1-video-to-video"},
        ["model", "klingai/video-o1-video-to-video-edit"],
    ),
    "priority": ({**GOOD, "reeldrop": {"priority": "high"}}, ["reeldrop.priority", "high"]),
    "ours": ({**GOOD, "reeldrop": {"nmae": "x"}}, ["reeldrop.nmae", "name"]),
    "name": ({**GOOD, "reeldrop": {"name": "../x"}}, ["reeldrop.name", "../x"]),
    "outside": (
        {**GOOD, "image_list": ["../../secret.png"]},
        ["image_list[0]", "../../secret.png"],
    ),
    "absolute": ({**GOOD, "image_list": ["/etc/passwd"]}, ["image_list[0]", "/etc/passwd"]),
    "link": ({**GOOD, "image_list": ["link.png"]}, ["image_list[0]", "link.png"]),
    "no-image": ({**GOOD, "image_list": ["text.png"]}, ["image_list[0]", "text.png"]),
    "plain-http": ({**GOOD, "image_list": ["http://a.example/i.png"]}, ["image_list[0]", "https"]),
    "file-url": ({**GOOD, "image_list": ["file:///etc/passwd"]}, ["image_list[0]", "file:"]),
    "two-faults": ({"prompt": "", "duration": 7, "frames": 3}, ["prompt", "duration", "frames"]),
    "api-key": ({**GOOD, "api_key": "x"}, ["api_key"]),
}


@pytest.mark.timeout(120)
async def test_every_bad_sidecar_is_refused_with_its_reason_and_nothing_is_paid(
    site: Site, api: Simulator, tmp_path: Path
) -> None:
    """All of them at once, beside a good one: the daemon goes on."""
    secret = tmp_path / "secret.png"
    secret.write_bytes(b"secret")
    (site.inbox / "link.png").symlink_to(secret)
    (site.inbox / "text.png").write_text("no picture")
    await site.start()
    for name, (spec, _) in BAD.items():
        site.drop(f"{name}.mov", spec)
    for name, (_, words) in BAD.items():
        record = await site.finished(f"_failed/{name}")
        text = (site.outbox / "_failed" / name / "error.txt").read_text()
        assert not [word for word in [f"{name}.mov", *words] if word not in text], (name, text)
        assert record["state"] == "failed"
        assert record["error"]["code"]
        assert {"error.txt", "job.json", "job.log.jsonl"} | {
            f"source/{name}.mov",
            f"source/{name}.json",
        } == tree(site.outbox / "_failed" / name)
    assert not api.ledger.requests
    site.drop("good.mov", GOOD)
    await site.finished("good")
    assert len(api.ledger.accepted) == 1


async def test_ambiguous_names_are_refused(site: Site, api: Simulator) -> None:
    """Guessing which sidecar is meant would pay for the wrong one."""
    for name in ("both.json", "both.mov.json", "pair.json"):
        arrive(json.dumps(GOOD).encode(), site.inbox / name)
    for name in ("both.mov", "pair.mov", "pair.mp4"):
        arrive(site.clip.read_bytes(), site.inbox / name)
    await site.start()
    await site.finished("_failed/both")
    await site.finished("_failed/pair")

    assert not api.ledger.requests
    assert not [path for path in site.inbox.iterdir() if path.name != ".reeldrop"]
    sources = {path.name for path in (site.outbox / "_failed").rglob("source/*")}
    assert {
        "both.mov",
        "both.json",
        "both.mov.json",
        "pair.mov",
        "pair.mp4",
        "pair.json",
    } == sources


async def test_a_clip_that_is_no_video_is_refused(site: Site, api: Simulator) -> None:
    """It may have been arriving; after the time-out it is said to be no clip."""
    site.configure(watch={"incomplete_timeout": 0.5})
    await site.start()
    text = site.inbox / "text.txt"
    text.write_text("no video")
    site.drop("a.mov", GOOD, clip=text)
    await site.finished("_failed/a")
    assert "a.mov" in (site.outbox / "_failed/a/error.txt").read_text()
    assert not api.ledger.requests


async def test_a_torso_is_not_taken(site: Site, api: Simulator) -> None:
    """The first part of a copy opens as a video of full length often enough."""
    await site.start()
    content = site.clip.read_bytes()
    target = site.drop("a.mov", GOOD, clip=_part_of(site, content))
    await eventually(lambda: "a.mov" in site.status_path.read_text())
    arrive(content, target)
    await site.finished("a")
    assert len(api.ledger.accepted) == 1


def _part_of(site: Site, content: bytes) -> Path:
    torso = site.inbox / ".torso"
    torso.write_bytes(content[: len(content) * 6 // 10])
    return torso


async def test_what_lies_in_source_runs_again_when_it_is_moved_back(
    site: Site, api: Simulator
) -> None:
    """The way back is a drag of files, as error.txt says."""
    await site.start()
    site.drop("show/a.mov", {"promt": "x"})
    await ended(site, "_failed/show/a")
    source = site.outbox / "_failed/show/a/source"
    arrive(json.dumps(GOOD).encode(), source / "a.json")
    for path in list(source.iterdir()):
        path.rename(site.inbox / "show" / path.name)
    await site.finished("show/a")
    assert len(api.ledger.accepted) == 1


async def test_drops_that_wait_for_a_part_are_refused_after_the_time_out(site: Site) -> None:
    """Waiting is visible and ends."""
    site.configure(watch={"sidecar_timeout": 0.5})
    await site.start()
    arrive(site.clip.read_bytes(), site.inbox / "alone.mov")
    arrive(json.dumps(GOOD).encode(), site.inbox / "lonely.json")
    await site.finished("_failed/alone")
    await site.finished("_failed/lonely")
    assert "alone.json" in (site.outbox / "_failed/alone/error.txt").read_text()
