"""The store fails while something is paid for: what has happened is recorded, and nothing is paid twice."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reeldrop import app
from reeldrop.domain.errors import StoreUnavailable
from reeldrop.domain.lifecycle import Event
from reeldrop.settings import Settings
from reeldrop.simulator import Simulator


class Failing:
    """A port that fails when `when` says so of a call's name and arguments, and works otherwise."""

    def __init__(self, port: Any, when: Callable[[str, tuple[Any, ...]], bool]) -> None:
        self._port, self._when = port, when

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._port, name)

        async def call(*args: Any, **kwargs: Any) -> Any:
            if self._when(name, args):
                raise StoreUnavailable("the job store does not answer: I/O error")
            return await method(*args, **kwargs)

        return call


async def run_with(settings: Settings, when: Callable[[str, tuple[Any, ...]], bool]) -> None:
    """Run the daemon until it has worked off the inbox, on a store that fails when `when` says so."""
    stop = asyncio.Event()
    options = app.Options(once=True)
    async with asyncio.timeout(40), app.opened(settings, options, stop) as rooms:
        failing = replace(rooms, store=Failing(rooms.store, when))
        await app.work(settings, failing, stop, once=True)


@pytest.mark.parametrize(
    "event", [Event.ACCEPTED, Event.COMPLETED, Event.FETCHED, Event.PLACED], ids=str
)
async def test_what_has_happened_is_recorded_however_long_the_store_takes(
    settings: Settings, api: Simulator, monkeypatch: pytest.MonkeyPatch, event: Event
) -> None:
    """A full disk right after the API said yes once led to a second payment."""
    monkeypatch.setenv("AIMLAPI_API_KEY", "k")
    left = 2

    def twice(name: str, args: tuple[Any, ...]) -> bool:
        nonlocal left
        fails = name == "move" and args[1] is event and left > 0
        left -= fails
        return fails

    await run_with(settings, twice)
    assert len(api.ledger.accepted) == 1
    assert (Path(settings.watch[0].outbox) / "a" / "a.mp4").exists()


async def test_an_intent_that_cannot_be_recorded_keeps_the_request_from_being_sent(
    settings: Settings, api: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The end of the body stays here; the clip waits until the store is back."""
    monkeypatch.setenv("AIMLAPI_API_KEY", "k")
    monkeypatch.setattr("reeldrop.engine.gate.OWN_PAUSE", 0.2)
    left = 1

    def once(name: str, args: tuple[Any, ...]) -> bool:
        nonlocal left
        fails = name == "move" and args[1] is Event.DECLARED and left > 0
        left -= fails
        return fails

    await run_with(settings, once)
    assert len(api.ledger.accepted) == 1


async def test_a_queue_that_cannot_be_asked_is_asked_again(
    settings: Settings, api: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hiccup of the disk ended the daemon, and with it the requests in the air."""
    monkeypatch.setenv("AIMLAPI_API_KEY", "k")
    monkeypatch.setattr("reeldrop.engine.gate.OWN_PAUSE", 0.2)
    left = 1

    def first(name: str, args: tuple[Any, ...]) -> bool:
        nonlocal left
        fails = name == "claim_next" and left > 0
        left -= fails
        return fails

    await run_with(settings, first)
    assert len(api.ledger.accepted) == 1
