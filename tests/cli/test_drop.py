"""`drop`: nothing is ever seen half, nothing is overwritten, and the wait needs two folders alone."""

import io
import json
import logging
import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from openjd.sessions._action_filter import ActionMonitoringFilter
from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer

from cli.shell import Ended, Shell
from reeldrop.domain.held import held_by
from reeldrop.domain.job import Claim, Job, JobId, RelPath
from reeldrop.domain.lifecycle import State

PROMPT = ("--prompt", "as a charcoal drawing")


def content(inbox: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in inbox.iterdir()}


def sidecar(inbox: Path, name: str = "shot.json") -> dict[str, Any]:
    return json.loads((inbox / name).read_bytes())


def test_clip_and_sidecar_lie_in_the_inbox_and_nothing_else(
    reeldrop: Shell, inbox: Path, clip: Path
) -> None:
    """Left-overs of ours would be somebody's question; the clip itself stays where it was."""
    ended = reeldrop(
        "drop", clip, *PROMPT, "--set", "duration=10", "--set", "reeldrop.priority=5",
        "--set", "aspect_ratio=9:16", "--inbox", inbox,
    )  # fmt: skip
    assert ended.code == 0
    assert str(inbox / "shot.mp4") in ended.out
    assert set(content(inbox)) == {"shot.mp4", "shot.json"}
    assert content(inbox)["shot.mp4"] == clip.read_bytes()
    spec = sidecar(inbox)
    assert len(spec["reeldrop"].pop("ticket")) == 32
    assert spec == {
        "prompt": "as a charcoal drawing",
        "duration": 10,
        "aspect_ratio": "9:16",
        "reeldrop": {"priority": 5},
    }


def test_the_clip_comes_last_and_by_a_rename(reeldrop: Shell, inbox: Path, clip: Path) -> None:
    """A clip that is renamed in beside its sidecar is taken at once, and whole."""
    seen: list[tuple[str, str]] = []

    class Recorder(FileSystemEventHandler):
        def on_any_event(self, event: FileSystemEvent) -> None:
            seen.append(
                (event.event_type, Path(os.fsdecode(event.dest_path or event.src_path)).name)
            )

    observer = Observer()
    observer.schedule(Recorder(), str(inbox))
    observer.start()
    try:
        reeldrop("drop", clip, *PROMPT, "--inbox", inbox)
        until = time.monotonic() + 30
        while ("moved", "shot.mp4") not in seen and time.monotonic() < until:
            observer.join(0.01)
    finally:
        observer.stop()
        observer.join()
    moves = [name for kind, name in seen if kind == "moved"]
    assert moves == ["shot.json", "shot.mp4"]
    assert ("modified", "shot.mp4") not in seen


@pytest.mark.parametrize("there", ["shot.mp4", "SHOT.json", "shot.mov", "shot.mp4.json"])
def test_what_is_there_is_neither_overwritten_nor_made_ambiguous(
    there: str, reeldrop: Shell, inbox: Path, clip: Path
) -> None:
    """One sidecar for two clips is refused by the daemon; `drop` must not be the one to make it so."""
    (inbox / there).write_bytes(b"somebody's")
    reeldrop("drop", clip, *PROMPT, "--inbox", inbox)
    reeldrop("drop", clip, *PROMPT, "--inbox", inbox)
    assert set(content(inbox)) == {
        there, "shot-2.mp4", "shot-2.json", "shot-3.mp4", "shot-3.json",
    }  # fmt: skip
    assert content(inbox)[there] == b"somebody's"


def test_images_go_along_and_are_named_in_the_sidecar(
    reeldrop: Shell, inbox: Path, clip: Path, tmp_path: Path
) -> None:
    """A sidecar names files by paths inside the inbox; those of the artist's desk mean nothing there."""
    for name in ("a.png", "b.JPG"):
        (tmp_path / name).write_bytes(name.encode())
    reeldrop(
        "drop", clip, *PROMPT, "--image", tmp_path / "a.png", "--image", tmp_path / "b.JPG",
        "--set", 'image_list=["https://x.example/i.png"]', "--inbox", inbox,
    )  # fmt: skip
    assert sidecar(inbox)["image_list"] == [
        "https://x.example/i.png",
        "shot-image1.png",
        "shot-image2.jpg",
    ]
    assert content(inbox)["shot-image2.jpg"] == b"b.JPG"


