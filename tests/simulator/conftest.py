"""A stand-in with a finished result, and clients that speak to it over real sockets."""

import asyncio
import base64
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from reeldrop.simulator import Simulator

MODEL = "klingai/video-o1-video-to-video-reference"
PATH = "/v2/video/generations"
RESULT = bytes(range(256)) * 400
CLIP = b"a clip" * 1000


class Desk:
    """A stand-in and a client of it."""

    def __init__(self, simulator: Simulator, client: httpx.AsyncClient) -> None:
        self.simulator, self.client = simulator, client
        self.ledger, self.faults = simulator.ledger, simulator.faults

    def body(self, **changes: Any) -> dict[str, Any]:
        uri = "data:video/mp4;base64," + base64.b64encode(CLIP).decode()
        return {"model": MODEL, "prompt": "as clay", "video_url": uri, **changes}

    async def submit(self, request_id: str = "", **changes: Any) -> httpx.Response:
        headers = {"x-client-request-id": request_id} if request_id else {}
        return await self.client.post(PATH, json=self.body(**changes), headers=headers)

    async def poll(self, generation_id: str) -> httpx.Response:
        return await self.client.get(PATH, params={"generation_id": generation_id})

    async def finish(self, generation_id: str) -> dict[str, Any]:
        """Poll until the generation is over."""
        while True:
            answer = (await self.poll(generation_id)).json()
            if answer["status"] not in {"queued", "generating"}:
                return answer
            await asyncio.sleep(0.01)

    async def make(self, **changes: Any) -> dict[str, Any]:
        """Submit and poll until the generation is over."""
        return await self.finish((await self.submit(**changes)).json()["id"])

    async def logs(self, **query: Any) -> httpx.Response:
        return await self.client.get("/v2/logs", params=query)


OpenDesk = Callable[..., Awaitable[Desk]]


@pytest.fixture
def result(tmp_path: Path) -> Path:
    path = tmp_path / "result.mp4"
    path.write_bytes(RESULT)
    return path


@pytest.fixture
async def open_desk(tmp_path: Path, result: Path) -> AsyncIterator[OpenDesk]:
    async with AsyncExitStack() as stack:

        async def open_(**given: Any) -> Desk:
            given = {"generation_seconds": 0.0, "result": result, **given}
            simulator = await stack.enter_async_context(Simulator(tmp_path / "desk", **given))
            client = httpx.AsyncClient(base_url=simulator.base_url, timeout=30, trust_env=False)
            return Desk(simulator, await stack.enter_async_context(client))

        yield open_


@pytest.fixture
async def desk(open_desk: OpenDesk) -> Desk:
    return await open_desk()


@pytest.fixture
def clip_facts() -> dict[str, Any]:
    """What the ledger holds of the clip that `Desk.submit` sends."""
    digest = hashlib.sha256(CLIP).hexdigest()
    return {"bytes": len(CLIP), "sha256": digest, "mime": "video/mp4"}
