"""Every fault does on the wire what it says, as often as it says, and to whom it says."""

import json
from typing import Any

import httpx
import pytest

from reeldrop.simulator.answers import NAMED
from reeldrop.simulator.faults import Cut, Ending, Fault, Route


@pytest.mark.parametrize("name", sorted(set(NAMED) - {"empty", "half_json", "no_id", "html_page"}))
async def test_a_named_refusal_is_answered_once_and_makes_nothing(desk: Any, name: str) -> None:
    desk.faults.add(Fault(Route.SUBMIT, answer=name))
    assert (await desk.submit()).status_code == NAMED[name].status
    assert desk.ledger.accepted == []
    assert (await desk.submit()).status_code == 200


@pytest.mark.parametrize(
    ("name", "kind", "key"),
    [("out_of_credits", "ForbiddenException", "data"), ("out_of_funds", "OutOfFundsException", "name")],
)  # fmt: skip
async def test_money_runs_out_in_both_shapes_that_were_seen(
    desk: Any, name: str, kind: str, key: str
) -> None:
    desk.faults.add(Fault(Route.SUBMIT, answer=name))
    body = (await desk.submit()).json()
    assert (body["status"], body["error"]["name"]) == (403, kind)
    assert key in body["error"]


@pytest.mark.parametrize("name", ["empty", "half_json", "no_id", "html_page"])
async def test_a_2xx_that_cannot_be_read_hides_a_paid_generation(desk: Any, name: str) -> None:
    desk.faults.add(Fault(Route.SUBMIT, answer=name))
    answer = await desk.submit()
    assert answer.status_code == 200
    [made] = desk.ledger.accepted
    assert made.id not in answer.text + str(answer.headers)
    assert desk.ledger.charged_usd > 0


async def test_201_is_an_answer_like_200(desk: Any) -> None:
    desk.faults.add(Fault(Route.SUBMIT, status=201))
    answer = await desk.submit()
    assert (answer.status_code, answer.json()["id"]) == (201, desk.ledger.accepted[0].id)


@pytest.mark.parametrize("name", ["cloudflare_524", "internal", "moved_307"])
async def test_a_refusal_may_hide_a_paid_generation(desk: Any, name: str) -> None:
    desk.faults.add(Fault(Route.SUBMIT, answer=name, accept=True))
    assert (await desk.submit()).status_code == NAMED[name].status
    assert len(desk.ledger.accepted) == 1


@pytest.mark.parametrize("reset", [False, True])
async def test_an_accepted_submit_may_be_cut_without_an_answer(desk: Any, reset: bool) -> None:
    """The fault that costs money: paid for, and nobody was told."""
    desk.faults.add(Fault(Route.SUBMIT, cut=Cut.ANSWER, reset=reset))
    with pytest.raises(httpx.ReadError if reset else httpx.RemoteProtocolError):
        await desk.submit("job.1")
    [made] = desk.ledger.accepted
    assert (made.client_request_id, made.seen.answered) == ("job.1", None)
    assert desk.ledger.charged_usd > 0


async def test_a_request_may_be_cut_before_its_end(desk: Any) -> None:
    desk.faults.add(Fault(Route.SUBMIT, cut=Cut.REQUEST, after=1000))
    with pytest.raises((httpx.WriteError, httpx.ReadError, httpx.RemoteProtocolError)):
        await desk.submit(prompt="x" * 2000, image_list=["https://a.example/" + "y" * 900_000])
    [seen] = desk.ledger.requests
    assert seen.received >= 1000
    assert (seen.last_byte, seen.status, desk.ledger.accepted) == (None, None, [])


async def test_an_answer_may_be_cut_in_its_body(desk: Any) -> None:
    desk.faults.add(Fault(Route.SUBMIT, cut=Cut.BODY, after=10))
    with pytest.raises(httpx.RemoteProtocolError):
        await desk.submit()
    assert len(desk.ledger.accepted) == 1


async def test_a_fault_may_wait_and_last(desk: Any) -> None:
    desk.faults.add(Fault(Route.BILLING, answer="too_many", skip=1, times=2))
    statuses = [(await desk.client.get("/v2/billing")).status_code for _ in range(5)]
    assert statuses == [200, 429, 429, 200, 200]
    desk.faults.add(Fault(Route.BILLING, answer="maintenance", times=0))
    assert {(await desk.client.get("/v2/billing")).status_code for _ in range(4)} == {500}


