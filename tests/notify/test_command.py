"""Commands: what they hear, what they do not, and that nothing of them is left."""

import asyncio
import json
import os
import stat
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from notify.conftest import NoticeMaker
from reeldrop.domain.errors import NotTold, SettingsError
from reeldrop.domain.notices import Occasion
from reeldrop.notify.command import OUTPUT, Command
from reeldrop.settings import NotifySettings, plain_environment

Opener = Callable[..., Command]


@pytest.fixture
async def opened(tmp_path: Path) -> AsyncIterator[Opener]:
    """Open a command that is a script."""
    made: list[Command] = []

    def opener(script: str, *arguments: str, **settings: Any) -> Command:
        path = tmp_path / "told.sh"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        chosen = NotifySettings(command=(str(path), *arguments), **settings)
        made.append(Command(chosen, plain_environment()))
        return made[-1]

    yield opener
    for command in made:
        await command.aclose()


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


async def gone(pid: int) -> None:
    async with asyncio.timeout(30):
        while is_running(pid):
            await asyncio.sleep(0.01)


async def test_it_hears_the_notice_by_stdin_and_by_its_environment(
    opened: Opener, tmp_path: Path, new_notice: NoticeMaker
) -> None:
    command = opened(f'cat > {tmp_path}/in; env -0 > {tmp_path}/env; printf "%s|" "$@" > {tmp_path}/argv',
                     "--to", "a b;$(id)\n'")  # fmt: skip
    notice = new_notice()
    assert await command.tell(notice)
    assert json.loads((tmp_path / "in").read_text()) == notice.record
    lines = (tmp_path / "env").read_text().split("\0")
    told = dict(line.split("=", 1) for line in lines if line)
    assert told["REELDROP_NOTICE_EVENT"] == "delivered"
    assert told["REELDROP_NOTICE_ID"] == notice.id
    assert told["REELDROP_NOTICE_PATH"] == "show/a.mov"
    assert told["REELDROP_NOTICE_FOLDER"] == "/srv/out/show/a"
    assert told["REELDROP_NOTICE_USD"] == ""
    assert (tmp_path / "argv").read_text() == "--to|a b;$(id)\n'|"


