"""The log: one JSON object per line, no secret, and no folder that can hold the daemon up."""

import json
import logging
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from reeldrop.files import look_of
from reeldrop.settings import OutputSettings
from reeldrop.telemetry import configure, hide, open_logs
from reeldrop.telemetry.folder_log import HELD_BACK, KEPT, FolderLog
from reeldrop.telemetry.redaction import Redactor

KEY = "0123456789abcdef0123456789abcdef"


@pytest.fixture(autouse=True)
def own_river() -> Iterator[None]:
    """Leave the process's logging as it was."""
    root = logging.getLogger()
    before, level, raising = root.handlers[:], root.level, logging.raiseExceptions
    yield
    root.handlers[:], logging.raiseExceptions = before, raising
    root.setLevel(level)
    logging.captureWarnings(False)
    structlog.reset_defaults()


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("ascii").splitlines()]


def test_events_reach_standard_error_and_every_outbox_as_json_lines(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """journald and Loki read the one, a person at the share the other."""
    outboxes = [tmp_path / "a", tmp_path / "b"]
    for outbox in outboxes:
        outbox.mkdir()
    configure("info", to_terminal=False)
    with open_logs("nas", outboxes):
        structlog.get_logger().info("job.delivered", path="a/b.mp4", seconds=1.5)
        structlog.get_logger().debug("job.polled")
    expected = {"event": "job.delivered", "level": "info", "path": "a/b.mp4", "seconds": 1.5}
    printed = json.loads(capsys.readouterr().err)
    written = [lines(outbox / "_logs" / "nas.jsonl") for outbox in outboxes]
    assert [[printed]] * 2 == written
    assert printed.pop("at").endswith("Z")
    assert printed == expected


def test_libraries_use_the_same_river_and_keep_quiet(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line for each request of httpx would drown what matters; its URLs may hold secrets."""
    configure("debug", to_terminal=False)
    hide([KEY])
    logging.getLogger("httpx").info("GET https://x")
    logging.getLogger("watchdog").warning("limit of %s reached, %s", "inotify", KEY)
    printed = json.loads(capsys.readouterr().err)
    assert printed["event"] == "limit of inotify reached, [hidden]"
    assert printed["level"] == "warning"


def test_a_terminal_gets_lines_to_read(capsys: pytest.CaptureFixture[str]) -> None:
    """A person at the terminal is no JSON parser."""
    configure("info", to_terminal=True)
    structlog.get_logger().info("job.delivered", path="a.mp4")
    printed = capsys.readouterr().err
    assert "job.delivered" in printed
    assert not printed.startswith("{")


@given(st.text(alphabet=st.characters(), max_size=40))
def test_any_text_is_one_line_of_json(text: str) -> None:
    """File names hold line feeds and bytes that are no text."""
    formatter = _json_formatter()
    record = logging.LogRecord("x", logging.INFO, "", 0, "%s", (text,), None)
    line = formatter.format(record)
    assert len(line.splitlines()) == 1
    assert json.loads(line)["event"] == text


def _json_formatter() -> logging.Formatter:
    before = logging.getLogger().handlers[:]
    configure("info", to_terminal=False)
    formatter = logging.getLogger().handlers[0].formatter
    logging.getLogger().handlers[:] = before
    assert formatter is not None
    return formatter


def test_an_exception_is_told_in_one_line_without_the_key(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A traceback quotes what the code was given."""
    configure("info", to_terminal=False)
    hide([KEY])
    try:
        int(f"Authorization: Bearer {KEY}")
    except ValueError:
        structlog.get_logger().exception("submit.failed")
    printed = capsys.readouterr().err
    assert KEY not in printed
    assert "Traceback" in json.loads(printed)["exception"]


def test_secrets_and_media_never_pass() -> None:
    """By their name, by their value, and by their kind; numbers and job ids do."""
    clip = "data:video/mp4;base64," + "A" * 5000
    redactor = Redactor()
    redactor.hide(KEY)
    event = redactor(
        None,
        "info",
        {
            "event": f"sent with {KEY}",
            "headers": {"Authorization": "Bearer other", "X-Api-Key": "other", "Accept": "*/*"},
            "body": ["Bearer abc.def", {"video_url": clip}],
            "token": 3,
            "job": "a" * 32,
            "path": Path("a/b"),
            "long": "x" * 9000,
        },
    )
    assert event["event"] == "sent with [hidden]"
    assert event["headers"] == {
        "Authorization": "[hidden]",
        "X-Api-Key": "[hidden]",
        "Accept": "*/*",
    }
    assert event["body"][0] == "Bearer [hidden]"
    assert event["body"][1]["video_url"] == "data:video/mp4;base64,… (5022 characters)"
    assert (event["token"], event["job"], event["path"]) == (3, "a" * 32, "a/b")
    assert len(event["long"]) < 8300


def test_the_log_is_rotated_by_size_and_only_so_many_are_kept(tmp_path: Path) -> None:
    """A log that fills the share stops the deliveries."""
    log = FolderLog(tmp_path, "n", largest=500)
    for number in range(200):
        log.emit(logging.LogRecord("", 20, "", 0, f"line {number:03} {'.' * 40}", None, None))
    log.end()
    assert log.join(30)
    files = sorted((tmp_path / "_logs").iterdir())
    assert [file.name for file in files] == [
        "n.jsonl",
        *(f"n.jsonl.{n}" for n in range(1, KEPT + 1)),
    ]
    assert all(file.stat().st_size <= 500 for file in files)
    assert files[0].read_text().splitlines()[-1].startswith("line 199")
    assert log.dropped == 0


def test_the_log_looks_as_the_outbox_shall(tmp_path: Path) -> None:
    """Who reads a share as one of its group reads the log, too."""
    dress = look_of(OutputSettings.model_validate({"file_mode": "0664", "dir_mode": "2775"})).apply
    configure("info", to_terminal=False)
    with open_logs("nas", [tmp_path], dress=dress):
        structlog.get_logger().info("job.delivered")
    folder = tmp_path / "_logs"
    assert oct(folder.stat().st_mode & 0o7777) == "0o2775"
    assert oct((folder / "nas.jsonl").stat().st_mode & 0o7777) == "0o664"


def test_a_missing_outbox_is_not_made_and_its_log_goes_on_when_it_is_back(tmp_path: Path) -> None:
    """Files below an empty mount point would be hidden, and found by nobody."""
    outbox = tmp_path / "share"
    log = FolderLog(outbox, "n")
    log.emit(logging.LogRecord("", 20, "", 0, "lost", None, None))
    while not log.dropped:
        threading.Event().wait(0.005)
    assert not outbox.exists()
    outbox.mkdir()
    log.emit(logging.LogRecord("", 20, "", 0, "there", None, None))
    log.end()
    assert log.join(30)
    assert (outbox / "_logs" / "n.jsonl").read_text() == "there\n"


def test_nothing_is_written_where_a_share_is_not_mounted(tmp_path: Path) -> None:
    """What is written below its mount point fills the wrong disk, and is hidden when it is back."""
    log = FolderLog(tmp_path, "n", sign="ours.json")
    log.emit(logging.LogRecord("", 20, "", 0, "lost", None, None))
    while not log.dropped:
        threading.Event().wait(0.005)
    assert not list(tmp_path.iterdir())
    (tmp_path / "ours.json").touch()
    log.emit(logging.LogRecord("", 20, "", 0, "there", None, None))
    log.end()
    assert log.join(30)
    assert (tmp_path / "_logs" / "n.jsonl").read_text() == "there\n"


def test_a_folder_that_hangs_holds_nobody_up(tmp_path: Path) -> None:
    """A write into a dead share never returns; events, and the end of the daemon, must not wait."""
    (tmp_path / "_logs").mkdir()
    os.mkfifo(tmp_path / "_logs" / "n.jsonl")  # opening it for writing waits for a reader: for ever
    configure("info", to_terminal=False)
    logging.getLogger().handlers.clear()
    logs = open_logs("n", [tmp_path])
    log = structlog.get_logger()
    for _ in range(HELD_BACK + 50):
        log.info("scan.finished")
    handler = logging.getLogger().handlers[0]
    assert isinstance(handler, FolderLog)
    assert handler.dropped >= 49
    assert not handler.join(0.01)
    logs.close()
    (tmp_path / "_logs" / "n.jsonl").unlink()


@pytest.mark.parametrize("linked", ["_logs", "_logs/n.jsonl"])
def test_a_link_in_the_outbox_does_not_aim_the_log_at_other_files(
    linked: str, tmp_path: Path
) -> None:
    """A dozen people may write to the share; none of them may write to the host through us."""
    outbox, target = tmp_path / "outbox", tmp_path / "target"
    (outbox / linked).parent.mkdir(parents=True)
    target.mkdir() if linked == "_logs" else target.write_text("before")
    (outbox / linked).symlink_to(target)
    assert _dropped_of_three(outbox) == 3
    assert target.is_dir() or target.read_text() == "before"
    assert not (target / "n.jsonl").exists()


def test_trouble_with_the_file_ends_nothing(tmp_path: Path) -> None:
    """Whatever lies where the log should: the daemon counts the lines and goes on."""
    (tmp_path / "_logs").write_text("not a folder")
    assert _dropped_of_three(tmp_path) == 3


def _dropped_of_three(outbox: Path) -> int:
    log = FolderLog(outbox, "n")
    for _ in range(3):
        log.emit(logging.LogRecord("", 20, "", 0, "x", None, None))
    log.end()
    assert log.join(30)
    return log.dropped
