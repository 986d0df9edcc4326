"""Was this clip paid for once? The ledger is what all tests of money ask."""

from typing import Any

import pytest

from reeldrop.simulator.faults import Ending, Fault, Route


async def test_each_accepted_submit_is_recorded_once_with_what_was_sent(
    desk: Any, clip_facts: dict[str, Any]
) -> None:
    for number in range(3):
        await desk.submit(f"job.{number}", prompt=f"take {number}", keep_audio=True)
    assert [each.client_request_id for each in desk.ledger.accepted] == ["job.0", "job.1", "job.2"]
    assert desk.ledger.accepted[1].params == {
        "prompt": "take 1",
        "video_url": clip_facts,
        "keep_audio": True,
    }


async def test_arrival_and_answer_have_their_times_in_order(desk: Any) -> None:
    await desk.submit()
    seen = desk.ledger.accepted[0].seen
    assert seen.first_byte <= seen.last_byte <= seen.answered
    assert seen.received == int(seen.headers["content-length"])


async def test_nothing_is_charged_before_completion(open_desk: Any) -> None:
    """The provider records the charge after `completed`."""
    desk = await open_desk(generation_seconds=0.2)
    generation_id = (await desk.submit()).json()["id"]
    assert desk.ledger.charged_usd == 0
    await desk.finish(generation_id)
    assert desk.ledger.charged_usd == pytest.approx(1.092)
    assert desk.ledger.accepted[0].charged_credits == 2_184_000


@pytest.mark.parametrize("ending", [each for each in Ending if not each.charged])
async def test_what_does_not_complete_is_never_charged(desk: Any, ending: Ending) -> None:
    desk.faults.add(Fault(Route.SUBMIT, ends=ending))
    generation_id = (await desk.submit()).json()["id"]
    await desk.poll(generation_id)
    assert desk.ledger.charged_usd == 0
    assert (await desk.client.get("/v2/billing")).json()["current_balance"] == 10_000


async def test_polls_are_counted(desk: Any) -> None:
    generation_id = (await desk.submit()).json()["id"]
    for _ in range(4):
        await desk.poll(generation_id)
    assert desk.ledger.accepted[0].polls == 4


async def test_another_process_reads_the_ledger_over_http(desk: Any) -> None:
    made = await desk.make()
    ledger = (await desk.client.get("/_simulator/ledger")).json()
    [accepted] = ledger["accepted"]
    assert accepted["id"] == made["id"]
    assert accepted["charged_usd"] == ledger["charged_usd"] == 1.092
    assert accepted["request"]["status"] == 200
