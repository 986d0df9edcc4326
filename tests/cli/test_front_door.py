"""The front door as a whole: help, exit codes, and no traceback for anybody."""

import importlib.metadata
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cli.shell import COMMAND, Shell
from reeldrop.cli.commands import COMMANDS

HEAVY = {"httpx", "av", "watchdog", "structlog", "jsonschema", "pydantic"}


def test_help_lists_every_command_with_one_line(reeldrop: Shell) -> None:
    """It is the map of the house."""
    ended = reeldrop("--help")
    assert ended.code == 0
    for name, line in COMMANDS.items():
        assert f"{name} " in ended.out
        assert line in ended.out
    assert ended.out == reeldrop("-h").out


def test_the_version_is_the_packages(reeldrop: Shell) -> None:
    """The first thing that a bug report asks."""
    assert importlib.metadata.version("reeldrop") in reeldrop("--version").out


def test_help_imports_no_command() -> None:
    """A terminal that waits for a video library to list nine words is a slow one."""
    script = (
        "import sys; sys.argv[1:] = ['--help']\n"
        "from reeldrop.cli import main\n"
        "try: main()\n"
        "except SystemExit: print('loaded', *sys.modules, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert "Commands:" in done.stdout
    assert not HEAVY & set(done.stderr.split())


def test_looking_at_jobs_imports_neither_network_nor_media(reeldrop: Shell) -> None:
    """Commands that look answer at once; what they import is most of the time they take."""
    script = (
        "import sys; sys.argv[1:] = ['jobs']\n"
        "from reeldrop.cli import main\n"
        "try: main()\n"
        "except SystemExit: print('loaded', *sys.modules, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        cwd=reeldrop.home,
        env={"HOME": str(reeldrop.home)},
    )
    loaded = done.stderr.split()
    assert "reeldrop.store" in loaded
    assert not (HEAVY - {"pydantic"}) & set(loaded)


@pytest.mark.parametrize(
    "words", [["nonsense"], ["show"], ["jobs", "--state", "odd"], ["drop"], ["models", "nonsense"]]
)
def test_wrong_usage_ends_with_2_and_says_why(words: list[str], reeldrop: Shell) -> None:
    """Scripts tell a typing error from a failed job by it."""
    ended = reeldrop(*words)
    assert ended.code == 2
    assert "Error" in ended.err
    assert ended.out == ""


@pytest.mark.parametrize("words", [["jobs"], ["show", "a"], ["check"], ["drop", "x.mp4"]])
def test_wrong_settings_end_with_78_and_name_the_key(words: list[str], reeldrop: Shell) -> None:
    """systemd must not restart what only a person can mend."""
    (reeldrop.home / "bad.toml").write_text("[limits]\nin_flihgt = 1\n")
    ended = reeldrop(*words, "--config", "bad.toml")
    assert ended.code == 78
    assert "limits.in_flihgt" in ended.err
    assert "in_flight?" in ended.err


@pytest.mark.parametrize("words", [["jobs"], ["show", "a"]])
def test_a_store_that_is_not_there_ends_with_75(words: list[str], reeldrop: Shell) -> None:
    """It may be there later: a mount that is missing, a daemon that has never run."""
    ended = reeldrop(*words)
    assert ended.code == 75
    assert "reeldrop.db" in ended.err


def test_a_reader_that_goes_away_is_no_error(reeldrop: Shell) -> None:
    """`reeldrop schema | head -1` ends like every other command."""
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write) as gone:
        done = subprocess.run(
            [COMMAND, "schema"],
            stdout=gone,
            stderr=subprocess.PIPE,
            check=False,
            cwd=reeldrop.home,
            env={"HOME": str(reeldrop.home)},
        )
    assert done.stderr == b""
    assert done.returncode == 0


def test_models_and_schema_answer_without_any_setting(reeldrop: Shell) -> None:
    """An editor on a laptop asks for the schema; nothing of the daemon is there."""
    names = reeldrop("models", "--json").json()
    assert len(names) == 27
    assert reeldrop("models").out.split() == names
    told = reeldrop("models", "klingai/video-o1-video-to-video-reference").out
    for words in ("prompt", "at most 2500", "16:9 | 9:16 | 1:1", "the clip", "required"):
        assert words in told
    schema = reeldrop("schema").json()
    assert {"prompt", "video_url", "reeldrop", "$schema"} <= set(schema["properties"])
    assert "did you mean" in reeldrop("schema", "klingai/video-o1-video-to-video-edti").err


def test_a_name_that_is_no_text_is_printed_all_the_same(reeldrop: Shell, inbox: Path) -> None:
    """A command must not die of the name that it complains about."""
    ended = reeldrop("drop", os.fsdecode(b"\xff.mp4"), "--inbox", inbox)
    assert ended.code == 2
    assert "is not there" in ended.err
