"""Looking for submits in the request log, over real sockets: a raw server and the stand-in."""

import asyncio
import base64
import json
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.provider.conftest import SECRET, Serve, WallClock, Wire, in_time

from reeldrop.domain.errors import (
    BlockedError,
    NotAuthorised,
    OutOfFunds,
    ProtocolChanged,
    ProviderUnavailable,
    RateLimited,
    StepError,
    UnknownOutcome,
)
from reeldrop.domain.job import Cost, GenerationId
from reeldrop.ports import LogRow, SubmitRequest
from reeldrop.provider.client import HttpProvider
from reeldrop.provider.clients import Timeouts
from reeldrop.provider.requestlog import BURST, INTERVAL, PAGE, PAGES_MAX, read_page
from reeldrop.provider.wire import ANSWER_MAX, Answer
from reeldrop.simulator import Simulator
from reeldrop.simulator.faults import Cut, Fault, Route
from reeldrop.simulator.ledger import Refused
from reeldrop.simulator.terms import Terms

Connect = Callable[..., HttpProvider]
Permission = Callable[[], Awaitable[None]]
DAY = 86_400.0


# ---------------------------------------------------------------------------- a log to be read


def row(request_id: str | None, status: str = "succeeded", **changes: Any) -> dict[str, Any]:
    return {
        "created": "2026-01-02T03:04:05.678Z",
        "status": status,
        "origin": "api",
        "model": "klingai/video-o1-video-to-video-reference",
        "cost": {"usd": 1.092, "credits": 2_184_000},
        "tokens": {"input": 0, "output": 0, "total": 0},
        "request_id": f"req-{request_id}",
        "inference_id": f"gen-{request_id}",
        "client_request_id": request_id,
        **changes,
    }


def rows_of_others(count: int) -> list[dict[str, Any]]:
    return [row(f"other.{number}") for number in range(count)]


def asked(wire: Wire) -> dict[str, str]:
    query = parse_qs(urlsplit(wire.request.target).query, strict_parsing=True)
    return {name: values[0] for name, values in query.items()}


def page_of(rows: Sequence[Mapping[str, Any]], offset: int, limit: int = PAGE) -> dict[str, Any]:
    return {
        "data": rows[offset : offset + limit],
        "pagination": {
            "limit": limit,
            "offset": offset,
            "total": len(rows),
            "has_more": offset + limit < len(rows),
        },
    }


class Log:
    """A log that is served page by page."""

    def __init__(self, *rows: dict[str, Any], arriving: int = 0, limit: int = PAGE) -> None:
        self.rows = list(rows)
        self.arriving = arriving
        self.limit = limit
        self.offsets: list[int] = []

    async def __call__(self, wire: Wire) -> None:
        query = asked(wire)
        offset, limit = int(query["offset"]), min(int(query["limit"]), self.limit)
        self.offsets.append(offset)
        await wire.answer(200, json.dumps(page_of(self.rows, offset, limit)).encode())
        self.rows = rows_of_others(self.arriving) + self.rows


# ---------------------------------------------------------------------------- what is asked


@pytest.mark.parametrize(
    ("reach", "period"),
    [
        (-60.0, "1h"),
        (0.0, "1h"),
        (3000.0, "1h"),
        (3000.1, "24h"),
        (DAY - 600, "24h"),
        (DAY - 599, "7d"),
        (7 * DAY, "7d"),
        (30 * DAY, "7d"),
        (math.inf, "7d"),
        (math.nan, "7d"),
    ],
)
async def test_the_shortest_period_is_asked_for_that_reaches_past_the_submit(
    serve: Serve, connect: Connect, reach: float, period: str
) -> None:
    """A period runs on the provider's clock; a filter of ours could hide the row that was paid for."""
    log = Log()
    async with serve(log) as server, connect(server.url) as provider:
        assert await provider.find(["job.1"], reach) == {}

        (request,) = server.requests
        assert request.target == f"/v2/logs?period={period}&limit=100&offset=0"
        assert request.headers["authorization"] == f"Bearer {SECRET}"


async def test_nothing_is_asked_for_nothing(serve: Serve, connect: Connect) -> None:
    """The log's rate is for those who look for something."""
    async with serve(Log()) as server, connect(server.url) as provider:
        assert await provider.find([], 60.0) == {}
        assert server.connections == 0