async def test_it_sees_no_secret_of_the_daemons(
    opened: Opener, tmp_path: Path, new_notice: NoticeMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hook that somebody copied from a forum must not be able to spend money."""
    for name in (
        "AIMLAPI_API_KEY",
        "AWS_SECRET_ACCESS_KEY",
        "REELDROP_NOTIFY__WEBHOOK",
        "LD_PRELOAD_X",
    ):
        monkeypatch.setenv(name, "very-secret")
    monkeypatch.setenv("LC_TIME", "C")
    monkeypatch.setenv("REELDROP_CONFIG", "/etc/r.toml")
    await opened(f"env > {tmp_path}/env").tell(new_notice())
    env = (tmp_path / "env").read_text()
    assert "very-secret" not in env
    assert "LC_TIME=C\n" in env
    assert "REELDROP_CONFIG=/etc/r.toml\n" in env


async def test_names_of_any_bytes_arrive_as_they_are(
    opened: Opener, tmp_path: Path, new_notice: NoticeMaker
) -> None:
    name = os.fsdecode(b"a b\n\xff'\"$(touch x).mov")
    odd = {"id": "0" * 32, "path": name, "state": "failed", "reason": "with a NUL \0 and \ud800"}
    notice = new_notice(Occasion.FAILED, job=odd)
    await opened(f'printf %s "$REELDROP_NOTICE_PATH" > {tmp_path}/path; cat > {tmp_path}/in').tell(
        notice
    )
    assert (tmp_path / "path").read_bytes() == os.fsencode(name)
    assert json.loads((tmp_path / "in").read_text())["job"]["path"] == name


async def test_what_takes_too_long_is_killed_with_all_that_it_has_started(
    opened: Opener, tmp_path: Path, new_notice: NoticeMaker
) -> None:
    script = f"trap '' TERM; sleep 1000 & echo $! > {tmp_path}/pid; echo waiting for godot; wait"
    # Long enough for a busy host to begin with it.
    command = opened(script, command_timeout=2.0)
    with pytest.raises(NotTold, match=r"killed after 2 s: waiting for godot") as caught:
        await command.tell(new_notice())
    assert caught.value.refused
    await gone(int((tmp_path / "pid").read_text()))


async def test_what_it_leaves_running_ends_with_it(
    opened: Opener, tmp_path: Path, new_notice: NoticeMaker
) -> None:
    """A thousand notices must not leave a thousand processes; and an open pipe holds nobody up."""
    command = opened(f"sleep 1000 & echo $! > {tmp_path}/pid")
    async with asyncio.timeout(30):
        assert await command.tell(new_notice())
    await gone(int((tmp_path / "pid").read_text()))


async def test_one_that_is_no_longer_waited_for_is_killed(
    opened: Opener, tmp_path: Path, new_notice: NoticeMaker
) -> None:
    """A stop of the daemon leaves nothing behind, and the next notice is told all the same."""
    command = opened(
        f"echo $$ > {tmp_path}/pid.new; mv {tmp_path}/pid.new {tmp_path}/pid; exec sleep 1000"
    )
    telling = asyncio.ensure_future(command.tell(new_notice()))
    async with asyncio.timeout(30):
        while not (tmp_path / "pid").exists():
            await asyncio.sleep(0.01)
    telling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await telling
    await gone(int((tmp_path / "pid").read_text()))


async def test_a_failure_is_told_with_its_last_words_alone(
    opened: Opener, new_notice: NoticeMaker
) -> None:
    """A script gone mad must fill neither memory nor log."""
    command = opened("yes noise | head -c 5000000; echo; printf 'no such list\\033[1m'; exit 3")
    with pytest.raises(NotTold) as caught:
        await command.tell(new_notice())
    assert caught.value.message.startswith("the command ended with 3: ")
    assert caught.value.message.endswith(r"no such list\x1b[1m")
    assert len(caught.value.message) < OUTPUT + 100
    assert caught.value.refused


async def test_one_that_says_nothing_at_all_is_waited_for(
    opened: Opener, tmp_path: Path, new_notice: NoticeMaker
) -> None:
    command = opened(f"exec >&- 2>&- <&-; sleep 0.2; touch {tmp_path}/done")
    assert await command.tell(new_notice())
    assert (tmp_path / "done").exists()


async def test_it_may_ask_for_another_try(opened: Opener, new_notice: NoticeMaker) -> None:
    with pytest.raises(NotTold) as caught:
        await opened("exit 75").tell(new_notice())
    assert not caught.value.refused


async def test_a_program_that_vanishes_is_told_and_nothing_else_happens(
    opened: Opener, tmp_path: Path, new_notice: NoticeMaker
) -> None:
    command = opened("exit 0")
    (tmp_path / "told.sh").unlink()
    with pytest.raises(NotTold, match="cannot be started: No such file or directory"):
        await command.tell(new_notice())
    (tmp_path / "told.sh").write_text("#!/bin/sh\n")
    (tmp_path / "told.sh").chmod(stat.S_IRWXU)
    assert await command.tell(new_notice())


@pytest.mark.parametrize("name", ["{}/missing", "{}/plain", "{}", "no-such-program"])
async def test_a_program_that_cannot_be_run_is_refused_at_the_start(
    tmp_path: Path, name: str
) -> None:
    (tmp_path / "plain").write_text("#!/bin/sh\n")
    settings = NotifySettings(command=(name.format(tmp_path),))
    with pytest.raises(SettingsError, match=r"notify\.command: "):
        Command(settings, {"PATH": "/usr/bin:/bin"})


async def test_a_name_is_looked_for_in_path(new_notice: NoticeMaker) -> None:
    command = Command(NotifySettings(command=("true",)), {"PATH": "/nowhere:/usr/bin:/bin"})
    assert await command.tell(new_notice())
    assert str(command).endswith("bin/true")
    await command.aclose()