async def test_a_fault_may_choose_its_requests(desk: Any) -> None:
    desk.faults.add(
        Fault(Route.SUBMIT, answer="too_many", times=0,
              when=lambda request: request.headers.get("x-client-request-id") == "job.2")
    )  # fmt: skip
    statuses = {each: (await desk.submit(each)).status_code for each in ("job.1", "job.2", "job.3")}
    assert statuses == {"job.1": 200, "job.2": 429, "job.3": 200}


async def test_headers_and_bodies_may_be_anything(desk: Any) -> None:
    desk.faults.add(
        Fault(Route.POLL, answer="too_many", headers={"retry-after": "7"}),
        Fault(Route.POLL, status=422, body={"detail": "no"}),
        Fault(Route.POLL, status=418, body="tea"),
    )
    answers = [await desk.poll("any") for _ in range(3)]
    assert [each.status_code for each in answers] == [429, 422, 418]
    assert answers[0].headers["retry-after"] == "7"
    assert (answers[1].json(), answers[2].text) == ({"detail": "no"}, "tea")


async def test_a_poll_may_say_words_that_nobody_documented(desk: Any) -> None:
    generation_id = (await desk.submit()).json()["id"]
    desk.faults.add(Fault(Route.POLL, fields={"status": "warming_up", "video": None}))
    assert (await desk.poll(generation_id)).json()["status"] == "warming_up"
    assert (await desk.poll(generation_id)).json()["status"] == "completed"


ENDS: dict[Ending, tuple[str, str, type]] = {
    Ending.ERROR: ("error", "error", dict),
    Ending.ERROR_DETAIL: ("error", "error", dict),
    Ending.ERROR_TEXT: ("error", "error", str),
    Ending.ERROR_NULL: ("error", "error", type(None)),
    Ending.NO_URL: ("completed", "video", type(None)),
    Ending.URL_LIST: ("completed", "video", list),
    Ending.SUCCEEDED: ("succeeded", "video", dict),
}


@pytest.mark.parametrize("ending", list(ENDS))
async def test_a_generation_ends_in_every_shape_that_was_seen(desk: Any, ending: Ending) -> None:
    desk.faults.add(Fault(Route.SUBMIT, ends=ending))
    body = await desk.make()
    status, key, kind = ENDS[ending]
    assert body["status"] == status
    assert isinstance(body[key], kind)
    if ending is Ending.ERROR:
        assert set(body["error"]) == {"name", "message"}
    if ending is Ending.ERROR_DETAIL:
        assert body["error"]["detail"][0]["type"] == "face_detection_error"


async def test_a_generation_may_never_end(desk: Any) -> None:
    desk.faults.add(Fault(Route.SUBMIT, ends=Ending.NEVER))
    generation_id = (await desk.submit()).json()["id"]
    assert {(await desk.poll(generation_id)).json()["status"] for _ in range(5)} == {"generating"}


async def test_an_answer_may_come_late_or_drop_by_drop(desk: Any) -> None:
    desk.faults.add(Fault(Route.BILLING, delay=0.05), Fault(Route.BILLING, rate=400))
    for least in (0.05, 0.1):
        answer = await desk.client.get("/v2/billing")
        assert answer.json()["currency"] == "USD"
        assert answer.elapsed.total_seconds() >= least


async def test_another_process_scripts_faults_over_http(desk: Any) -> None:
    faults = [
        {"route": "submit", "answer": "out_of_credits", "times": 2},
        {"route": "poll", "cut": "body", "after": 3},
        {"route": "submit", "ends": "error_text"},
    ]
    posted = await desk.client.post("/_simulator/faults", json=faults)
    assert posted.json() == {"waiting": 3}
    assert [(await desk.submit()).status_code for _ in range(3)] == [403, 403, 200]
    assert (await desk.client.get("/_simulator/faults")).json() == {"waiting": 1}
    assert (await desk.client.delete("/_simulator/faults")).json() == {"waiting": 0}
    assert isinstance((await desk.finish(desk.ledger.accepted[0].id))["error"], str)


@pytest.mark.parametrize(
    ("faults", "told"),
    [
        ([{"route": "nowhere"}], "route"),
        ([{"route": "poll", "answer": "no_such"}], "no_such"),
        ([{"route": "poll", "colour": 1}], "colour"),
        ([{"route": "poll", "when": "always"}], "when"),
        ({"route": "poll"}, "list"),
        ([{}], "route"),
    ],
)
async def test_a_fault_that_is_none_is_400_and_says_why(desk: Any, faults: Any, told: str) -> None:
    answer = await desk.client.post("/_simulator/faults", content=json.dumps(faults))
    assert answer.status_code == 400
    assert told in answer.json()["message"]
    assert desk.faults.waiting == []