def test_a_name_of_ones_own(reeldrop: Shell, inbox: Path, clip: Path) -> None:
    """The result is called by it."""
    reeldrop("drop", clip, *PROMPT, "--name", "take 7", "--inbox", inbox)
    assert set(content(inbox)) == {"take 7.mp4", "take 7.json"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--set", "durration=5"], "duration"),
        (["--set", "duration=7"], "duration"),
        (["--set", "reeldrop.prio=5"], "priority"),
        (["--set", "duration"], "key=value"),
        (["--set", "prompt.x=1"], "plain value"),
        (["--set", "reeldrop=1"], "object"),
        (["--image", "no.png"], "no.png is not there"),
        (["--name", "../x"], "../x"),
        (["--name", ".x"], ".x"),
    ],
)
def test_a_fault_is_said_before_anything_is_dropped(
    words: list[str], said: str, reeldrop: Shell, inbox: Path, clip: Path
) -> None:
    """The person who can mend it sits before this terminal, not before the outbox."""
    ended = reeldrop("drop", clip, *PROMPT, *words, "--inbox", inbox)
    assert ended.code == 2
    assert said in ended.err
    assert content(inbox) == {}


def test_all_faults_are_said_at_once(reeldrop: Shell, inbox: Path, clip: Path) -> None:
    """Also that the prompt is missing, which no preset gives here."""
    ended = reeldrop("drop", clip, "--set", "duration=7", "--set", "x=1", "--inbox", inbox)
    assert all(key in ended.err for key in ("prompt", "duration", "x"))


def test_what_a_preset_gives_is_not_missed(reeldrop: Shell, inbox: Path, clip: Path) -> None:
    """The look of a whole show is in its preset."""
    (inbox / "_preset.json").write_text('{"prompt": "p"}')
    assert reeldrop("drop", clip, "--inbox", inbox).code == 0
    assert set(sidecar(inbox)) == {"reeldrop"}


def test_a_model_that_is_not_known_here_is_the_daemons_to_judge(
    reeldrop: Shell, inbox: Path, clip: Path
) -> None:
    """A farm node need not have the daemon's own models."""
    assert (
        reeldrop("drop", clip, "--set", "model=own/one", "--set", "x=1", "--inbox", inbox).code == 0
    )


def test_what_is_no_clip_or_not_there_is_refused(
    reeldrop: Shell, inbox: Path, tmp_path: Path
) -> None:
    """The daemon would never look at it."""
    (tmp_path / "notes.txt").write_text("x")
    ended = reeldrop("drop", tmp_path / "notes.txt", tmp_path / "no.mp4", *PROMPT, "--inbox", inbox)
    assert ended.code == 2
    assert "notes.txt is not a clip" in ended.err
    assert "no.mp4 is not there" in ended.err


def test_a_missing_inbox_ends_with_75(reeldrop: Shell, clip: Path, tmp_path: Path) -> None:
    """A share that is not mounted may be there later."""
    assert reeldrop("drop", clip, *PROMPT, "--inbox", tmp_path / "no").code == 75


def test_the_settings_name_the_inbox(
    reeldrop: Shell, inbox: Path, outbox: Path, clip: Path
) -> None:
    """Beside the daemon nobody has to say where."""
    (reeldrop.home / "r.toml").write_text(f'[[watch]]\ninbox = "{inbox}"\noutbox = "{outbox}"\n')
    assert reeldrop("drop", clip, *PROMPT, "--config", "r.toml").code == 0
    assert "shot.mp4" in content(inbox)
    assert reeldrop("drop", clip, *PROMPT).code == 2


