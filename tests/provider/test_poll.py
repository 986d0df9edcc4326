"""Polls and the balance over a real socket."""

import asyncio
import re
from collections.abc import Callable

import pytest
from tests.provider.conftest import SECRET, Serve, Wire

from reeldrop.domain.errors import (
    GenerationUnknown,
    NotAuthorised,
    ProviderUnavailable,
    RateLimited,
)
from reeldrop.domain.job import GenerationId
from reeldrop.ports import Progress
from reeldrop.provider.client import HttpProvider

Connect = Callable[..., HttpProvider]
ODD = GenerationId("6a3a:klingai/video-o1?x=1&y=é #")


async def test_an_id_goes_out_encoded(serve: Serve, connect: Connect) -> None:
    """Older ids hold `:` and `/`; unencoded, another generation would be asked for."""

    async def handler(wire: Wire) -> None:
        await wire.answer(200, b'{"status":"generating"}')

    async with serve(handler) as server, connect(server.url) as provider:
        generation = await provider.poll(ODD)

        (request,) = server.requests
        assert (generation.id, generation.progress) == (ODD, Progress.RUNNING)
        assert request.target == (
            "/v2/video/generations?generation_id="
            "6a3a%3Aklingai%2Fvideo-o1%3Fx%3D1%26y%3D%C3%A9%20%23"
        )
        assert request.headers["authorization"] == f"Bearer {SECRET}"


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (404, b'{"statusCode":404,"message":"Inference not found"}', GenerationUnknown),
        (404, b"<html>", GenerationUnknown),
        (401, b"", NotAuthorised),
        (429, b"", RateLimited),
        (524, b"<html>", ProviderUnavailable),
        (200, b"<html>", ProviderUnavailable),
        (200, b"{}", ProviderUnavailable),
    ],
)
async def test_an_answer_to_a_poll(
    serve: Serve, connect: Connect, status: int, body: bytes, kind: type[Exception]
) -> None:
    """None of them ends the generation."""

    async def handler(wire: Wire) -> None:
        await wire.answer(status, body)

    async with serve(handler) as server, connect(server.url) as provider:
        with pytest.raises(kind):
            await provider.poll(ODD)


async def test_the_key_follows_no_redirect(serve: Serve, connect: Connect) -> None:
    """Whoever can make the API redirect must not be given the key."""

    async def thief(wire: Wire) -> None:
        await wire.answer(200, b'{"status":"completed"}')

    async with serve(thief) as elsewhere:

        async def handler(wire: Wire) -> None:
            await wire.answer(307, b"", Location=f"{elsewhere.url}/v2/video/generations")

        async with serve(handler) as server, connect(server.url) as provider:
            with pytest.raises(ProviderUnavailable, match="redirect"):
                await provider.poll(ODD)

            assert elsewhere.connections == 0


async def test_a_trickled_answer_is_given_up(serve: Serve, connect: Connect) -> None:
    """One slow poll must not hold its place for ever."""

    async def handler(wire: Wire) -> None:
        for byte in b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 500:
            await wire.send(bytes([byte]))
            await asyncio.sleep(0.05)

    async with serve(handler) as server, connect(server.url, poll=0.2) as provider:
        with pytest.raises(ProviderUnavailable):
            await asyncio.wait_for(provider.poll(ODD), 20)


async def test_many_polls_at_once_share_a_bounded_number_of_connections(
    serve: Serve, connect: Connect
) -> None:
    """Hundreds of generations are asked for without hundreds of connections, and none is lost."""

    async def handler(wire: Wire) -> None:
        await asyncio.sleep(0.002)
        found = re.search(r"generation_id=(\d+)", wire.request.target)
        assert found
        await wire.answer(200, b'{"status":"s%s"}' % found[1].encode())

    async with serve(handler) as server, connect(server.url) as provider:
        async with asyncio.TaskGroup() as group:
            polls = [
                group.create_task(provider.poll(GenerationId(str(number)))) for number in range(400)
            ]

        assert [poll.result().status for poll in polls] == [f"s{number}" for number in range(400)]
        assert server.connections <= 64


async def test_plain_http_never_goes_through_a_proxy(
    serve: Serve, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The proxy would read the key."""
    for variable in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(variable, "http://127.0.0.1:1")

    async def handler(wire: Wire) -> None:
        await wire.answer(200, b'{"status":"queued"}')

    async with serve(handler) as server, connect(server.url) as provider:
        assert (await provider.poll(ODD)).status == "queued"


async def test_the_balance_is_read(serve: Serve, connect: Connect) -> None:
    """`check` says whether there is money before a clip finds out."""

    async def handler(wire: Wire) -> None:
        await wire.answer(200, b'{"current_balance":12.5,"currency":"USD"}')

    async with serve(handler) as server, connect(server.url) as provider:
        assert await provider.balance() == (12.5, "USD")
        assert server.requests[0].target == "/v2/billing"


async def test_an_unreadable_balance_is_asked_for_again(serve: Serve, connect: Connect) -> None:
    """A proxy's page is no balance of zero."""

    async def handler(wire: Wire) -> None:
        await wire.answer(200, b"<html>")

    async with serve(handler) as server, connect(server.url) as provider:
        with pytest.raises(ProviderUnavailable):
            await provider.balance()
