"""What the API answers, and what becomes of the drop: every documented shape of status and error."""

from typing import Any

import pytest

from acceptance.world import Site, eventually, large_clip
from reeldrop.simulator import Simulator
from reeldrop.simulator.faults import Cut, Ending, Fault, Route

GOOD = {"prompt": "x"}
OTHER = {"prompt": "y"}
"""For a second clip of the same bytes, which is to be paid for as well."""


async def dropped(site: Site, api: Simulator, *faults: Fault) -> None:
    api.faults.add(*faults)
    await site.start()
    site.drop("a.mov", GOOD)


async def met(site: Site, api: Simulator, name: str, fault: Fault, top: str = "") -> dict[str, Any]:
    """Let the running daemon meet `fault` with a drop of its own, and await that in the outbox."""
    api.faults.add(fault)
    site.drop(f"{name}.mov", {"prompt": name})
    record = await site.finished(f"{top}{name}")
    assert not api.faults.waiting
    return record


@pytest.mark.parametrize("answer", ["too_many", "unavailable"])
async def test_a_definite_not_now_is_tried_again_by_itself(
    site: Site, api: Simulator, answer: str
) -> None:
    """429 and the API's own 503: nothing was made, so it is sent again."""
    await dropped(site, api, Fault(Route.SUBMIT, answer=answer, headers={"retry-after": "0"}))
    record = await site.finished("a")
    assert (len(api.ledger.accepted), record["attempts"]) == (1, 2)
    assert len(set(record["request_ids"])) == 2


@pytest.mark.parametrize("answer", ["bad_request", "too_long"])
async def test_a_refusal_of_this_clip_fails_it_alone(
    site: Site, api: Simulator, answer: str
) -> None:
    """The API's own words are in error.txt, and the next clip goes on."""
    await dropped(site, api, Fault(Route.SUBMIT, answer=answer))
    record = await site.finished("_failed/a")
    assert (record["error"]["code"], api.ledger.accepted) == ("rejected", [])
    site.drop("b.mov", OTHER)
    await site.finished("b")


UNKNOWN = [
    {"answer": "internal"},
    {"answer": "html_502"},
    {"answer": "html_504"},
    {"answer": "html_503"},
    {"answer": "cloudflare_524"},
    {"answer": "cloudflare_520"},
    {"answer": "moved"},
    {"answer": "moved_307"},
    {"status": 408, "body": "slow"},
]
PAID = [
    {"answer": "empty", "accept": True},
    {"answer": "half_json", "accept": True},
    {"answer": "no_id", "accept": True},
    {"answer": "html_502", "accept": True},
    {"answer": "cloudflare_524", "accept": True},
    {"cut": Cut.ANSWER},
]


@pytest.mark.parametrize("fault", UNKNOWN, ids=str)
async def test_an_unknown_outcome_is_held_and_never_sent_again(
    site: Site, api: Simulator, fault: dict[str, Any]
) -> None:
    """It may have been paid for, and the log does not show it. Other clips go on."""
    await dropped(site, api, Fault(Route.SUBMIT, **fault))
    await eventually(lambda: "job.uncertain" in site.log)
    site.drop("b.mov", OTHER)
    await site.finished("b")
    await eventually(lambda: any("/v2/logs" in seen.target for seen in api.ledger.requests))

    [held] = [job for job in await site.jobs() if job["state"] == "uncertain"]
    assert held["path"] == "a.mov"
    submits = [seen for seen in api.ledger.requests if seen.method == "POST"]
    assert len(submits) == 2


@pytest.mark.parametrize("fault", PAID, ids=str)
async def test_a_submit_whose_answer_was_lost_is_found_in_the_log_and_delivered(
    site: Site, api: Simulator, fault: dict[str, Any]
) -> None:
    """It was paid for: its generation is adopted, not made again."""
    await dropped(site, api, Fault(Route.SUBMIT, **fault))
    record = await site.finished("a")
    assert (len(api.ledger.accepted), record["attempts"]) == (1, 1)
    assert record["generation_id"] == api.ledger.accepted[0].id
    assert "uncertain" in [entry["state"] for entry in record["states"]]
    assert record["error"] is None


async def test_a_submit_that_the_log_shows_as_failed_is_sent_again(
    site: Site, api: Simulator
) -> None:
    """The API's own 500: nothing was made, and its log says so."""
    await dropped(site, api, Fault(Route.SUBMIT, answer="internal", logged=True))
    record = await site.finished("a")
    assert (len(api.ledger.accepted), record["attempts"]) == (1, 2)