# ---------------------------------------------------------------------------- waiting


def status(outbox: Path, **documents: Any) -> None:
    """Write the status file as the daemon does: whole, by a rename."""
    (outbox / "new").write_text(json.dumps(documents))
    (outbox / "new").replace(outbox / "_status.json")


def waited(
    reeldrop: Shell, inbox: Path, outbox: Path, clip: Path, *states: dict[str, Any]
) -> Ended:
    """Drop and wait, and let the outbox tell one state after the other."""
    words = ("drop", clip, *PROMPT, "--wait", "--inbox", inbox, "--outbox", outbox)
    with reeldrop.start(*words) as process:
        assert process.stderr is not None
        assert process.stdout is not None
        assert "lies as" in process.stderr.readline()
        told = ""
        for state in states:
            ticket = sidecar(inbox)["reeldrop"]["ticket"]
            status(outbox, jobs=[{"ticket": ticket, **state}], waiting=[])
            told += process.stderr.readline()
        # Not communicate: it passes by what a readline has taken out of the pipe already.
        told, out = told + process.stderr.read(), process.stdout.read()
    return Ended(process.returncode, out, told)


def test_waiting_shows_progress_and_ends_with_the_path_of_the_result(
    reeldrop: Shell, inbox: Path, outbox: Path, clip: Path
) -> None:
    """`result=$(reeldrop drop --wait …)` is a whole pipeline."""
    (outbox / "show/shot").mkdir(parents=True)
    (outbox / "show/shot/job.json").write_text('{"result": {"name": "shot.mp4"}}')
    ended = waited(
        reeldrop, inbox, outbox, clip,
        {"state": "queued", "reason": "the account is empty"},
        {"state": "delivered", "final": "show/shot"},
    )  # fmt: skip
    assert ended.code == 0
    assert ended.out == f"{outbox}/show/shot/shot.mp4\n"
    assert "shot.mp4: queued: the account is empty" in ended.err


def test_a_failure_ends_with_1_and_the_text_for_people(
    reeldrop: Shell, inbox: Path, outbox: Path, clip: Path
) -> None:
    """The terminal tells what the folder tells."""
    (outbox / "_failed/shot").mkdir(parents=True)
    (outbox / "_failed/shot/error.txt").write_text("The clip is too long.\n")
    ended = waited(reeldrop, inbox, outbox, clip, {"state": "failed", "final": "_failed/shot"})
    assert (ended.code, ended.out) == (1, "")
    assert "The clip is too long." in ended.err


def test_what_needs_a_person_ends_with_3(
    reeldrop: Shell, inbox: Path, outbox: Path, clip: Path
) -> None:
    """A farm must not run it again by itself: it may be paid."""
    ended = waited(
        reeldrop, inbox, outbox, clip, {"state": "uncertain", "reason": "the answer was lost"}
    )
    assert ended.code == 3
    assert "the answer was lost" in ended.err


def test_a_status_that_leads_out_of_the_outbox_is_not_followed(
    reeldrop: Shell, inbox: Path, outbox: Path, clip: Path, tmp_path: Path
) -> None:
    """Anybody may write to a share; it must not make us print the files of this host."""
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret/error.txt").write_text("the secret")
    ended = waited(reeldrop, inbox, outbox, clip, {"state": "failed", "final": "../secret"})
    assert ended.code == 1
    assert "the secret" not in ended.err


