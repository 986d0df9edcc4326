"""A store of an older version becomes one of today: nothing is lost, and nothing that was paid for.

`version_1.sql` and `version_3.sql` are dumps of stores that these versions themselves have written.
"""

import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from reeldrop.domain.errors import StartupError
from reeldrop.domain.fit import Fit
from reeldrop.domain.job import (
    Claim,
    ClaimedFile,
    Cost,
    GenerationId,
    MediaFacts,
    MediaFile,
    RelPath,
    Sent,
    Waiting,
    Way,
)
from reeldrop.domain.lifecycle import Event, State, Verdict
from reeldrop.ports import KeptFile, Upload
from reeldrop.store import open_desk, open_reader
from reeldrop.store.database import SCHEMA_VERSION

VERSION_1 = Path(__file__).with_name("version_1.sql").read_text("utf-8")
VERSION_3 = Path(__file__).with_name("version_3.sql").read_text("utf-8")
APPLICATION_ID = 0x5265656C
MADE_NEW = f"'schema','{SCHEMA_VERSION}'"
UNCERTAIN = "uncertain\udcff.mp4"
STATES = {
    "usd.mp4": State.DELIVERED,
    "credits.mp4": State.DELIVERED,
    "unpriced.mp4": State.DELIVERED,
    "failed.mp4": State.FAILED,
    "lost.mp4": State.FAILED,
    "refused.mp4": State.FAILED,
    "twice.mp4": State.GENERATING,
    UNCERTAIN: State.UNCERTAIN,
    "submitting.mp4": State.SUBMITTING,
    "uploading.mp4": State.UPLOADING,
    "queued.mp4": State.QUEUED,
    "kept.mp4": State.QUEUED,
}
CHARGES = {
    "usd.mp4": (1.95, 3_900_000.0),
    "credits.mp4": (0.52, 1_040_000.0),
    "unpriced.mp4": (None, None),
    "lost.mp4": (0.5, None),
    "twice.mp4": (None, None),
    UNCERTAIN: (None, None),
    "submitting.mp4": (None, None),
}
"""What was paid for or may have been: not what failed, what was refused, or what was never sent."""
STATES_OF_3 = {
    "delivered.mp4": State.DELIVERED,
    "failed.mp4": State.FAILED,
    "cancelled.mp4": State.CANCELLED,
    "generating.mp4": State.GENERATING,
    "fitted.mp4": State.GENERATING,
    "joined.mp4": State.GENERATING,
    "f.0000.png": State.DOWNLOADING,
    "delivering.mp4": State.DELIVERING,
    UNCERTAIN: State.UNCERTAIN,
    "submitting.mp4": State.SUBMITTING,
    "uploading.mp4": State.UPLOADING,
    "queued.mp4": State.QUEUED,
    "kept.mp4": State.QUEUED,
}


def laid(path, script):
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as db:
        db.executescript(script)
        db.execute(f"PRAGMA application_id={APPLICATION_ID}")
        db.execute("PRAGMA journal_mode=WAL")
    return path


@pytest.fixture
def old(settings):
    """A store as version 1 left it."""
    return laid(settings.sqlite_path, VERSION_1)


@pytest.fixture
def old_3(settings):
    """A store as version 3 left it."""
    return laid(settings.sqlite_path, VERSION_3)


@pytest.fixture
def upgrade(open_again, clock):
    """Open it as today's daemon does, some hours later."""
    clock.time = 1_790_010_000.0

    async def opener():
        store = await open_again()
        assert await store.enrol_watch("main", "/srv/in", "/srv/out") is None
        return store

    return opener


def dump(path):
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
        assert db.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        assert db.execute("PRAGMA application_id").fetchone()[0] == APPLICATION_ID
        return list(db.iterdump())


def beside(path):
    return sorted(
        each.name for each in path.parent.iterdir() if not each.name.endswith(("-wal", "-shm"))
    )


