"""The file host: another port, which must never see a key."""

from typing import Any

import httpx
import pytest

from reeldrop.simulator.faults import Cut, Fault, Route

RESULT = bytes(range(256)) * 400


@pytest.fixture
async def url(desk: Any) -> str:
    return (await desk.make())["video"]["url"]


async def test_the_result_is_served_whole(desk: Any, url: str) -> None:
    answer = await desk.client.get(url)
    assert answer.content == RESULT
    assert answer.headers["content-type"] == "video/mp4"
    assert (await desk.client.head(url)).headers["content-length"] == str(len(RESULT))


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [("bytes=0-9", 0, 10), ("bytes=102000-", 102_000, 102_400), ("bytes=-7", 102_393, 102_400),
     ("bytes=102399-999999", 102_399, 102_400)],
)  # fmt: skip
async def test_a_range_is_answered_with_that_part(
    desk: Any, url: str, asked: str, start: int, end: int
) -> None:
    answer = await desk.client.get(url, headers={"range": asked})
    assert answer.status_code == 206
    assert answer.content == RESULT[start:end]
    assert answer.headers["content-range"] == f"bytes {start}-{end - 1}/{len(RESULT)}"


async def test_a_range_past_the_end_is_416(desk: Any, url: str) -> None:
    answer = await desk.client.get(url, headers={"range": f"bytes={len(RESULT)}-"})
    assert answer.status_code == 416
    assert answer.headers["content-range"] == f"bytes */{len(RESULT)}"


async def test_if_range_with_another_etag_gives_the_whole(desk: Any, url: str) -> None:
    """A client that resumes the download of a file that has changed must not mix the two."""
    etag = (await desk.client.get(url)).headers["etag"]
    same = await desk.client.get(url, headers={"range": "bytes=5-", "if-range": etag})
    other = await desk.client.get(url, headers={"range": "bytes=5-", "if-range": '"old"'})
    assert (same.status_code, other.status_code) == (206, 200)
    assert other.content == RESULT


async def test_every_header_is_written_down(desk: Any, url: str) -> None:
    """So that a test can prove that no key was sent."""
    await desk.client.get(url, headers={"authorization": "Bearer leaked", "x-any": "1"})
    [seen] = desk.ledger.files
    assert seen.headers["authorization"] == "Bearer leaked"
    assert seen.headers["x-any"] == "1"


async def test_unknown_and_unfinished_results_are_404(open_desk: Any, desk: Any) -> None:
    slow = await open_desk(generation_seconds=60.0)
    await slow.submit()
    early = f"{slow.simulator.files_url}/files/{slow.ledger.accepted[0].slug}/0/output.mp4"
    for wrong in (early, f"{desk.simulator.files_url}/files/../result.mp4"):
        assert (await desk.client.get(wrong)).status_code == 404


async def test_an_expired_url_stays_dead_and_a_poll_names_a_new_one(desk: Any, url: str) -> None:
    desk.faults.add(Fault(Route.FILE, answer="expired", expire=True))
    assert (await desk.client.get(url)).status_code == 403
    assert (await desk.client.get(url)).status_code == 403
    again = (await desk.poll(desk.ledger.accepted[0].id)).json()["video"]["url"]
    assert again != url
    assert (await desk.client.get(again)).content == RESULT


async def test_a_file_cut_in_its_middle_is_resumed(desk: Any, url: str) -> None:
    desk.faults.add(Fault(Route.FILE, cut=Cut.BODY, after=1000))
    got = bytearray()

    async def download() -> None:
        async with desk.client.stream("GET", url) as answer:
            async for piece in answer.aiter_raw():
                got.extend(piece)

    with pytest.raises(httpx.RemoteProtocolError):
        await download()
    assert got == RESULT[:1000]
    rest = await desk.client.get(url, headers={"range": "bytes=1000-"})
    assert got + rest.content == RESULT


async def test_a_shortened_file_looks_whole(desk: Any, url: str) -> None:
    """The length agrees, so only a look at the video itself finds what is missing."""
    desk.faults.add(Fault(Route.FILE, shorten=500))
    answer = await desk.client.get(url)
    assert (answer.status_code, answer.content) == (200, RESULT[:500])


async def test_a_page_may_come_instead_of_the_video(desk: Any, url: str) -> None:
    desk.faults.add(Fault(Route.FILE, answer="html_page"))
    answer = await desk.client.get(url)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=UTF-8")


async def test_a_redirect_leads_to_the_file(desk: Any, url: str) -> None:
    desk.faults.add(Fault(Route.FILE, answer="moved", times=0))
    assert (await desk.client.get(url)).status_code == 302
    assert (await desk.client.get(url, follow_redirects=True)).content == RESULT