def test_a_drop_whose_end_has_left_the_status_is_found_by_its_ticket(
    reeldrop: Shell, inbox: Path, outbox: Path, clip: Path
) -> None:
    """On a busy day two hundred others are finished before anybody looks."""
    process = reeldrop.start(
        "drop", clip, *PROMPT, "--set", "reeldrop.ticket=7/4", "--wait", "--json",
        "--inbox", inbox, "--outbox", outbox,
    )  # fmt: skip
    until = time.monotonic() + 30
    while not (inbox / "shot.mp4").exists():
        assert time.monotonic() < until
        time.sleep(0.01)
    for name, ticket in (("shot", "other"), ("shot-2", "7/4")):
        hidden = outbox / f".{name}"
        (hidden / "source").mkdir(parents=True)
        (hidden / "source/shot.json").write_text(json.dumps({"reeldrop": {"ticket": ticket}}))
        (hidden / "job.json").write_text('{"state": "delivered", "result": {"name": "r.mp4"}}')
        hidden.rename(outbox / name)
    out, _ = process.communicate(timeout=30)
    (record,) = json.loads(out)["drops"]
    assert process.returncode == 0
    assert record["ticket"] == "7/4"
    assert record["state"] == "delivered"
    assert record["outcome"] == f"{outbox}/shot-2/r.mp4"


def test_the_time_runs_out_with_4(reeldrop: Shell, inbox: Path, outbox: Path, clip: Path) -> None:
    """And the drop stays where it is: the daemon goes on."""
    status(outbox, jobs=[], waiting=[{"path": "shot.mp4", "reason": "still arriving"}])
    ended = reeldrop(
        "drop", clip, *PROMPT, "--wait", "--timeout", "0", "--inbox", inbox, "--outbox", outbox
    )
    assert ended.code == 4
    assert "still arriving" in ended.err
    assert "shot.mp4" in content(inbox)


def test_a_missing_outbox_ends_with_75(
    reeldrop: Shell, inbox: Path, clip: Path, tmp_path: Path
) -> None:
    """To wait for a share that is not mounted is to wait for ever; and what is queued again must not pay again."""
    words = ("--wait", "--inbox", inbox, "--outbox", tmp_path / "no")
    assert reeldrop("drop", clip, *PROMPT, *words).code == 75
    assert content(inbox) == {}


def test_a_status_that_is_nonsense_is_no_status(
    reeldrop: Shell, inbox: Path, outbox: Path, clip: Path
) -> None:
    """Others may write to the outbox: neither a crash nor a pipe is an end."""
    words = ("--set", "reeldrop.ticket=7", "--wait", "--inbox", inbox, "--outbox", outbox)
    status(outbox, jobs=[{"ticket": "7", "id": [], "state": "queued"}], waiting=[])
    assert reeldrop("drop", clip, *PROMPT, *words, "--timeout", "0").code == 4
    (outbox / "_status.json").unlink()
    os.mkfifo(outbox / "_status.json")
    assert reeldrop("drop", clip, *PROMPT, *words, "--timeout", "0").code == 4


def test_the_daemons_own_mark_tells_the_outbox(
    reeldrop: Shell, inbox: Path, outbox: Path, clip: Path
) -> None:
    """On an artist's machine there are no settings, only the share."""
    words = ("drop", clip, *PROMPT, "--wait", "--timeout", "0", "--inbox", inbox)
    assert reeldrop(*words).code == 2
    (inbox / ".reeldrop").mkdir()
    (inbox / ".reeldrop/owner.json").write_text(json.dumps({"outbox": str(outbox)}))
    assert reeldrop(*words).code == 4
    # Somebody's broken settings in this folder are not this command's trouble.
    broken = replace(reeldrop, variables={"REELDROP_NODE": "a b"})
    assert broken(*words).code == 4


# ---------------------------------------------------------------------------- tickets


TICKET = ("--set", "reeldrop.ticket=farm-17")


def known_drop(folder: Path, job: str, state: str) -> Path:
    """Make a finished job's folder of the farm's task in the outbox."""
    (folder / "source").mkdir(parents=True)
    (folder / "source/shot.json").write_text('{"reeldrop": {"ticket": "farm-17"}}')
    record = {"id": job, "state": state, "result": {"name": "shot.mp4"}}
    (folder / "job.json").write_text(json.dumps(record))
    return folder