async def test_everything_reads_back(old, upgrade):
    store = await upgrade()
    jobs = {job.path: job for job in await store.jobs()}
    assert {path: job.state for path, job in jobs.items()} == STATES
    job = jobs["usd.mp4"]
    assert (job.ticket, job.labels) == ("Übung-1", {"shot": "é"})
    assert job.params == {
        "prompt": "as clay",
        "video_url": MediaFile(RelPath("usd.mp4")),
        "image_list": [MediaFile(RelPath("ref/é.png"))],
    }
    assert job.claim == Claim(
        RelPath(".reeldrop/claims/1"),
        (ClaimedFile(RelPath("usd.mp4"), RelPath("usd.mp4"), "1:2:3:4"),),
    )
    assert (job.generation_id, job.verdict) == ("gén:01/x", Verdict.DELIVERED)
    assert job.source == MediaFacts("a.mp4", 12, None, 3.0, 1280, 720, 24.0, "h264")
    assert (job.cost, job.final) == (Cost(3_900_000.0, 1.95), "usd")
    assert jobs["queued.mp4"].ticket == "farm \ud800 17"
    assert (jobs["queued.mp4"].priority, jobs["queued.mp4"].claimed) == (3, True)
    assert jobs["twice.mp4"].late
    assert jobs[UNCERTAIN].request_ids == (f"{jobs[UNCERTAIN].id}.1",)
    for job in jobs.values():
        assert (job.spec_key, job.origin_key, job.leader, job.joined) == ("", "", None, False)
        assert (job.aside, job.cancel_asked, job.sent) == (False, False, ())
        assert await store.journal(job.id)
    assert await store.waiting() == [
        Waiting("main", RelPath("w.mp4"), "waiting for sidecar w.json", 1_790_000_000.0)
    ]
    kept = jobs["kept.mp4"]
    assert await store.known_kept("main") == [
        KeptFile(RelPath("kept.mp4"), "1:2:3:4", "00ff", kept.id)
    ]
    assert await store.enrol_watch("main", "/elsewhere", "/out") == ("/srv/in", "/srv/out")


async def test_what_was_paid_for_is_in_the_ledger(old, upgrade):
    """The day's budget and `charged` speak of what version 1 has spent, too."""
    store = await upgrade()
    jobs = {job.path: job for job in await store.jobs()}
    assert {path for path, job in jobs.items() if await store.charged(job.id)} == set(CHARGES)
    with closing(sqlite3.connect(old)) as db:
        rows = db.execute("SELECT job, usd, credits, request_id, at, model FROM charges").fetchall()
        prices = db.execute("SELECT model, usd FROM prices").fetchall()
    charges = {row[0]: row[1:] for row in rows}
    assert {path: charges[jobs[path].id][:2] for path in CHARGES} == CHARGES
    for path in CHARGES:
        job = jobs[path]
        assert charges[job.id][2:] == (job.request_ids[-1], job.submitted, f'"{job.model}"')
    assert prices == [(f'"{jobs["usd.mp4"].model}"', 1.95)]
    assert jobs["twice.mp4"].request_ids[-1].endswith(".2")
    assert sum(day.submits for day in await store.spent(7)) == len(CHARGES)


async def test_what_identity_goes_by_is_found_again(old, upgrade, new_job):
    """A ticket is one job for ever, also over an upgrade, whatever letters it is written in."""
    store = await upgrade()
    for ticket in ("Übung-1", "farm \ud800 17"):
        twin = new_job(ticket=ticket, source_key="other")
        assert (await store.obstacle(twin)).ticket == ticket
    assert (await store.job_of_generation(GenerationId("gén:01/x"))).path == "usd.mp4"
    jobs = {job.path: job for job in await store.jobs()}
    doubled = new_job(source_key=jobs[UNCERTAIN].source_key)
    assert (await store.obstacle(doubled)).path == UNCERTAIN


async def test_it_goes_on_where_version_1_stopped(old, upgrade, clock):
    store = await upgrade()
    adopted = await store.adopt()
    assert [job.path for job in adopted] == ["twice.mp4"]
    states = {job.path: job.state for job in await store.jobs()}
    assert states["submitting.mp4"] is State.UNCERTAIN
    assert states["uploading.mp4"] is State.QUEUED
    taken = await store.claim_next(clock.now())
    assert taken.path == "queued.mp4"


