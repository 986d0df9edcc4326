"""Disks that answer with errors, under the installed daemon: what is in doubt is not paid for."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from acceptance.world import Site, eventually, tree
from faults.injection import RENAME, SYNC, failing, injected
from faults.looking import reason_of, resume, submits
from reeldrop.simulator import Simulator
from reeldrop.simulator.faults import Fault, Route

pytestmark = pytest.mark.faults

ERRORS = ("EIO", "ENOSPC")


def database(site: Site) -> list[Path]:
    """Return the files that the job store writes."""
    return [site.state / "reeldrop.db", site.state / "reeldrop.db-wal"]


def intents(site: Site) -> int:
    """Return how many submits the store knows of."""
    with closing(sqlite3.connect(f"file:{site.state}/reeldrop.db?mode=ro", uri=True)) as store:
        return store.execute("SELECT count(*) FROM journal WHERE event = 'declared'").fetchone()[0]


def clips(site: Site) -> list[str]:
    """Return where clips lie in the inbox, claims included."""
    return [path for path in tree(site.inbox) if path.endswith(".mov")]


class TestState:
    @pytest.mark.parametrize("error", ERRORS)
    @pytest.mark.parametrize("calls", [SYNC, ("pwrite64",)], ids="-".join)
    async def test_nothing_is_submitted_while_the_store_fails(
        self, site: Site, api: Simulator, calls: tuple[str, ...], error: str
    ) -> None:
        await site.start()
        async with failing(site, calls, error, *database(site)) as notes:
            site.drop("a.mov", {"prompt": "x"})
            await eventually(lambda: injected(notes) >= 3)
            assert not submits(api)
            assert len(clips(site)) == 1
        await resume(site)
        assert (await site.finished("a"))["state"] == "delivered"
        assert len(api.ledger.accepted) == 1

    @pytest.mark.parametrize("first", range(1, 14))
    async def test_a_store_that_fails_from_any_write_on_has_every_intent(
        self, site: Site, api: Simulator, first: int
    ) -> None:
        """Whichever write is the first to fail: no request leaves whole whose intent is not on disk."""
        await site.start()
        async with failing(site, SYNC, "EIO", *database(site), when=f"{first}+") as notes:
            site.drop("a.mov", {"prompt": "x"})
            await eventually(lambda: injected(notes) >= 3 or (site.outbox / "a").exists())
            assert len(submits(api)) <= intents(site)
        await resume(site)
        record = await site.finished("a")
        assert (record["state"], len(api.ledger.accepted)) == ("delivered", 1)

    @pytest.mark.parametrize("error", ERRORS)
    async def test_an_answer_that_cannot_be_recorded_stops_all_submits(
        self, site: Site, api: Simulator, error: str
    ) -> None:
        api.faults.add(Fault(Route.SUBMIT, delay=2.0))
        await site.start()
        site.drop("a.mov", {"prompt": "x"})
        await eventually(lambda: api.ledger.accepted)
        async with failing(site, SYNC, error, *database(site)) as notes:
            await eventually(lambda: "submit.accepted" in site.log)
            site.drop("b.mov", {"prompt": "y"})
            before = injected(notes)
            await eventually(lambda: injected(notes) >= before + 3)
            assert len(submits(api)) == 1
        await resume(site)
        assert (await site.finished("a"))["attempts"] == 1
        await site.finished("b")
        assert len(api.ledger.accepted) == 2


class TestInbox:
    @pytest.mark.parametrize("error", ERRORS)
    @pytest.mark.parametrize("calls", [RENAME, SYNC, ("mkdir", "mkdirat")], ids="-".join)
    async def test_a_claim_that_fails_is_made_later(
        self, site: Site, api: Simulator, calls: tuple[str, ...], error: str
    ) -> None:
        await site.start()
        home = site.inbox / ".reeldrop"
        places = (site.inbox, site.inbox / "a.mov", site.inbox / "a.json", home, home / "claims")
        async with failing(site, calls, error, *places) as notes:
            site.drop("a.mov", {"prompt": "x"})
            await eventually(lambda: injected(notes))
            assert "cannot claim" in await reason_of(site, "a.mov", "queued")
            assert not submits(api)
            assert len(clips(site)) == 1
        await resume(site)
        assert (await site.finished("a"))["state"] == "delivered"
        await eventually(lambda: clips(site) == [])
        assert len(api.ledger.accepted) == 1

    @pytest.mark.parametrize("when", [1, 2, 3, 4, 5])
    @pytest.mark.parametrize("calls", [RENAME, SYNC], ids="-".join)
    async def test_one_call_of_a_claim_that_fails_costs_nothing(
        self, site: Site, api: Simulator, calls: tuple[str, ...], when: int
    ) -> None:
        """No matter which of them: the drop is claimed once, whole."""
        await site.start()
        home = site.inbox / ".reeldrop"
        places = (site.inbox, site.inbox / "a.mov", site.inbox / "a.json", home, home / "claims")
        async with failing(site, calls, "EIO", *places, when=f"{when}") as notes:
            site.drop("a.mov", {"prompt": "x"})
            await eventually(lambda: injected(notes) or api.ledger.accepted)
        await resume(site)
        await site.finished("a")
        assert len(api.ledger.accepted) == 1
        assert tree(site.outbox / "a/source") == {"a.mov", "a.json"}


class TestOutbox:
    @pytest.mark.parametrize("error", ERRORS)
    @pytest.mark.parametrize("calls", [RENAME, SYNC], ids="-".join)
    async def test_a_delivery_that_fails_is_made_later(
        self, site: Site, api: Simulator, calls: tuple[str, ...], error: str
    ) -> None:
        await site.start()
        work = site.outbox / ".reeldrop/work"
        async with failing(site, calls, error, work) as notes:
            site.drop("a.mov", {"prompt": "x"})
            await eventually(lambda: injected(notes))
            reason = await reason_of(site, "a.mov", "delivering")
            assert reason
            if calls is RENAME:
                assert not (site.outbox / "a").exists()
        await resume(site)
        assert (await site.finished("a"))["state"] == "delivered"
        await eventually(lambda: clips(site) == [])
        assert len(api.ledger.accepted) == 1
        assert not (site.outbox / "a-2").exists()

    async def test_the_rename_that_shows_it_fails(self, site: Site, api: Simulator) -> None:
        await site.start()
        async with failing(site, RENAME, "EIO", site.outbox) as notes:
            site.drop("a.mov", {"prompt": "x"})
            reason = await reason_of(site, "a.mov", "delivering")
            assert "a" in reason
            assert injected(notes)
            assert not (site.outbox / "a").exists()
        await resume(site)
        assert (await site.finished("a"))["state"] == "delivered"
        assert len(api.ledger.accepted) == 1

    @pytest.mark.parametrize("error", ERRORS)
    async def test_a_result_that_cannot_be_written_is_fetched_later(
        self, site: Site, api: Simulator, error: str
    ) -> None:
        api.faults.add(Fault(Route.FILE, rate=300_000.0))
        await site.start()
        site.drop("a.mov", {"prompt": "x"})
        parts = site.outbox / ".reeldrop/work"
        [part] = await eventually(lambda: list(parts.glob("*.part")))
        async with failing(site, ("write", *SYNC), error, part) as notes:
            await eventually(lambda: injected(notes))
            assert await reason_of(site, "a.mov", "downloading")
        await resume(site)
        assert (await site.finished("a"))["state"] == "delivered"
        assert len(api.ledger.accepted) == 1