async def test_an_api_that_fails_on_a_clip_again_and_again_is_not_asked_at_once(
    site: Site, api: Simulator
) -> None:
    """Every try sends the whole clip. That the pauses grow tests/engine/test_reconciliation.py sees."""
    await dropped(site, api, Fault(Route.SUBMIT, answer="internal", logged=True, times=0))
    await eventually(lambda: len(_submits(api)) >= 3)
    first, second, third = [seen.first_byte for seen in _submits(api)[:3]]
    # Two seconds until the log is asked, then at least half of one second, and of two. Only the
    # least can be told: a busy machine adds what it likes.
    assert (second - first > 2.4, third - second > 2.9) == (True, True)
    assert not api.ledger.accepted


def _submits(api: Simulator) -> list[Any]:
    return [seen for seen in api.ledger.requests if seen.method == "POST"]


async def test_a_log_that_does_not_answer_proves_nothing(site: Site, api: Simulator) -> None:
    """Only what the log says may free or hold a job."""
    site.configure(api={"reconcile_window": 0.5})
    api.faults.add(Fault(Route.LOGS, answer="html_502", times=2))
    await dropped(site, api, Fault(Route.SUBMIT, cut=Cut.ANSWER))
    record = await site.finished("a")
    assert (len(api.ledger.accepted), record["attempts"]) == (1, 1)


async def test_what_the_log_does_not_show_is_held_for_a_person_after_the_window(
    site: Site, api: Simulator
) -> None:
    """It says so in plain words, and is still not sent again."""
    site.configure(api={"reconcile_window": 0.5})
    await dropped(site, api, Fault(Route.SUBMIT, answer="html_502"))
    await eventually(lambda: "job.held" in site.log)
    [held] = await site.jobs()
    assert held["state"] == "uncertain"
    assert "does not show" in held["reason"]
    assert len([seen for seen in api.ledger.requests if seen.method == "POST"]) == 1


async def test_a_connection_cut_before_the_end_of_the_body_is_definite(
    site: Site, api: Simulator
) -> None:
    """Its last bytes were still here: nothing can have been made, so it is sent again."""
    api.faults.add(Fault(Route.SUBMIT, cut=Cut.REQUEST, after=2000, reset=True))
    await site.start()
    site.drop("a.mov", GOOD, clip=large_clip(site, 20_000_000))
    record = await site.finished("a")
    assert (len(api.ledger.accepted), record["attempts"]) == (1, 1)


async def test_any_2xx_with_an_id_is_an_acceptance(site: Site, api: Simulator) -> None:
    """The old documentation said 201."""
    await site.start()
    for status in (200, 201, 202):
        await met(site, api, f"{status}", Fault(Route.SUBMIT, status=status))
    assert len(api.ledger.accepted) == 3


async def test_every_known_word_and_shape_of_success_is_delivered(
    site: Site, api: Simulator
) -> None:
    """Backends differ in their words."""
    await site.start()
    for ending in (Ending.SUCCEEDED, Ending.URL_LIST):
        await met(site, api, ending, Fault(Route.SUBMIT, ends=ending))


async def test_every_shape_of_failure_fails_the_clip_with_its_words(
    site: Site, api: Simulator
) -> None:
    """A failed generation is not charged and not tried again."""
    endings = (Ending.ERROR, Ending.ERROR_DETAIL, Ending.ERROR_TEXT, Ending.ERROR_NULL)
    await site.start()
    for ending in endings:
        record = await met(site, api, ending, Fault(Route.SUBMIT, ends=ending), "_failed/")
        assert record["error"]["code"] == "generation_failed"
        told = (site.outbox / "_failed" / ending / "error.txt").read_text()
        assert record["generation_id"] in told
    assert len(api.ledger.accepted) == len(endings)


async def test_an_unknown_status_is_polled_on(site: Site, api: Simulator) -> None:
    """Words change; a generation that was paid for is not given up for one."""
    await site.start()
    for status in ("waiting", "active", "processing", "dreaming"):
        await met(site, api, status, Fault(Route.POLL, fields={"status": status}, times=3))
    assert len(api.ledger.accepted) == 4


async def test_trouble_with_a_poll_never_costs_the_generation(site: Site, api: Simulator) -> None:
    """Polling is free; a new generation is not."""
    troubles: list[dict[str, Any]] = [
        {"answer": "not_found"},
        {"answer": "too_many", "headers": {"retry-after": "0"}},
        {"answer": "cloudflare_524"},
        {"answer": "html_502"},
        {"answer": "half_json"},
        {"cut": Cut.ANSWER},
    ]
    await site.start()
    for number, trouble in enumerate(troubles, 1):
        await met(site, api, f"{number}", Fault(Route.POLL, **trouble))
        assert len(api.ledger.accepted) == number, trouble