async def test_the_key_follows_no_redirect_of_the_log(serve: Serve, connect: Connect) -> None:
    """Whoever can make the API redirect must not be given the key, nor tell us what was made."""
    async with serve(Log(row("job.1"))) as elsewhere:

        async def handler(wire: Wire) -> None:
            await wire.answer(302, b"", Location=f"{elsewhere.url}{wire.request.target}")

        async with serve(handler) as server, connect(server.url) as provider:
            with pytest.raises(ProviderUnavailable, match="redirect"):
                await provider.find(["job.1"], 60.0)

            assert elsewhere.connections == 0


# ---------------------------------------------------------------------------- what is found


async def test_a_row_on_a_later_page_is_found(serve: Serve, connect: Connect) -> None:
    """A busy account must not hide a generation that was paid for."""
    log = Log(*rows_of_others(220), row("job.1"), *rows_of_others(29))
    async with serve(log) as server, connect(server.url) as provider:
        found = await provider.find(["job.1"], 60.0)

    cost = Cost(credits=2_184_000.0, usd=1.092)
    assert found == {"job.1": LogRow("job.1", True, GenerationId("gen-job.1"), cost)}
    assert log.offsets == [0, 100, 200]


async def test_pages_shorter_than_asked_for_hide_no_row(serve: Serve, connect: Connect) -> None:
    """A server may give less at once than it is asked for."""
    log = Log(*rows_of_others(95), row("job.1"), limit=40)
    async with serve(log) as server, connect(server.url) as provider:
        assert set(await provider.find(["job.1"], 60.0)) == {"job.1"}
        assert log.offsets == [0, 40, 80]


async def test_rows_that_arrive_between_pages_hide_none(serve: Serve, connect: Connect) -> None:
    """Other programs go on submitting while we read; they push rows back, never forward."""
    wanted = [f"job.{number}" for number in range(250)]
    log = Log(*(row(each) for each in wanted), arriving=37)
    async with serve(log) as server, connect(server.url) as provider:
        assert list(await provider.find(wanted, 60.0)) == wanted
        assert len(log.offsets) == 4


async def test_several_are_looked_for_at_once_and_only_those_that_are_there_are_told(
    serve: Serve, connect: Connect
) -> None:
    """Every attempt of a job is looked for, and of many jobs, by one reading of the log."""
    log = Log(row("job.2"), *rows_of_others(150), row("job.1"), *rows_of_others(80))
    async with serve(log) as server, connect(server.url) as provider:
        found = await provider.find(["job.1", "job.2", "job.3"], 60.0)

        assert {each: found[each].generation_id for each in found} == {
            "job.1": "gen-job.1",
            "job.2": "gen-job.2",
        }
        assert log.offsets == [0, 100, 200]


async def test_reading_ends_once_all_are_found_with_a_generation(
    serve: Serve, connect: Connect
) -> None:
    """A busy account's log is long, and the rate is limited."""
    log = Log(row("job.1"), row("job.2"), *rows_of_others(500))
    async with serve(log) as server, connect(server.url) as provider:
        assert len(await provider.find(["job.1", "job.2"], 60.0)) == 2
        assert log.offsets == [0]


async def test_a_failed_submit_is_told_from_one_that_made_something(
    serve: Serve, connect: Connect
) -> None:
    """Only this word lets the request be sent, and paid for, again."""
    log = Log(row("job.1", "failed", cost={"usd": 0, "credits": 0}, inference_id=None))
    async with serve(log) as server, connect(server.url) as provider:
        found = await provider.find(["job.1"], 60.0)

    assert found == {"job.1": LogRow("job.1", False, None, Cost(0.0, 0.0))}


@pytest.mark.parametrize("others", [0, 130])
@pytest.mark.parametrize("newest", ["succeeded", "failed"])
async def test_a_generation_outweighs_a_failure_of_the_same_submit(
    serve: Serve, connect: Connect, newest: str, others: int
) -> None:
    """Wherever in the log it lies: whoever believes the failure pays twice."""
    oldest = {"succeeded": "failed", "failed": "succeeded"}[newest]
    log = Log(row("job.1", newest), *rows_of_others(others), row("job.1", oldest))
    async with serve(log) as server, connect(server.url) as provider:
        found = await provider.find(["job.1"], 60.0)

    assert (found["job.1"].made, found["job.1"].generation_id) == (True, "gen-job.1")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"inference_id": None}, (True, None)),
        ({"inference_id": ""}, (True, None)),
        ({"inference_id": 7123456}, (True, "7123456")),
        ({"inference_id": "6a3a:klingai/video-o1"}, (True, "6a3a:klingai/video-o1")),
        ({"status": "processing"}, (True, "gen-job.1")),
        ({"status": None, "inference_id": None}, (True, None)),
        ({"status": "cancelled"}, (True, "gen-job.1")),
        ({"status": "FAILED"}, (False, "gen-job.1")),
    ],
)
async def test_only_failed_means_that_nothing_was_made(
    serve: Serve, connect: Connect, changes: dict[str, Any], expected: tuple[bool, str | None]
) -> None:
    """Any other row of our request proves that it arrived, whatever else it says or leaves out."""
    log = Log(row("job.1", **changes))
    async with serve(log) as server, connect(server.url) as provider:
        found = (await provider.find(["job.1"], 60.0))["job.1"]

    assert (found.made, found.generation_id) == expected