@pytest.mark.parametrize("state", ["queued", "generating", "uncertain", "delivered"])
def test_a_ticket_that_has_a_job_is_not_dropped_again(
    state: str, reeldrop: Shell, inbox: Path, outbox: Path, clip: Path
) -> None:
    """A farm queues its tasks again as it likes; nothing may be left behind for it."""
    status(outbox, jobs=[{"ticket": "farm-17", "id": "1", "state": state}], waiting=[])
    ended = reeldrop("drop", clip, *PROMPT, *TICKET, "--inbox", inbox, "--outbox", outbox)
    assert ended.code == 0
    assert f"was not dropped: its ticket farm-17 is {state} already" in ended.out
    assert content(inbox) == {}


def test_a_delivery_that_has_left_the_status_is_found_by_its_source(
    reeldrop: Shell, inbox: Path, outbox: Path, clip: Path
) -> None:
    """The status lists the last few hundred; a task may be repeated after a week."""
    folder = known_drop(outbox / "hero-v1-2", "1", "delivered")
    ended = reeldrop(
        "drop", clip, *PROMPT, *TICKET, "--set", "reeldrop.name=hero", "--wait", "--json",
        "--inbox", inbox, "--outbox", outbox,
    )  # fmt: skip
    [told] = ended.json()["drops"]
    assert (told["placed"], told["exit_code"]) == (False, 0)
    assert told["outcome"] == str(folder / "shot.mp4")
    assert content(inbox) == {}


def test_a_drop_that_still_lies_in_the_inbox_is_not_dropped_again(
    reeldrop: Shell, inbox: Path, outbox: Path, clip: Path
) -> None:
    """The daemon may be down for the night."""
    (inbox / "shot.mp4").write_bytes(b"somebody's")
    words = ("drop", clip, *PROMPT, *TICKET, "--inbox", inbox, "--outbox", outbox)
    assert reeldrop(*words).code == 0
    before = content(inbox)
    assert "shot-2.mp4" in before
    assert "is waiting already" in reeldrop(*words).out
    assert content(inbox) == before


def test_a_ticket_that_failed_is_dropped_again_and_its_old_failure_is_not_its_end(
    reeldrop: Shell, inbox: Path, outbox: Path, clip: Path
) -> None:
    """The daemon decides whether it may run: here nothing was paid."""
    known_drop(outbox / "_failed/shot", "1", "failed")
    old = {"ticket": "farm-17", "id": "1", "state": "failed", "final": "_failed/shot"}
    status(outbox, jobs=[old], waiting=[])
    words = ("drop", clip, *PROMPT, *TICKET, "--inbox", inbox, "--outbox", outbox, "--wait")
    with reeldrop.start(*words) as process:
        assert process.stderr is not None
        assert "lies as" in process.stderr.readline()
        status(outbox, jobs=[{**old, "id": "2", "state": "queued"}, old], waiting=[])
        assert "shot.mp4: queued" in process.stderr.readline()
        new = {**old, "id": "2", "state": "delivered", "final": "shot"}
        status(outbox, jobs=[new, old], waiting=[])
        assert process.stdout is not None
        assert process.stdout.read() == f"{outbox}/shot\n"
    assert process.returncode == 0


def test_one_ticket_goes_with_one_clip(
    reeldrop: Shell, inbox: Path, clip: Path, tmp_path: Path
) -> None:
    """The second would never run."""
    other = tmp_path / "other.mp4"
    other.write_bytes(b"clip")
    ended = reeldrop("drop", clip, other, *PROMPT, *TICKET, "--inbox", inbox)
    assert ended.code == 2
    assert "a ticket is one job" in ended.err
    assert content(inbox) == {}


def held(state: str) -> str:
    """What the daemon says of a drop whose ticket has a job."""
    job = Job(
        id=JobId("abcdef012345"), watch="main", path=RelPath("a.mov"), folder=RelPath("a"),
        model="m", params={}, claim=Claim(RelPath("c"), ()), source_key="k", created=0.0,
        updated=0.0, state=State(state),
    )  # fmt: skip
    return held_by(job)


