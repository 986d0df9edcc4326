"""`jobs` and `show`: what the store knows, for people and for programs, beside any daemon."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from cli.shell import Shell
from reeldrop.cli.jobs import table
from reeldrop.domain.job import Claim, GenerationId, Job, JobId, MediaFile, RelPath, Waiting
from reeldrop.domain.lifecycle import Event
from reeldrop.host.clock import SystemClock
from reeldrop.settings import LimitSettings, StoreSettings
from reeldrop.store import open_store
from reeldrop.web.records import waiting_record

KEYS = {"id", "state", "reason", "watch", "path", "generation_id", "created", "updated"}
FIRST, SECOND = JobId("a1" + "0" * 30), JobId("a2" + "0" * 30)


def job(job_id: JobId, path: str) -> Job:
    return Job(
        id=job_id,
        watch="main",
        path=RelPath(path),
        folder=RelPath(path.removesuffix(".mp4")),
        model="m",
        params={"prompt": "p", "video_url": MediaFile(RelPath(path))},
        claim=Claim(RelPath(".reeldrop/claims/" + job_id), ()),
        source_key=path,
        claimed=True,
        created=1_790_000_000.0,
        updated=1_790_000_000.0,
    )


@pytest.fixture
def store(reeldrop: Shell) -> Shell:
    """A shell with a store: one job generating, one queued, one drop waiting."""
    path = reeldrop.home / "r.db"
    asyncio.run(_fill(path))
    return replace(reeldrop, variables={"REELDROP_STORE__URL": f"sqlite:///{path}"})


async def _fill(path: Path) -> None:
    memory = await open_store(
        StoreSettings(url=f"sqlite:///{path}"),
        LimitSettings(),
        reconcile_window=1800,
        clock=SystemClock(),
    )
    await memory.enrol_watch("main", "/in", "/out")
    await memory.add([job(FIRST, "showA/shot\udcff010.mp4")])
    taken = await memory.claim_next(1_790_000_001.0)
    assert taken is not None
    declared = await memory.move(taken, Event.DECLARED, {"request_id": taken.request_id})
    await memory.move(declared.evolve(generation_id=GenerationId("g:1/x")), Event.ACCEPTED)
    await memory.add([job(SECOND, "b.mp4").evolve(reason="the account is empty")])
    await memory.set_waiting(
        "main", [Waiting("main", RelPath("c.mp4"), "waiting for sidecar c.json", 1_790_000_002.0)]
    )
    await memory.close()


@pytest.mark.parametrize("command", [["check"], ["run", "--once", "--simulate"]])
def test_a_watch_with_unfinished_jobs_elsewhere_is_told_as_the_start_tells_it(
    command: list[str], reeldrop: Shell, inbox: Path, outbox: Path
) -> None:
    """Somebody moved the folders in the settings: `check` must not call that well."""
    (reeldrop.home / "state").mkdir()
    asyncio.run(_fill(path := reeldrop.home / "state" / "r.db"))
    variables = {"REELDROP_STORE__URL": f"sqlite:///{path}", "REELDROP_WEB__LISTEN": ""}
    shell = replace(
        reeldrop, variables=variables | {"REELDROP_API__BASE_URL": "http://127.0.0.1:9"}
    )
    ended = shell(*command, "--inbox", inbox, "--outbox", outbox)
    assert ended.code == 78
    told = 'the watch "main" has unfinished jobs of other folders: /in -> /out'
    assert told in ended.out + ended.err
    if command == ["check"]:
        assert f"-- store     {told}\n   Let these end" in ended.out


def test_json_is_one_array_with_the_keys_that_programs_read(store: Shell) -> None:
    """Drops that wait are in it too: "where is my clip?" has one answer."""
    records = store("jobs", "--json").json()
    assert all(set(record) >= KEYS for record in records)
    by_path = {record["path"]: record for record in records}
    assert set(by_path) == {"showA/shot\udcff010.mp4", "b.mp4", "c.mp4"}
    generating = by_path["showA/shot\udcff010.mp4"]
    assert (generating["id"], generating["state"]) == (FIRST, "generating")
    assert generating["generation_id"] == "g:1/x"
    assert by_path["b.mp4"]["reason"] == "the account is empty"
    assert by_path["c.mp4"] == by_path["c.mp4"] | {
        "id": "",
        "state": "waiting",
        "reason": "waiting for sidecar c.json",
        "created": "2026-09-21T14:13:22.000Z",
    }


def test_what_is_said_of_the_inbox_itself_has_a_name() -> None:
    """A line without a name belongs to nothing."""
    record = waiting_record(Waiting("main", RelPath(""), "it is offline", 1_790_000_002.0))
    assert "the inbox  it is offline" in table([record], None)[1]


@pytest.mark.parametrize(
    ("state", "paths"), [("queued", ["b.mp4"]), ("waiting", ["c.mp4"]), ("failed", [])]
)
def test_a_state_filters(state: str, paths: list[str], store: Shell) -> None:
    """Scripts ask for what needs them."""
    records = store("jobs", "--state", state, "--json").json()
    assert [record["path"] for record in records] == paths
    text = store("jobs", "--state", state).out
    assert all(path in text for path in paths) if paths else text == "Nothing is failed.\n"


def test_the_table_says_why_a_job_waits(store: Shell) -> None:
    """The reason is what a person came for."""
    ended = store("jobs")
    assert ended.code == 0
    assert len(ended.out.splitlines()) == 4
    for words in ("STATE", "generating", "the account is empty", "sidecar c.json"):
        assert words in ended.out


@pytest.mark.parametrize("width", [60, 80, 200])
def test_the_table_fits_the_terminal(width: int) -> None:
    """A wrapped table is no table; the end of a path tells more than its beginning."""
    record = {
        "id": FIRST,
        "state": "generating",
        "updated": "2026-09-21T14:13:22.000Z",
        "path": "a/very/long/way/" * 8 + "shot010.mp4",
        "reason": "because\n" * 20,
    }
    lines = table([record], width)
    assert len(lines) == 2
    assert all(len(line) <= width for line in lines)
    assert "0.mp4" in lines[1]


def test_show_tells_everything_of_one_job(store: Shell) -> None:
    """A prefix is enough; what the log of a job knew is in its history."""
    whole = store("show", "a1", "--json").json()
    assert set(whole) >= KEYS | {"params", "history", "cost", "error", "attempts"}
    assert whole["params"]["video_url"] == {"file": "showA/shot\udcff010.mp4"}
    assert [entry["state"] for entry in whole["history"]][-3:] == [
        "uploading",
        "submitting",
        "generating",
    ]
    text = store("show", "a1").out
    for words in (FIRST, "generating", "g:1/x", "submitting", "request_id"):
        assert words in text


@pytest.mark.parametrize(
    ("prefix", "words"), [("a", "2 jobs begin with"), ("f", "no job is called")]
)
def test_show_asks_when_the_id_names_no_job_or_several(
    prefix: str, words: str, store: Shell
) -> None:
    """To guess would show another clip's story."""
    ended = store("show", prefix)
    assert ended.code == 2
    assert words in ended.err