@pytest.mark.parametrize(
    ("cost", "expected"),
    [
        ({"usd": "1.092", "credits": "2184000"}, Cost(2_184_000.0, 1.092)),
        ({"usd": 1.092}, Cost(None, 1.092)),
        ({"usd": None, "credits": "much"}, None),
        ({}, None),
        (None, None),
        ("1.092", None),
    ],
)
async def test_a_cost_is_read_in_every_form(
    serve: Serve, connect: Connect, cost: object, expected: Cost | None
) -> None:
    """An odd price must not keep a generation from being found."""
    async with serve(Log(row("job.1", cost=cost))) as server, connect(server.url) as provider:
        assert (await provider.find(["job.1"], 60.0))["job.1"].cost == expected


async def test_rows_without_our_id_are_passed_over(serve: Serve, connect: Connect) -> None:
    """The account's other programs, and its playground, are in the log too."""
    bare = row(None)
    del bare["client_request_id"]
    strange = [row(None), bare, row("job.1", client_request_id=7), {}, row("job.10"), row("JOB.1")]
    log = Log(*strange, row("job.1"))
    async with serve(log) as server, connect(server.url) as provider:
        assert set(await provider.find(["job.1"], 60.0)) == {"job.1"}


# ---------------------------------------------------------------------------- no answer


def spoilt(**pagination: Any) -> bytes:
    page = page_of([], 0)
    return json.dumps({**page, "pagination": {**page["pagination"], **pagination}}).encode()


NO_PAGES = {
    "nothing": b"",
    "a page for people": b"<html>Welcome</html>",
    "half of it": json.dumps(page_of([row("x")], 0)).encode()[:-9],
    "null": b"null",
    "a list": b"[]",
    "an empty object": b"{}",
    "an error": b'{"statusCode": 500, "message": "x"}',
    "no rows": b'{"pagination": {"has_more": false}}',
    "null for rows": b'{"data": null, "pagination": {"has_more": false}}',
    "no pagination": b'{"data": []}',
    "null for pagination": b'{"data": [], "pagination": null}',
    "no word on its end": b'{"data": [], "pagination": {"total": 0}}',
    "null for its end": spoilt(has_more=None),
    "rows that are none": b'{"data": ["x"], "pagination": {"has_more": false}}',
    "an empty page with more behind": spoilt(has_more=True),
    "an empty page of a full log": spoilt(total=777),
    "another page": spoilt(offset=300),
    "too much": b" " * ANSWER_MAX + spoilt(),
}


@pytest.mark.parametrize("body", NO_PAGES.values(), ids=NO_PAGES.keys())
@pytest.mark.parametrize("spoilt_page", [0, 1])
async def test_what_cannot_be_read_never_means_that_nothing_is_there(
    serve: Serve, connect: Connect, body: bytes, spoilt_page: int
) -> None:
    """Neither on the first page nor on a later one, after some were found."""
    log = Log(row("job.1"), *rows_of_others(299))

    async def handler(wire: Wire) -> None:
        if len(server.requests) > spoilt_page:
            await wire.answer(200, body)
        else:
            await log(wire)

    async with serve(handler) as server, connect(server.url) as provider:
        with pytest.raises(ProviderUnavailable, match="answered 200"):
            await provider.find(["job.1", "job.2"], 60.0)

        assert len(server.requests) == spoilt_page + 1


