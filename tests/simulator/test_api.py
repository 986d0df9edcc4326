"""The shapes that the API is documented to answer with."""

import re
from typing import Any

import pytest

from reeldrop.simulator.terms import Terms

MODEL = "klingai/video-o1-video-to-video-reference"


async def test_a_submit_is_answered_with_id_status_and_usage(desk: Any) -> None:
    answer = await desk.submit()
    assert answer.status_code == 200
    body = answer.json()
    assert set(body) == {"id", "status", "meta"}
    assert re.fullmatch(r"[A-Za-z0-9_-]{21}", body["id"])
    assert body["status"] == "queued"
    assert body["meta"] == {"usage": {"credits_used": 2_184_000, "usd_spent": 1.092}}


@pytest.mark.parametrize(
    "path", ["/v2/video/generations", "/v1/video/generations", "/video/generations"]
)
async def test_every_documented_path_submits_and_polls(desk: Any, path: str) -> None:
    submitted = await desk.client.post(path, json=desk.body())
    polled = await desk.client.get(path, params={"generation_id": submitted.json()["id"]})
    assert (submitted.status_code, polled.json()["status"]) == (200, "completed")


async def test_a_generation_is_queued_then_generating_then_completed(open_desk: Any) -> None:
    """Clients meet every word of the API in the order in which it says them."""
    desk = await open_desk(generation_seconds=1000.0)
    generation_id = (await desk.submit()).json()["id"]
    [made] = desk.ledger.accepted
    words: list[str] = []
    for passed in (0.0, 500.0, 500.0):
        made.begun -= passed
        words.append((await desk.poll(generation_id)).json()["status"])
    assert words == ["queued", "generating", "completed"]


async def test_a_completed_poll_has_the_url_of_another_host(desk: Any) -> None:
    answer = await desk.make()
    assert set(answer) == {"id", "status", "video"}
    assert answer["video"]["url"].startswith(desk.simulator.files_url + "/files/")
    assert desk.simulator.files_url != desk.simulator.base_url


async def test_headers_trace_and_price_a_request(desk: Any) -> None:
    answer = await desk.submit("job-1.1", duration=10)
    polled = await desk.poll(answer.json()["id"])
    for each in (answer, polled):
        assert each.headers["x-inference-id"] == answer.json()["id"]
        assert each.headers["x-aimlapi-credits-used"] == "4368000"
        assert each.headers["x-aimlapi-usd-spent"] == "2.184"
    assert answer.headers["x-client-request-id"] == "job-1.1"


@pytest.mark.parametrize("request_id", ["has space", "a" * 129, "slash/"])
async def test_an_invalid_client_request_id_is_dropped_silently(desk: Any, request_id: str) -> None:
    answer = await desk.submit(request_id)
    assert answer.status_code == 200
    assert "x-client-request-id" not in answer.headers
    assert desk.ledger.accepted[0].client_request_id is None


async def test_older_ids_need_encoding_in_a_url(open_desk: Any) -> None:
    desk = await open_desk(terms=Terms(ids="uuid"))
    answer = await desk.make()
    assert re.fullmatch(r"[0-9a-f-]{36}:" + MODEL, answer["id"])
    raw = await desk.client.get(
        f"/v2/video/generations?generation_id={answer['id'].replace(':', '&')}"
    )
    assert raw.status_code == 404


async def test_an_unknown_id_is_404_in_the_apis_json(desk: Any) -> None:
    answer = await desk.poll("nobody")
    assert answer.status_code == 404
    assert answer.json()["error"]["name"] == "NotFoundException"


async def test_a_missing_or_wrong_key_is_401_and_makes_nothing(open_desk: Any) -> None:
    desk = await open_desk(key="0123456789abcdef")
    for headers in ({}, {"authorization": "Bearer wrong"}):
        answer = await desk.client.post("/v2/video/generations", json=desk.body(), headers=headers)
        body = answer.json()
        assert answer.status_code == body["statusCode"] == 401
        assert set(body) == {"requestId", "statusCode", "timestamp", "path", "message"}
    assert desk.ledger.accepted == []
    right = {"authorization": "Bearer 0123456789abcdef"}
    assert (await desk.client.get("/v2/billing", headers=right)).status_code == 200
    assert "0123456789abcdef" not in str(desk.ledger.as_json())