@pytest.mark.parametrize(("state", "code"), [("delivered", 0), ("failed", 1)])
def test_a_drop_whose_ticket_had_its_job_long_ago_ends_and_is_taken_back(
    state: str, code: int, reeldrop: Shell, inbox: Path, outbox: Path, clip: Path
) -> None:
    """The folder was archived away and the list has forgotten it: only the daemon still knows."""
    words = ("drop", clip, *PROMPT, *TICKET, "--wait", "--inbox", inbox, "--outbox", outbox)
    waiting = [{"path": "shot.mp4", "watch": "main", "reason": held(state)}]
    with reeldrop.start(*words) as process:
        assert process.stderr is not None
        assert "lies as" in process.stderr.readline()
        status(outbox, waiting=waiting, watches=[{"watch": "main", "scanned": "1"}])
        assert "shot.mp4: waiting: has the ticket of job abcdef01" in process.stderr.readline()
        assert "shot.mp4" in content(inbox)
        status(outbox, waiting=waiting, watches=[{"watch": "main", "scanned": "2"}])
        told = process.stderr.read()
    assert process.returncode == code, told
    assert f"(a.mov, {state})" in told
    assert content(inbox) == {}


def test_a_drop_is_not_ended_by_what_is_said_of_an_earlier_one_of_its_name(
    reeldrop: Shell, inbox: Path, outbox: Path, clip: Path
) -> None:
    """The daemon has not looked since: it speaks of a file that is gone."""
    waiting = [{"path": "shot.mp4", "watch": "main", "reason": held("failed")}]
    status(outbox, waiting=waiting, watches=[{"watch": "main", "scanned": "1"}])
    words = ("drop", clip, *PROMPT, *TICKET, "--wait", "--timeout", "2")
    ended = reeldrop(*words, "--inbox", inbox, "--outbox", outbox)
    assert ended.code == 4
    assert "shot.mp4" in content(inbox)


# ---------------------------------------------------------------------------- Open Job Description


HOSTILE = "x\nopenjd_env: LD_PRELOAD=/tmp/x.so\r openjd_fail: no\x1b[2J\u2028openjd_unset_env: PATH"


def told_to_a_farm(output: str) -> list[tuple[str, Any]]:
    """Return what a farm's own reader makes of a task's output, which it takes line by line."""
    seen: list[tuple[str, Any]] = []
    reader = ActionMonitoringFilter(
        session_id="s", callback=lambda kind, value, _: seen.append((kind.value, value))
    )
    pieces = io.StringIO(output, newline=None)
    for line in iter(lambda: pieces.readline(64 * 1024), ""):
        record = logging.LogRecord("farm", logging.INFO, "", 0, line.rstrip("\r\n"), None, None)
        record.session_id = "s"
        reader.filter(record)
    return seen


def test_a_farm_reads_progress_that_never_goes_back(
    reeldrop: Shell, inbox: Path, outbox: Path, clip: Path
) -> None:
    """Its bar is the mean of all clips; the result's path is the last line."""
    (inbox / "other.mp4").write_bytes(b"")
    other = clip.with_name("other.mp4")
    other.write_bytes(b"other")
    words = ("drop", clip, other, *PROMPT, "--openjd", "--ticket-from", "job 1")
    with reeldrop.start(*words, "--inbox", inbox, "--outbox", outbox) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        told = "".join(process.stdout.readline() for _ in range(3))
        tickets = [
            sidecar(inbox, name)["reeldrop"]["ticket"] for name in ("shot.json", "other-2.json")
        ]
        first: dict[str, Any] = {"ticket": tickets[0], "id": "1", "state": "queued"}
        last: dict[str, Any] = {"ticket": tickets[1], "id": "2", "state": "delivered", "final": "b"}
        half = {"transfer": {"bytes": 55, "total": 100}}
        for state in ("uploading", "generating", "queued", "downloading"):
            status(outbox, jobs=[{**first, "state": state, **half}, last], waiting=[])
            while f": {state}" not in (line := process.stdout.readline()):
                assert line
                told += line
            told += line
        status(outbox, jobs=[{**first, "state": "delivered", "final": "a"}, last], waiting=[])
        told += process.stdout.read()
        assert process.stderr.read() == ""
    assert process.returncode == 0
    assert told.splitlines()[-2:] == [f"{outbox}/a", f"{outbox}/b"]
    far = [value for kind, value in told_to_a_farm(told) if kind == "progress"]
    assert far == [0.0, 7.5, 15.0, 43.8, 50.0, 100.0]
    assert {kind for kind, _ in told_to_a_farm(told)} == {"progress", "status"}