@pytest.mark.parametrize("announced", [True, False])
@pytest.mark.parametrize("cut_page", [0, 1])
async def test_a_page_that_is_cut_off_never_means_that_nothing_is_there(
    serve: Serve, connect: Connect, cut_page: int, *, announced: bool
) -> None:
    """Whether or not its length was announced."""
    log = Log(row("job.1"), *rows_of_others(299))

    async def handler(wire: Wire) -> None:
        if len(server.requests) <= cut_page:
            await log(wire)
            return
        body = json.dumps(page_of(log.rows, cut_page * PAGE)).encode()
        length = f"Content-Length: {len(body)}" if announced else "Connection: close"
        await wire.send(f"HTTP/1.1 200 OK\r\n{length}\r\n\r\n".encode() + body[:-30])
        wire.writer.close()
        raise ConnectionResetError

    async with serve(handler) as server, connect(server.url) as provider:
        with pytest.raises(ProviderUnavailable):
            await provider.find(["job.1", "job.2"], 60.0)

        assert len(server.requests) == cut_page + 1


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (401, b"", NotAuthorised),
        (403, b'{"statusCode": 403, "message": "missing scope"}', NotAuthorised),
        (403, b'{"message": "You\'ve run out of credits."}', OutOfFunds),
        (404, b'{"statusCode": 404, "message": "Cannot GET /v2/logs"}', ProviderUnavailable),
        (404, b"<html>", ProtocolChanged),
        (400, b'{"statusCode": 400, "message": "period"}', ProviderUnavailable),
        (500, b'{"statusCode": 500, "message": "x"}', ProviderUnavailable),
        (502, b"<html>", ProviderUnavailable),
        (524, b"<html>", ProviderUnavailable),
    ],
)
async def test_a_refusal_of_the_log_is_an_error(
    serve: Serve, connect: Connect, status: int, body: bytes, kind: type[StepError]
) -> None:
    """It tells nothing of a submit; whoever has to act is named where somebody has."""

    async def handler(wire: Wire) -> None:
        await wire.answer(status, body)

    async with serve(handler) as server, connect(server.url) as provider:
        with pytest.raises(kind) as caught:
            await provider.find(["job.1"], 60.0)

    assert type(caught.value) is kind
    assert bool(caught.value.hint) == isinstance(caught.value, BlockedError)


async def test_too_many_questions_are_asked_again_when_the_log_says(
    serve: Serve, connect: Connect
) -> None:
    """The number goes to whoever waits."""
    log = Log(*rows_of_others(150))

    async def handler(wire: Wire) -> None:
        if len(server.requests) > 1:
            await wire.answer(429, b"", Retry_After="17")
        else:
            await log(wire)

    async with serve(handler) as server, connect(server.url) as provider:
        with pytest.raises(RateLimited) as caught:
            await provider.find(["job.1"], 60.0)

    assert caught.value.retry_after == 17.0


async def test_a_silent_log_is_no_empty_log(serve: Serve, connect: Connect) -> None:
    """A question that gets no answer ends, with an error."""

    async def handler(wire: Wire) -> None:
        await wire.reader.read(1)

    async with serve(handler) as server, connect(server.url, poll=0.1) as provider:
        with pytest.raises(ProviderUnavailable, match="in time"):
            await asyncio.wait_for(provider.find(["job.1"], 60.0), 20)


any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
odd_rows = st.lists(
    st.fixed_dictionaries(
        {}, optional={name: any_json | st.just("failed") for name in row("job.1")}
    )
    | any_json
)
odd_pages = st.fixed_dictionaries(
    {},
    optional={
        "data": odd_rows | any_json,
        "pagination": any_json
        | st.fixed_dictionaries(
            {"has_more": st.booleans() | any_json}, optional={"offset": any_json, "total": any_json}
        ),
    },
)


@given(odd_pages | any_json)
def test_no_answer_breaks_the_reader(body: Any) -> None:
    """It is a page whose rows are all accounted for, or it is none."""
    page = read_page(Answer(200, {}, json.dumps(body).encode()), 0)

    assert page is None or (page.size == len(body["data"]) and (page.size or not page.more))


# ---------------------------------------------------------------------------- pace and end