async def test_models_need_no_key(open_desk: Any) -> None:
    desk = await open_desk(key="secret")
    answer = (
        await desk.client.get("/v1/models", params={"id": MODEL, "include": "pricing"})
    ).json()
    assert [each["id"] for each in answer["data"]] == [MODEL]
    assert answer["data"][0]["pricing"]["units"] == [{"price": 0.2184, "unit": "second", "per": 1}]


BROKEN: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"prompt": None}, {"code": "invalid_type", "path": ["prompt"], "received": "null"}),
    ({"prompt": "x" * 2501}, {"code": "too_big", "path": ["prompt"], "maximum": 2500}),
    ({"duration": 7}, {"code": "invalid_enum_value", "path": ["duration"], "options": [5, 10]}),
    ({"aspect_ratio": "4:3"}, {"code": "invalid_enum_value", "received": "4:3"}),
    ({"keep_audio": "yes"}, {"code": "invalid_type", "expected": "boolean", "received": "string"}),
    ({"video_url": "clip.mp4"}, {"code": "invalid_string", "validation": "url"}),
    ({"video_url": "data:video/mp4;base64,A"}, {"code": "invalid_string", "path": ["video_url"]}),
    ({"video_url": "data:video/mp4;base64,A?=="}, {"code": "invalid_string"}),
    ({"image_list": ["https://a.example/1"] * 5}, {"code": "too_big", "type": "array"}),
    ({"elements": [{"frontal_image_url": "https://a.example/1"}]},
     {"message": "Required", "path": ["elements", 0, "reference_image_urls"]}),
    ({"model": "nobody/nothing"}, {"code": "invalid_union_discriminator", "path": ["model"]}),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "issue"), BROKEN)
async def test_a_broken_request_is_400_with_its_issue(
    desk: Any, changes: dict[str, Any], issue: dict[str, Any]
) -> None:
    answer = await desk.submit(**changes)
    body = answer.json()
    assert answer.status_code == body["status"] == 400
    assert body["message"] == "Invalid payload provided"
    [found] = body["error"]["data"]
    assert issue == {key: found[key] for key in issue}
    assert desk.ledger.accepted == []


async def test_all_that_is_missing_is_named_at_once(desk: Any) -> None:
    answer = await desk.client.post("/v2/video/generations", json={"model": MODEL})
    issues = answer.json()["error"]["data"]
    assert sorted(each["path"][0] for each in issues) == ["prompt", "video_url"]


@pytest.mark.parametrize("body", [b"", b"{", b'{"model":', b'{"a":NaN}', b'["\\u00"]', b"[" * 9000])
async def test_a_body_that_is_no_json_is_400(desk: Any, body: bytes) -> None:
    answer = await desk.client.post("/v2/video/generations", content=body)
    assert answer.status_code == 400
    assert answer.json()["title"] == "Bad Request"


async def test_too_much_json_is_413_and_the_connection_goes_on(desk: Any) -> None:
    answer = await desk.submit(prompt="x" * 3_000_000)
    assert (answer.status_code, answer.json()["title"]) == (413, "Request Entity Too Large")
    assert (await desk.submit()).status_code == 200


async def test_a_number_as_a_string_is_taken_and_recorded_as_it_came(desk: Any) -> None:
    await desk.submit(duration="10")
    assert desk.ledger.accepted[0].params["duration"] == "10"
    assert desk.ledger.accepted[0].price == pytest.approx(2.184)


async def test_an_empty_account_refuses_before_it_owes_more(open_desk: Any) -> None:
    desk = await open_desk(terms=Terms(balance=2.0))
    assert (await desk.submit()).status_code == 200
    refused = await desk.submit()
    assert refused.status_code == 403
    assert refused.json()["error"]["name"] == "OutOfFundsException"
    assert (await desk.client.get("/v2/billing")).json() == {
        "current_balance": 0.908,
        "currency": "USD",
    }


async def test_an_unknown_route_is_404(desk: Any) -> None:
    assert (await desk.client.get("/v2/nothing")).status_code == 404
    assert (await desk.client.delete("/v2/billing")).status_code == 404