async def test_all_of_version_3_reads_back(old_3, upgrade):
    """Whoever updates with jobs in every state finds them where they were."""
    store = await upgrade()
    jobs = {job.path: job for job in await store.jobs()}
    assert {path: job.state for path, job in jobs.items()} == STATES_OF_3
    for job in jobs.values():
        assert job.sent == ()
        assert await store.journal(job.id)
        again = await store.get(job.id)
        assert (again, again.claim.source) == (job, job.claim.source)
    job = jobs["delivered.mp4"]
    assert (job.upload, job.upload_mode, job.ticket) == ("data_uri", "data_uri", "Übung-1")
    assert (job.generation_id, job.spec_key) == ("gén:delivered.mp4", "11" * 32)
    assert job.source == MediaFacts("delivered.mp4", 12, "aa" * 32, 3.0, 1280, 720, 24.0, "h264")
    assert job.media == (MediaFacts("ref/é.png", 34, "bb" * 32),)
    assert (job.cost, job.final) == (Cost(3_900_000.0, 1.95), "delivered")
    assert job.claim == Claim(
        RelPath(".reeldrop/claims/1"),
        (ClaimedFile(RelPath("source/delivered.mp4"), RelPath("delivered.mp4"), "1:2:3:4"),),
        (ClaimedFile(RelPath("references/0.png"), RelPath("ref/é.png"), "5:6:7:8"),),
    )
    assert jobs["fitted.mp4"].fit == Fit(width=1280, height=720, fps=24.0, seconds=10.0)
    assert jobs["fitted.mp4"].fitted == MediaFacts("x.fit.mp4", 8, "dd" * 32)
    assert (jobs["joined.mp4"].joined, jobs["joined.mp4"].leader) == (
        True,
        jobs["generating.mp4"].id,
    )
    assert [file.origin for file in jobs["f.0000.png"].claim.source[::299]] == [
        "f.0000.png",
        "f.0299.png",
    ]
    assert jobs[UNCERTAIN].held
    assert [order.args for order in await store.orders()] == [{"why": "é"}]
    assert await store.paused() == 1_790_000_500.0
    assert await store.suspects("main") == {(RelPath("odd\udcff.mp4"), "1:2:3:4")}
    assert len(await store.known_kept("main")) == len(await store.waiting()) == 1
    submits = {path for path, job in jobs.items() if await store.charged(job.id)}
    assert submits == {
        *("delivered.mp4", "generating.mp4", "fitted.mp4", "f.0000.png", "delivering.mp4"),
        *(UNCERTAIN, "submitting.mp4"),
    }
    assert sum(day.submits for day in await store.spent(7)) == len(submits)


async def test_what_version_3_has_begun_goes_on_and_sends_its_files(old_3, upgrade, clock):
    """A job that was taken before the update shares what is uploaded after it."""
    store = await upgrade()
    assert await store.transfers() == []
    assert await store.unwanted_uploads(()) == []
    adopted = {job.path: job for job in await store.adopt()}
    assert set(adopted) == {
        *("generating.mp4", "fitted.mp4", "joined.mp4", "f.0000.png", "delivering.mp4"),
    }
    taken = await store.claim_next(clock.now())
    assert taken.path == "queued.mp4"
    upload = Upload("0" * 32, "s3://bucket", "/srv/in/queued.mp4", "1:2:3:4", 12, "video/mp4")
    await store.begin_upload(upload, taken.id)
    await store.end_upload(upload.id, "00ff")
    assert await store.find_upload(upload.id) == (replace(upload, sha256="00ff"), [taken.id])
    sent = (Sent(RelPath("queued.mp4"), Way.SIGNED_URL, "12 MB is over the most"),)
    told = await store.move(taken.evolve(sent=sent), Event.DECLARED)
    assert (await store.get(told.id)).sent == sent