class PatientClock(WallClock):
    """A clock whose monotonic time passes by sleeping alone."""

    def __init__(self) -> None:
        self.time = 1000.0

    def monotonic(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        until = self.time + seconds
        await asyncio.sleep(0)
        self.time = max(self.time, until)


async def test_two_searches_together_keep_to_the_rate_of_the_log(serve: Serve) -> None:
    """The API allows 200 questions in a minute; beyond, all are refused, and nothing is found."""
    clock, times = PatientClock(), list[float]()
    log = Log(*rows_of_others(130), limit=1)

    async def handler(wire: Wire) -> None:
        times.append(clock.monotonic())
        await log(wire)

    async with (
        serve(handler) as server,
        HttpProvider(server.url, SECRET, "reeldrop/9.9", clock, Timeouts()) as provider,
        asyncio.TaskGroup() as group,
    ):
        for _ in range(2):
            group.create_task(provider.find(["job.1"], 60.0))

    assert len(times) == 260
    assert max(sum(at <= each < at + 60.0 for each in times) for at in times) <= 200
    assert times[-1] - times[0] < 120.0


@pytest.mark.slow
async def test_a_log_without_an_end_is_given_up(serve: Serve) -> None:
    """And as an error, in minutes: what was not read to its end is not empty."""
    clock = PatientClock()
    begun = clock.time

    async def handler(wire: Wire) -> None:
        offset = int(asked(wire)["offset"])
        page = page_of([row("other"), row("other")], 0, 1)
        page["pagination"]["offset"] = offset
        await wire.answer(200, json.dumps(page).encode())

    async with (
        serve(handler) as server,
        HttpProvider(server.url, SECRET, "reeldrop/9.9", clock, Timeouts()) as provider,
    ):
        with pytest.raises(ProviderUnavailable, match="more than 1000 pages"):
            await provider.find(["job.1"], 60.0)

        assert len(server.requests) == PAGES_MAX
        assert clock.time - begun == pytest.approx((PAGES_MAX - BURST) * INTERVAL)


# ---------------------------------------------------------------------------- the stand-in


@pytest.fixture
async def stand_in(tmp_path: Path) -> AsyncIterator[Simulator]:
    """A stand-in whose clock is an hour and a half ahead, and whose generations end at once."""
    result = tmp_path / "result.mp4"
    result.write_bytes(b"a result")
    async with Simulator(
        tmp_path / "desk",
        key=SECRET,
        generation_seconds=0.0,
        result=result,
        terms=Terms(clock_offset=5400.0),
    ) as simulator:
        yield simulator


async def lose(
    provider: HttpProvider, request_id: str, allow: Callable[[], Awaitable[None]]
) -> None:
    """Submit, and learn nothing of what came of it."""
    clip = "data:video/mp4;base64," + base64.b64encode(b"a clip").decode()
    params = {"prompt": "as clay", "video_url": clip}
    model = "klingai/video-o1-video-to-video-reference"
    with pytest.raises(UnknownOutcome):
        await provider.submit(SubmitRequest(model, params, request_id), allow, in_time)


async def test_a_submit_whose_answer_was_lost_is_found_again(
    stand_in: Simulator, connect: Connect, allow: Permission
) -> None:
    """What was paid for is adopted, behind 250 newer rows and across clocks that disagree."""
    stand_in.faults.add(Fault(Route.SUBMIT, cut=Cut.ANSWER))
    async with connect(stand_in.base_url) as provider:
        await lose(provider, "job.1", allow)
        [generation] = stand_in.ledger.accepted
        later = generation.seen.first_byte + 0.001
        stand_in.ledger.refused += [
            Refused(f"gen-{number}", f"other.{number}", "m", later) for number in range(250)
        ]

        found = await provider.find(["job.0", "job.1"], 60.0)

        cost = Cost(credits=2_184_000.0, usd=1.092)
        adopted = GenerationId(generation.id)
        assert found == {"job.1": LogRow("job.1", True, adopted, cost)}
        assert (await provider.poll(adopted)).id == adopted
    assert len(stand_in.ledger.accepted) == 1


async def test_a_submit_that_failed_inside_the_api_is_found_failed(
    stand_in: Simulator, connect: Connect, allow: Permission
) -> None:
    """Nothing was made, so it may be sent again."""
    stand_in.faults.add(Fault(Route.SUBMIT, answer="internal", logged=True))
    async with connect(stand_in.base_url) as provider:
        await lose(provider, "job.1", allow)

        found = await provider.find(["job.1"], 60.0)

    assert not found["job.1"].made
    assert stand_in.ledger.accepted == []


@pytest.mark.parametrize(
    "fault",
    [
        Fault(Route.LOGS, answer="html_page"),
        Fault(Route.LOGS, answer="half_json"),
        Fault(Route.LOGS, answer="moved_307"),
        Fault(Route.LOGS, cut=Cut.ANSWER),
        Fault(Route.LOGS, cut=Cut.BODY, after=40, reset=True),
        Fault(Route.LOGS, fields={"data": []}),
    ],
)
async def test_a_log_in_trouble_tells_nothing_and_then_all(
    stand_in: Simulator, connect: Connect, allow: Permission, fault: Fault
) -> None:
    """While it is in trouble the submit is not missing; afterwards it is found."""
    stand_in.faults.add(Fault(Route.SUBMIT, cut=Cut.ANSWER), fault)
    async with connect(stand_in.base_url) as provider:
        await lose(provider, "job.1", allow)

        with pytest.raises(ProviderUnavailable):
            await provider.find(["job.1"], 60.0)
        assert set(await provider.find(["job.1"], 60.0)) == {"job.1"}