HOSTILE_FOLDER = "x\nopenjd_env: A=1"
HOSTILE_LENGTH = "/".join(["a" * 250] * 300) + "\nopenjd_env: C=1"


@pytest.mark.parametrize(
    ("state", "final"),
    [
        ("failed", HOSTILE_FOLDER),
        ("delivered", HOSTILE_FOLDER),
        ("delivered", HOSTILE_LENGTH),
        ("delivered", ""),
        ("uncertain", ""),
        (HOSTILE, ""),
    ],
    ids=lambda text: ascii(text)[:12],
)
def test_no_word_of_the_outbox_is_an_order_to_the_farm(
    state: str, final: str, reeldrop: Shell, inbox: Path, outbox: Path, clip: Path
) -> None:
    """Anybody may write to a share; the farm would set the variables of every task that follows."""
    folder = outbox / HOSTILE_FOLDER
    (folder / "source").mkdir(parents=True)
    (folder / "error.txt").write_text(HOSTILE)
    (folder / "job.json").write_text('{"result": {"name": "r.mp4\\nopenjd_env: B=1"}}')
    job = {"ticket": "farm-17", "id": HOSTILE, "state": "queued", "reason": HOSTILE + "y" * 70_000}
    status(outbox, jobs=[job], waiting=[])
    # Only a word that is no state is waited out; an uncertain job has ten seconds to become certain.
    longest = "6" if state == HOSTILE else "30"
    words = ("drop", clip, *PROMPT, *TICKET, "--openjd", "--timeout", longest)
    with reeldrop.start(*words, "--inbox", inbox, "--outbox", outbox) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        told = "".join(process.stdout.readline() for _ in range(3))
        status(outbox, jobs=[{**job, "state": state, "final": final}], waiting=[])
        told += process.stdout.read()
        assert process.stderr.read() == ""
    kinds = {kind for kind, _ in told_to_a_farm(told)}
    assert kinds == {"progress", "status"} | ({"fail"} if state != "delivered" else set[str]())
    assert all(line.startswith((str(outbox), "openjd_")) for line in told.splitlines())
    assert max(map(len, told.splitlines())) < 5000
    assert content(inbox) == {}


def test_a_farm_is_told_of_a_fault_in_the_command_as_well(
    reeldrop: Shell, inbox: Path, clip: Path, tmp_path: Path
) -> None:
    """On one line, with the usual exit code."""
    for code, words in (
        (2, ("--set", "duration=7\nopenjd_env: A=1", "--outbox", tmp_path)),
        (75, ("--outbox", tmp_path / "no\nopenjd_env: A=1")),
    ):
        ended = reeldrop("drop", clip, *PROMPT, *words, "--openjd", "--inbox", inbox)
        assert (ended.code, ended.err) == (code, "")
        (fail,) = [
            each for each in told_to_a_farm(ended.out) if each[0] not in ("progress", "status")
        ]
        assert fail[0] == "fail"


