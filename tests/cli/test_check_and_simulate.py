"""`check` and `simulate`: is all ready, and how to try it without an account."""

import re
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from cli.shell import Shell

KEY = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def address(reeldrop: Shell) -> Iterator[str]:
    """Where a stand-in answers, started as users start it."""
    process = reeldrop.start("simulate")
    assert process.stdout is not None
    found = re.search(r"http://127\.0\.0\.1:\d+", process.stdout.readline())
    assert found is not None
    yield found[0]
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (0, "")


def test_all_is_ok_where_all_is_ready(
    address: str, reeldrop: Shell, inbox: Path, outbox: Path
) -> None:
    """The stand-in takes any key and has a balance."""
    shell = replace(reeldrop, variables={"REELDROP_API__BASE_URL": address, "AIMLAPI_API_KEY": KEY})
    ended = shell("check", "--inbox", inbox, "--outbox", outbox)
    assert ended.code == 0, ended.out
    assert {line[:3] for line in ended.out.splitlines()} <= {"ok ", "   "}
    assert "balance" in ended.out
    assert KEY not in ended.out + ended.err


def test_everything_that_is_not_ready_is_said_with_what_to_do(reeldrop: Shell, inbox: Path) -> None:
    """One look tells all; nobody runs it five times."""
    shell = replace(
        reeldrop,
        variables={
            "REELDROP_API__BASE_URL": "http://127.0.0.1:9",
            "REELDROP_UPLOAD__PUBLIC_URL": "https://127.0.0.1:9",
            "REELDROP_WEB__LISTEN": "127.0.0.1:0",
            "REELDROP_STORE__URL": f"sqlite:///{__file__}/r.db",
        },
    )
    ended = shell("check", "--inbox", inbox, "--outbox", inbox / "below")
    assert ended.code == 78
    lines = [line for line in ended.out.splitlines() if line.startswith("-- ")]
    assert [line.split()[1] for line in lines] == ["folders", "store", "key", "api", "urls"]
    for words in ("upload.public_url", __file__, "AIMLAPI_API_KEY", "http://127.0.0.1:9"):
        assert words in ended.out


@pytest.mark.parametrize("command", [["check"], ["run", "--once", "--simulate"]])
def test_wrong_defaults_of_a_watch_are_wrong_settings(
    reeldrop: Shell, inbox: Path, outbox: Path, command: list[str]
) -> None:
    """Found at the start, and not by the first clip of the night."""
    config = reeldrop.home / "r.toml"
    config.write_text(
        f'[store]\nurl = "sqlite:///{reeldrop.home}/state/r.db"\n'
        f'[[watch]]\nname = "main"\ninbox = "{inbox}"\noutbox = "{outbox}"\n'
        "[watch.defaults]\nduration = 7\n"
    )
    shell = replace(reeldrop, variables={"REELDROP_API__BASE_URL": "http://127.0.0.1:9"})
    ended = shell(*command, "--config", config)
    assert ended.code == 78
    assert "watch.main.defaults.duration is 7; allowed: 5, 10" in ended.out + ended.err


def test_a_place_that_is_not_there_ends_with_75(
    address: str, reeldrop: Shell, inbox: Path, outbox: Path
) -> None:
    """systemd tries again; nobody has to mend the settings."""
    outbox.rmdir()
    shell = replace(reeldrop, variables={"REELDROP_API__BASE_URL": address, "AIMLAPI_API_KEY": KEY})
    ended = shell("check", "--inbox", inbox, "--outbox", outbox)
    assert ended.code == 75
    assert "-- folders" in ended.out


def test_a_port_that_is_taken_is_said_plainly(address: str, reeldrop: Shell) -> None:
    """Two of them on one desk."""
    ended = reeldrop("simulate", "--port", address.rpartition(":")[2])
    assert ended.code == 75
    assert "port" in ended.err
