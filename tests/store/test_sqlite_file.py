"""The SQLite file under the store: what is told is on disk, and what is damaged is left alone."""

import asyncio
import json
import os
import random
import resource
import signal
import sqlite3
import struct
import subprocess
import sys
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from reeldrop.domain.errors import Lost, SettingsError, StartupError, StoreUnavailable
from reeldrop.domain.lifecycle import Event, State
from reeldrop.settings import StoreSettings
from reeldrop.store import open_reader
from reeldrop.store.database import SCHEMA_VERSION

CHILD = Path(__file__).with_name("busy_child.py")


def database(settings: StoreSettings) -> sqlite3.Connection:
    return sqlite3.connect(settings.sqlite_path)


def commits_in_log(settings: StoreSettings) -> int:
    """Count the COMMITs in the write-ahead log: frames that give the database's size after them."""
    log = settings.sqlite_path.with_name("reeldrop.db-wal").read_bytes()
    page = struct.unpack_from(">I", log, 8)[0]
    salts = log[16:24]
    frames = range(32, len(log), 24 + page)
    return sum(
        struct.unpack_from(">I", log, at + 4)[0] > 0 and log[at + 8 : at + 16] == salts
        for at in frames
    )


@contextmanager
def files_no_larger_than(size: int) -> Generator[None]:
    """Let every write of this process beyond `size` bytes of a file fail, as a broken disk's would."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


class TestDurability:
    async def test_a_hundred_callers_share_a_few_commits(self, store, new_job, settings):
        """One fsync for many: without it a slow disk allows some sixty changes a second."""
        before = commits_in_log(settings)
        await asyncio.gather(*(store.add([new_job()]) for _ in range(100)))
        assert 1 <= commits_in_log(settings) - before <= 10
        assert len(await store.jobs()) == 100

    async def test_every_commit_is_synced_to_the_disk(self, open_again, settings, new_job):
        """Told before it is on disk, an intent could vanish in a power cut after its request left."""
        store = await open_again()
        settings_of = store._writer._connection.execute
        assert settings_of("PRAGMA synchronous").fetchone()[0] == 2
        assert settings_of("PRAGMA journal_mode").fetchone()[0] == "wal"

    async def test_one_failing_operation_leaves_the_others_of_its_batch(
        self, store, new_job, clock
    ):
        job = new_job()
        await store.add([job])
        await store.claim_next(clock.now())
        added, lost, doubled, last = await asyncio.gather(
            store.add([new_job()]),
            store.move(job, Event.CANCEL),
            store.add([job]),
            store.add([new_job()]),
            return_exceptions=True,
        )
        assert (added, type(lost), doubled, last) == (True, Lost, False, True)
        assert len(await store.jobs()) == 3

    @pytest.mark.slow
    @pytest.mark.parametrize("seed", range(4))
    async def test_a_kill_loses_nothing_that_was_told(self, settings, open_again, clock, seed):
        """Kill -9 between any two operations: what was answered stands, and all of it agrees."""
        chance = random.Random(seed)
        child = await asyncio.create_subprocess_exec(
            sys.executable, str(CHILD), settings.url, stdout=asyncio.subprocess.PIPE
        )
        assert child.stdout
        told: dict[str, tuple[str, int]] = {}
        for _ in range(chance.randrange(30, 300)):
            job, state, token = json.loads(await child.stdout.readline())
            told[job] = (state, token)
        child.send_signal(signal.SIGKILL)
        for line in (await child.stdout.read()).splitlines(keepends=True):
            if line.endswith(b"\n"):
                job, state, token = json.loads(line)
                told[job] = (state, token)
        await child.wait()
        with closing(database(settings)) as db:
            assert db.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
            rows = dict(db.execute("SELECT id, state || ' ' || token FROM jobs").fetchall())
            last = "SELECT job, state || ' ' || token FROM journal GROUP BY job HAVING n = max(n)"
            assert rows == dict(db.execute(last).fetchall())
            histories = {
                job: db.execute(
                    "SELECT state, token FROM journal WHERE job = ? ORDER BY n", (job,)
                ).fetchall()
                for job in told
            }
        for job, answer in told.items():
            # The child may have been killed after a COMMIT and before its answer was told.
            assert answer in histories[job][-2:]
        heir = await open_again()
        assert all(job.owner for job in await heir.adopt())


class TestDisks:
    async def test_a_failing_disk_fails_the_change_and_leaves_nothing_of_it(
        self, store, new_job, settings, clock
    ):
        """Fail closed: an intent that is not on disk must stop the request that waits for it."""
        job = new_job()
        await store.add([job])
        claimed = await store.claim_next(clock.now())
        log = settings.sqlite_path.with_name("reeldrop.db-wal")
        with files_no_larger_than(log.stat().st_size):
            answers = await asyncio.gather(
                store.move(claimed, Event.DECLARED),
                *(store.add([new_job()]) for _ in range(20)),
                return_exceptions=True,
            )
        assert all(isinstance(answer, StoreUnavailable) for answer in answers)
        assert [claimed] == await store.jobs()
        assert len(await store.journal(job.id)) == 2
        moved = await store.move(claimed, Event.DECLARED)
        assert [moved] == await store.jobs([State.SUBMITTING])

    async def test_a_full_disk_says_so_and_is_over_when_there_is_room(
        self, store, new_job, settings
    ):
        connection = store._writer._connection
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        await asyncio.to_thread(connection.execute, f"PRAGMA max_page_count={pages}")
        jobs = [new_job(labels={"long": "x" * 50_000}) for _ in range(10)]
        answers = await asyncio.gather(*(store.add([job]) for job in jobs), return_exceptions=True)
        assert {StoreUnavailable} == {type(answer) for answer in answers}
        assert str(settings.sqlite_path) in str(answers[0])
        assert await store.jobs() == []
        await asyncio.to_thread(connection.execute, f"PRAGMA max_page_count={2**30}")
        await asyncio.gather(*(store.add([job]) for job in jobs))
        assert len(await store.jobs()) == 10

    async def test_a_missing_folder_is_made_for_its_owner_alone(self, settings, open_again):
        old = os.umask(0)
        try:
            await open_again()
        finally:
            os.umask(old)
        assert settings.state_folder.stat().st_mode & 0o777 == 0o700

    async def test_a_folder_that_cannot_be_made_ends_the_start(self, settings, open_again):
        settings.state_folder.write_text("a file")
        with pytest.raises(StartupError):
            await open_again()


class TestOtherFiles:
    """What is not our store, whole, is refused by name and never written to."""

    @staticmethod
    def put(settings: StoreSettings, content: bytes) -> None:
        settings.state_folder.mkdir()
        settings.sqlite_path.write_bytes(content)

    async def refused(self, settings, open_again, error, *words):
        """Both doors refuse, and the file is byte for byte what it was."""
        before = settings.sqlite_path.read_bytes()
        with pytest.raises(error) as told:
            await open_again()
        assert all(word in str(told.value) for word in (str(settings.sqlite_path), *words))
        if before:
            with pytest.raises(error):
                open_reader(settings)
        assert before == settings.sqlite_path.read_bytes()

    @pytest.mark.parametrize("content", [b"not a database at all" * 100, bytes(5000)])
    async def test_a_file_that_is_no_database_is_damaged(self, settings, open_again, content):
        self.put(settings, content)
        await self.refused(settings, open_again, StartupError, "damaged")

    async def test_a_store_cut_short_is_damaged(self, settings, open_again, new_job):
        store = await open_again()
        for _ in range(50):
            await store.add([new_job()])
        await store.close()
        self.cut(settings, settings.sqlite_path.stat().st_size // 2)
        await self.refused(settings, open_again, StartupError, "damaged")

    async def test_a_store_with_a_page_overwritten_is_damaged(self, settings, open_again, new_job):
        """A store that has lost rows would pay for them again."""
        store = await open_again()
        for _ in range(200):
            await store.add([new_job()])
        await store.close()
        with settings.sqlite_path.open("r+b") as file:
            file.seek(settings.sqlite_path.stat().st_size // 2 // 4096 * 4096)
            file.write(os.urandom(4096))
        before = settings.sqlite_path.read_bytes()
        with pytest.raises(StartupError, match="damaged"):
            await open_again()
        assert before == settings.sqlite_path.read_bytes()

    async def test_a_log_without_its_store_is_not_thrown_away(self, settings, open_again, new_job):
        """SQLite deletes the log of an empty file, and with it what was paid for last."""
        store = await open_again()
        await store.add([new_job()])
        log = settings.sqlite_path.with_name("reeldrop.db-wal")
        content = log.read_bytes()
        await store.close()
        self.cut(settings, 0)
        log.write_bytes(content)
        await self.refused(settings, open_again, StartupError, "reeldrop.db-wal")
        assert content == log.read_bytes()

    async def test_a_newer_store_is_refused_by_both_versions(self, settings, open_again):
        """An older program would drop what it does not know."""
        await (await open_again()).close()
        with closing(database(settings)) as db, db:
            db.execute("UPDATE meta SET value = '41' WHERE key = 'schema'")
        await self.refused(settings, open_again, SettingsError, "41", f"version {SCHEMA_VERSION}")

    async def test_a_store_without_a_version_is_damaged(self, settings, open_again):
        await (await open_again()).close()
        with closing(database(settings)) as db, db:
            db.execute("DELETE FROM meta")
        await self.refused(settings, open_again, StartupError, "damaged")

    async def test_another_programs_database_is_refused(self, settings, open_again):
        settings.state_folder.mkdir()
        with closing(database(settings)) as db, db:
            db.execute("CREATE TABLE jobs (theirs)")
        await self.refused(settings, open_again, SettingsError, "another program")

    async def test_a_start_that_was_killed_at_once_leaves_no_obstacle(self, settings, open_again):
        """An empty file is what a kill between creating and filling it leaves."""
        self.put(settings, b"")
        assert await (await open_again()).store_id()

    @staticmethod
    def cut(settings: StoreSettings, size: int) -> None:
        os.truncate(settings.sqlite_path, size)


class TestReader:
    async def test_it_sees_what_a_running_daemon_has_told(self, store, settings, new_job, clock):
        job = new_job()
        with pytest.raises(Lost):
            await store.update(job, "noted")
        await store.add([job])
        with open_reader(settings) as reader:
            assert [job] == reader.jobs()
            claimed = await store.claim_next(clock.now())
            assert claimed == reader.get(job.id)
            assert [entry.event for entry in reader.journal(job.id)] == ["added", "taken"]
            assert reader.waiting() == []

    async def test_it_reads_the_store_of_a_stopped_daemon(self, open_again, settings, new_job):
        store = await open_again()
        job = new_job()
        await store.add([job])
        await store.close()
        with open_reader(settings) as reader:
            assert [job] == reader.jobs()
        assert await (await open_again()).get(job.id) == job

    async def test_it_makes_nothing(self, settings):
        with pytest.raises(StartupError, match="no job store"):
            open_reader(settings)
        assert not settings.state_folder.exists()

    async def test_reads_go_on_while_a_change_waits(self, store, settings, new_job):
        """A status page must not hang because another program holds the file."""
        job = new_job()
        await store.add([job])
        with closing(sqlite3.connect(settings.sqlite_path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            adding = asyncio.ensure_future(store.add([new_job()]))
            assert [job] == await store.jobs()
            assert not adding.done()
            other.execute("ROLLBACK")
        assert await adding

    def test_looking_does_not_load_what_only_the_daemon_needs(self):
        """`reeldrop jobs` shall answer before a person notices."""
        code = (
            "import sys, reeldrop.store; print(*sorted({'asyncio', 'pydantic'} & set(sys.modules)))"
        )
        told = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
        assert told.stdout.strip() == b""