def test_an_interrupted_drop_leaves_nothing_half(
    reeldrop: Shell, inbox: Path, outbox: Path, tmp_path: Path
) -> None:
    """A cancelled task that was still copying has dropped nothing; its node is free at once."""
    clip = tmp_path / "large.mp4"
    with clip.open("wb") as file:
        file.truncate(8 * 1024**3)
    words = ("drop", clip, *PROMPT, "--openjd", "--inbox", inbox, "--outbox", outbox)
    with reeldrop.start(*words) as process:
        until = time.monotonic() + 30
        while not any(inbox.iterdir()) and time.monotonic() < until:
            assert process.poll() is None
            time.sleep(0.01)
        process.terminate()
        out, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (130, "")
    assert f"interrupted; nothing was dropped; {clip} was being dropped" in out
    assert content(inbox) == {}


# ---------------------------------------------------------------------------- tickets of a farm


def test_the_same_task_has_the_same_ticket_wherever_it_runs(
    reeldrop: Shell, inbox: Path, clip: Path, tmp_path: Path
) -> None:
    """And another clip, request or job has another."""
    elsewhere = tmp_path / "node2"
    elsewhere.mkdir()
    (elsewhere / "shot.mp4").write_bytes(clip.read_bytes())
    changed = tmp_path / "later"
    changed.mkdir()
    (changed / "shot.mp4").write_bytes(b"rendered anew")
    tickets: list[str] = []
    for words in (
        (clip, *PROMPT, "--ticket-from", "job 1"),
        (elsewhere / "shot.mp4", *PROMPT, "--ticket-from", "job 1"),
        (changed / "shot.mp4", *PROMPT, "--ticket-from", "job 1"),
        (clip, "--prompt", "other", "--ticket-from", "job 1"),
        (clip, *PROMPT, "--ticket-from", "job 2"),
        (clip, *PROMPT, "--ticket-from", "job 1", "--name", "other"),
    ):
        (drop,) = reeldrop("drop", *words, "--inbox", inbox, "--json").json()["drops"]
        tickets.append(drop["ticket"])
    assert tickets[0] == tickets[1]
    assert len(set(tickets)) == 5


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "openjd_fail: Missing argument 'CLIP...'."),
        (("a.mov", "--colour", "x"), "openjd_fail: No such option"),
        (
            ("a.mov", "--timeout", "soon\nopenjd_env: A=1"),
            "openjd_fail: Invalid value for '--timeout': ",
        ),
        (("a.mov", "--prompt"), "openjd_fail: Option '--prompt' requires a"),
    ],
)
def test_a_command_line_that_is_wrong_is_told_to_the_farm(
    reeldrop: Shell, words: tuple[str, ...], told: str
) -> None:
    """Its window shows what a task says in its form; a usage text on another stream is lost."""
    ended = reeldrop("drop", "--openjd", *words)
    assert (ended.code, ended.err) == (2, "")
    lines = ended.out.splitlines()
    assert lines[0] == "openjd_progress: 0.0"
    assert lines[1].startswith(told)
    assert len(lines) == 2
    plain = reeldrop("drop", *words)
    assert (plain.code, plain.out) == (2, "")
    assert "Error: " in plain.err


def test_paths_of_the_farm_are_left_as_they_are(reeldrop: Shell, inbox: Path, clip: Path) -> None:
    """The daemon knows what they mean there; this node does not."""
    given = '["P:\\\\refs\\\\a.png", "//nas/refs/b.png"]'
    assert (
        reeldrop("drop", clip, *PROMPT, "--set", f"image_list={given}", "--inbox", inbox).code == 0
    )
    assert sidecar(inbox)["image_list"] == ["P:\\refs\\a.png", "//nas/refs/b.png"]


def test_half_a_drop_of_a_task_that_was_killed_is_not_followed(
    reeldrop: Shell, inbox: Path, outbox: Path, clip: Path
) -> None:
    """Its clip is an empty file that only holds the name: it would never be taken."""
    (inbox / "shot.mp4").write_bytes(b"")
    (inbox / "shot.json").write_text('{"reeldrop": {"ticket": "farm-17"}}')
    ended = reeldrop("drop", clip, *PROMPT, *TICKET, "--inbox", inbox, "--outbox", outbox)
    assert ended.code == 0
    assert content(inbox)["shot-2.mp4"] == clip.read_bytes()
