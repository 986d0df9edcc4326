"""What is fetched for a generation, from where, and how its result comes to be."""

import base64
import hashlib
import threading
from pathlib import Path
from typing import Any

import av
import httpx
import pytest

from reeldrop.simulator import Simulator
from reeldrop.simulator.faults import Fault, Route
from reeldrop.simulator.footage import make_clip

RESULT = bytes(range(256)) * 400


@pytest.fixture
async def shelf(open_desk: Any) -> str:
    """A URL on this host, as the daemon's own media route has them."""
    desk = await open_desk()
    return (await desk.make())["video"]["url"]


async def test_a_video_by_url_is_fetched_and_hashed(desk: Any, shelf: str) -> None:
    """So that a signed URL is known to have led to the clip, byte for byte."""
    assert (await desk.make(video_url=shelf))["status"] == "completed"
    [made] = desk.ledger.accepted
    assert made.params["video_url"] == shelf
    digest = hashlib.sha256(RESULT).hexdigest()
    assert made.fetched[shelf] == {"bytes": len(RESULT), "sha256": digest, "mime": "video/mp4"}


async def test_references_on_this_host_are_fetched_and_others_are_not(
    desk: Any, shelf: str
) -> None:
    far = "https://images.example/one.png"
    assert (await desk.make(image_list=[far, shelf]))["status"] == "completed"
    assert list(desk.ledger.accepted[0].fetched) == [shelf]


async def test_a_url_that_leads_nowhere_ends_the_generation_uncharged(
    desk: Any, shelf: str
) -> None:
    for wrong in (shelf + "x", "http://127.0.0.1:9/clip.mp4"):
        answer = await desk.make(video_url=wrong)
        assert (answer["status"], answer["error"]["name"]) == ("error", "FileDownloadError")
    assert desk.ledger.charged_usd == 0


async def test_a_video_of_another_host_by_plain_http_is_not_fetched(desk: Any) -> None:
    await desk.make(video_url="http://clips.example/a.mp4")
    assert desk.ledger.accepted[0].fetched == {}


async def test_a_result_is_made_of_the_clip_as_it_was_asked_for(
    open_desk: Any, tmp_path: Path
) -> None:
    """The demo's result is a video of the asked shape and length, and really one."""
    make_clip(tmp_path / "clip.mp4", seconds=1.0, width=160, height=90)
    clip = base64.b64encode((tmp_path / "clip.mp4").read_bytes()).decode()
    desk = await open_desk(result=None)
    answer = await desk.make(video_url=f"data:video/mp4;base64,{clip}", aspect_ratio="1:1")
    assert answer["status"] == "completed", answer
    (tmp_path / "got.mp4").write_bytes((await desk.client.get(answer["video"]["url"])).content)
    with av.open(tmp_path / "got.mp4") as container:
        picture = container.streams.video[0]
        assert picture.width == picture.height
        assert float(container.duration or 0) / av.time_base == pytest.approx(5.0, abs=0.3)
        assert not container.streams.audio


async def test_closing_leaves_unfinished_work_undone_and_the_ledger_readable(
    tmp_path: Path, open_desk: Any
) -> None:
    """A fetch that would take an hour must not keep a program from ending."""
    shelf = await open_desk()
    url = (await shelf.make())["video"]["url"]
    shelf.faults.add(Fault(Route.FILE, rate=20, times=0))
    simulator = Simulator(tmp_path / "second", generation_seconds=0.0)
    async with simulator, httpx.AsyncClient(base_url=simulator.base_url) as client:
        body = {"model": "klingai/video-o1-video-to-video-reference", "prompt": "x"}
        for _ in range(5):
            path = "/v2/video/generations"
            await client.post(path, json={**body, "video_url": url})
    accepted = simulator.ledger.as_json()["accepted"]
    assert [each["status"] for each in accepted] == ["error"] * 5
    assert simulator.ledger.charged_usd == 0
    assert not [each for each in threading.enumerate() if each.name.startswith("simulator")]