async def test_a_result_that_comes_badly_is_fetched_again(site: Site, api: Simulator) -> None:
    """It was paid for, and fetching is free."""
    ways = {
        "cut": Fault(Route.FILE, cut=Cut.BODY, after=5000),
        "html": Fault(Route.FILE, answer="html_page"),
        "short": Fault(Route.FILE, shorten=3000),
        "redirected": Fault(Route.FILE, answer="moved"),
        "bad gateway": Fault(Route.FILE, answer="html_502"),
        "expired": Fault(Route.FILE, expire=True, answer="expired"),
    }
    await site.start()
    for number, (way, fault) in enumerate(ways.items(), 1):
        record = await met(site, api, way, fault)
        assert len(api.ledger.accepted) == number, way
        assert record["result"]["bytes"] == (site.outbox / way / f"{way}.mp4").stat().st_size


async def test_a_cut_download_goes_on_by_range(site: Site, api: Simulator) -> None:
    """What has come is not asked for again."""
    await dropped(site, api, Fault(Route.FILE, cut=Cut.BODY, after=5000))
    await site.finished("a")
    assert any("range" in seen.headers for seen in api.ledger.files)


async def test_an_id_with_slashes_and_colons_is_polled_as_it_is(site: Site, api: Simulator) -> None:
    """Ids are opaque; older ones hold the model's name."""
    odd = "6a3ada23-8eb3:klingai/video o1&x=1"
    await dropped(site, api, Fault(Route.SUBMIT, fields={"id": odd}))
    await eventually(lambda: any("generation_id=" in seen.target for seen in api.ledger.requests))
    [target] = {seen.target for seen in api.ledger.requests if "generation_id=" in seen.target}
    assert "6a3ada23-8eb3%3Aklingai%2Fvideo" in target
    assert "%26x%3D1" in target


@pytest.mark.parametrize("made", [True, False])
async def test_an_earlier_generation_is_not_taken_for_that_of_a_new_submit(
    site: Site, api: Simulator, made: bool
) -> None:
    """The log shows every submit of a job; what a person has paid for again is another one."""
    site.configure(api={"reconcile_window": 1.0})
    await dropped(site, api)
    first = await site.finished("a")
    api.faults.add(Fault(Route.SUBMIT, cut=Cut.ANSWER, accept=made))
    code, _, errors = await site.command("retry", first["id"], "--pay-again")
    assert code == 0, errors
    if made:
        again = await site.finished("a-2")
        assert again["generation_id"] == api.ledger.accepted[1].id != first["generation_id"]
        return
    await eventually(lambda: "job.held" in site.log)
    code, said, errors = await site.command("resolve", first["id"], "--not-submitted")
    assert (code, "again" in said) == (0, True), errors
    again = await site.finished("a-2")
    assert again["generation_id"] == api.ledger.accepted[1].id


async def test_a_generation_that_the_log_shows_as_anothers_is_not_taken(
    site: Site, api: Simulator
) -> None:
    """Two clips whose answers were lost: a person who mixes them up must not deliver one as the other."""
    await dropped(site, api, Fault(Route.LOGS, answer="html_502", times=0))
    await site.finished("a")
    api.faults.add(Fault(Route.SUBMIT, cut=Cut.ANSWER, times=2))
    for name in ("b", "c"):
        site.drop(f"{name}.mov", {"prompt": name})
    await eventually(lambda: site.log.count('"event": "job.uncertain"') == 2)
    ours = {job["path"]: job["id"] for job in await site.jobs() if job["state"] == "uncertain"}
    made = {each.params["prompt"]: each.id for each in api.ledger.accepted}
    await site.stop()
    # Not while the daemon runs: it would ask the log, and adopt both by itself.
    api.faults.clear()
    code, said, errors = await site.command("resolve", ours["b.mov"], "--generation-id", made["c"])
    assert (code, made["b"] in errors or "c.mov" in errors) == (1, True), (said, errors)
    await site.start()
    for name in ("b", "c"):
        assert (await site.finished(name))["generation_id"] == made[name]


async def test_a_generation_that_nobody_can_be_asked_about_is_not_taken(
    site: Site, api: Simulator
) -> None:
    """A slip of the pen could not be taken back."""
    await dropped(site, api, Fault(Route.SUBMIT, answer="html_502"))
    await eventually(lambda: "job.uncertain" in site.log)
    [job] = await site.jobs()
    api.faults.add(Fault(Route.POLL, answer="html_502", times=0))
    code, said, errors = await site.command("resolve", job["id"], "--generation-id", "TYPO")
    assert (code, "nothing was changed" in errors) == (75, True), said
    assert [each["state"] for each in await site.jobs()] == ["uncertain"]
