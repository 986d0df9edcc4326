"""The web listener of a run that did not get its default address at the start."""

import asyncio
import socket
import urllib.request
from contextlib import suppress

import pytest
from structlog.testing import capture_logs

from reeldrop import app
from reeldrop.app import window
from reeldrop.domain.lifecycle import State
from reeldrop.settings import Settings, WebSettings


def answers(port: int) -> bool:
    with suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5):
        return True
    return False


async def test_an_address_that_comes_free_is_listened_on_in_the_end(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other daemon has ended: whoever asks for this one's health hears it, without a restart."""
    monkeypatch.setenv("AIMLAPI_API_KEY", "0123456789abcdef")
    monkeypatch.setattr(window, "AGAIN", 0.05)
    other = socket.create_server(("127.0.0.1", 0))
    port = other.getsockname()[1]
    # As if it were the default: it was not asked for.
    web = WebSettings.model_construct(_fields_set=set(), listen=f"127.0.0.1:{port}")
    chosen = settings.model_copy(update={"web": web})
    stop, outside = asyncio.Event(), app.Outside()
    with capture_logs() as logs:
        async with (
            asyncio.timeout(50),
            app.opened(chosen, app.Options(), stop, outside) as rooms,
            asyncio.TaskGroup() as group,
        ):
            group.create_task(app.work(chosen, rooms, stop, outside, once=False))
            while not await rooms.store.jobs([State.DELIVERED]):
                await asyncio.sleep(0.05)
            other.close()
            while not await asyncio.to_thread(answers, port):
                await asyncio.sleep(0.05)
            stop.set()
    told = [log["event"] for log in logs if log["event"].startswith("web.")]
    assert told == ["web.unavailable", "web.listening"]
    assert not await asyncio.to_thread(answers, port)
