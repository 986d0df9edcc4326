"""`GET /v2/logs`, by which a lost submit is found again."""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import pytest

from reeldrop.simulator.faults import Ending, Fault, Route
from reeldrop.simulator.terms import Terms

ROW = {
    "created", "status", "origin", "model", "cost", "tokens", "request_id", "inference_id",
    "client_request_id",
}  # fmt: skip


async def test_a_row_ties_the_client_request_id_to_the_generation(desk: Any) -> None:
    made = await desk.submit("job.1")
    [row] = (await desk.logs(period="1h")).json()["data"]
    assert set(row) == ROW
    assert (row["inference_id"], row["client_request_id"]) == (made.json()["id"], "job.1")
    assert (row["status"], row["cost"]) == ("succeeded", {"usd": 1.092, "credits": 2_184_000})


async def test_rows_come_newest_first_in_pages(desk: Any) -> None:
    for number in range(5):
        await desk.submit(f"job.{number}")
    pages = [(await desk.logs(period="1d", limit=2, offset=at)).json() for at in (0, 2, 4)]
    ids = [row["client_request_id"] for page in pages for row in page["data"]]
    assert ids == ["job.4", "job.3", "job.2", "job.1", "job.0"]
    assert [page["pagination"]["has_more"] for page in pages] == [True, True, False]
    assert pages[0]["pagination"] == {"limit": 2, "offset": 0, "total": 5, "has_more": True}


async def test_filters_may_be_repeated(desk: Any) -> None:
    desk.faults.add(Fault(Route.SUBMIT, ends=Ending.ERROR))
    await desk.submit("failed")
    await desk.submit("good")

    async def found(**query: Any) -> list[str]:
        data = (await desk.logs(period="1h", **query)).json()["data"]
        return [row["client_request_id"] for row in data]

    assert await found(status="failed") == ["failed"]
    assert await found(status=["failed", "succeeded"]) == ["good", "failed"]
    assert await found(model=["no/model", desk.body()["model"]]) == ["good", "failed"]
    assert await found(model="no/model") == []


async def test_a_row_appears_when_the_generation_ends(open_desk: Any) -> None:
    """Not documented: so both are offered, and clients must bear both."""
    late = await open_desk(generation_seconds=60.0)
    soon = await open_desk(generation_seconds=60.0, terms=Terms(logged="at_once"))
    for desk, rows in ((late, 0), (soon, 1)):
        await desk.submit()
        assert len((await desk.logs(period="1h")).json()["data"]) == rows


async def test_a_submit_that_failed_inside_the_api_is_logged_as_failed(desk: Any) -> None:
    """A 500 whose request the log shows as failed may be sent again."""
    desk.faults.add(Fault(Route.SUBMIT, answer="internal", logged=True))
    assert (await desk.submit("job.1")).status_code == 500
    [row] = (await desk.logs(period="1h", model=desk.body()["model"])).json()["data"]
    assert (row["status"], row["client_request_id"]) == ("failed", "job.1")
    assert row["cost"] == {"usd": 0, "credits": 0}
    assert desk.ledger.accepted == []


async def test_the_providers_clock_may_differ(open_desk: Any) -> None:
    """A client that asks by its own clock must find its row although the provider's runs ahead."""
    desk = await open_desk(terms=Terms(clock_offset=3600.0))
    submitted = await desk.submit()
    now = datetime.now(UTC)
    window = {"start": now - timedelta(minutes=5), "end": now + timedelta(minutes=5)}
    asked = {key: value.isoformat() for key, value in window.items()}
    assert (await desk.logs(**asked)).json()["data"] == []
    assert len((await desk.logs(period="1h")).json()["data"]) == 1
    assert parsedate_to_datetime(submitted.headers["date"]) > now + timedelta(minutes=50)


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"period": "1h", "start": "2026-01-01"},
        {"start": "2026-01-01"},
        {"period": "7"},
        {"period": "93d"},
        {"start": "2026-01-02", "end": "2026-01-01"},
        {"start": "yesterday", "end": "2026-01-01"},
        {"period": "1h", "limit": "0"},
        {"period": "1h", "limit": "101"},
        {"period": "1h", "offset": "-1"},
        {"period": "1h", "status": "succeeded,failed"},
    ],
)
async def test_a_wrong_query_is_400(desk: Any, query: dict[str, str]) -> None:
    answer = await desk.logs(**query)
    assert (answer.status_code, answer.json()["title"]) == (400, "Bad Request")