async def test_a_copy_of_version_3_stays_beside_it(old_3, upgrade):
    """The program of before can go on from it."""
    before = dump(old_3)
    await (await upgrade()).close()
    assert beside(old_3) == ["reeldrop.db", "reeldrop.db.version-3"]
    assert before == dump(old_3.with_name("reeldrop.db.version-3"))
    assert any(MADE_NEW in line for line in dump(old_3))


async def test_a_copy_of_version_1_stays_beside_it(old, upgrade):
    """Whoever must go back to the older program has what it needs."""
    before = dump(old)
    await (await upgrade()).close()
    copy = old.with_name("reeldrop.db.version-1")
    assert before == dump(copy)
    assert beside(old) == ["reeldrop.db", "reeldrop.db.version-1"]
    after = dump(old)
    await (await upgrade()).close()
    assert beside(old) == ["reeldrop.db", "reeldrop.db.version-1"]
    assert before == dump(copy)
    assert len(after) < len(dump(old)) == len(after) + 1, "one start more, and nothing else"


async def test_an_older_copy_is_not_overwritten(old, upgrade):
    """A person has gone back once and comes again: both copies are somebody's last resort."""
    old.with_name("reeldrop.db.version-1").write_text("precious")
    await (await upgrade()).close()
    assert old.with_name("reeldrop.db.version-1").read_text() == "precious"
    assert "INSERT INTO" in "".join(dump(old.with_name("reeldrop.db.version-1-2")))


async def test_half_a_copy_of_a_killed_start_is_no_obstacle(old, upgrade):
    old.with_name("reeldrop.db.version-1.part").write_text("half")
    await (await upgrade()).close()
    assert beside(old) == ["reeldrop.db", "reeldrop.db.version-1"]


async def test_an_upgrade_that_fails_changes_nothing(old, upgrade):
    with closing(sqlite3.connect(old)) as db, db:
        db.execute("CREATE TABLE orders (someones)")
    before = dump(old)
    with pytest.raises(StartupError, match="orders"):
        await upgrade()
    assert before == dump(old)
    with closing(sqlite3.connect(old)) as db, db:
        db.execute("DROP TABLE orders")
    assert len(await (await upgrade()).jobs()) == len(STATES)


KILLED_IN_ITS_UPGRADE = """
import os, sqlite3, sys
from pathlib import Path
from reeldrop.store.database import connect_writer
reached = []
def die(statement):
    reached.append(statement)
    if len(reached) == int(sys.argv[2]):
        os._exit(137)
class Traced(sqlite3.Connection):
    def __init__(self, *args, **named):
        super().__init__(*args, **named)
        self.set_trace_callback(die)
connect = sqlite3.connect
sqlite3.connect = lambda *args, **named: connect(*args, **named, factory=Traced)
connect_writer(Path(sys.argv[1])).close()
print(len(reached))
"""


@pytest.mark.slow
async def test_a_kill_at_any_statement_of_the_upgrade_leaves_one_version_or_the_other(
    old, upgrade, tmp_path
):
    """Power fails in the first minute after an update, too."""
    before = dump(old)

    def child(path, at):
        command = [sys.executable, "-c", KILLED_IN_ITS_UPGRADE, str(path), str(at)]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    whole = tmp_path / "whole.db"
    whole.write_bytes(old.read_bytes())
    statements = int(child(whole, 0).stdout)
    assert statements > 25
    for at in range(1, statements + 1, 4):
        copy = tmp_path / f"{at}.db"
        copy.write_bytes(old.read_bytes())
        assert child(copy, at).returncode == 137
        found = dump(copy)
        assert found == before or any(MADE_NEW in line for line in found)
        assert child(copy, 0).returncode == 0
        assert any(MADE_NEW in line for line in dump(copy))


def test_those_that_only_look_say_what_to_do(old, settings):
    """They must not upgrade under a daemon's feet."""
    before = dump(old)
    for opened in (open_reader, open_desk):
        with pytest.raises(StartupError, match="older Reeldrop") as told:
            opened(settings)
        assert "`reeldrop run` brings it up to date" in told.value.hint
    assert before == dump(old)
    assert beside(old) == ["reeldrop.db"]
