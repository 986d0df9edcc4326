"""The image as an administrator meets it: users, modes, a read-only root, stops, kills, health."""

import json
import os
import stat
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from acceptance.world import KEY, eventually
from container.box import Box
from container.conftest import OWNER
from container.run import BASE, IMAGE
from reeldrop.simulator import Simulator
from reeldrop.simulator.faults import Fault, Route

pytestmark = pytest.mark.container

MB = 1_000_000
OURS = 200 * MB
"""What the image may add to its base; docs/container.md says of what."""


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def owners(folder: Path) -> set[tuple[int, int]]:
    """Return who owns what lies below `folder`."""
    found = [folder, *folder.rglob("*")]
    return {(path.lstat().st_uid, path.lstat().st_gid) for path in found}


# ---------------------------------------------------------------------------- who it is


async def test_what_a_nas_starts_as_root_works_as_puid(box: Box, clip: Path) -> None:
    """No line of configuration but the environment; what it writes belongs to the share's user."""
    box.environment |= {"PGID": "2345", "UMASK": "002"}
    await box.start()
    box.drop(clip)
    record = await box.delivered()

    assert record["node"] == "reeldrop"
    folder = box.outbox / "a"
    assert owners(box.outbox) - {(OWNER, OWNER)} == {(OWNER, 2345)}
    assert owners(box.state) - {(OWNER, OWNER)} == {(OWNER, 2345)}
    assert {0o664} == {mode(folder / name) for name in ("a.mp4", "job.json", "poster.jpg")}
    assert mode(folder) == 0o775

    process = await box.process()
    assert (process["Name"], process["NSpid"].split()[-1]) == ("reeldrop", "1")
    assert set(process["Uid"].split()) == {str(OWNER)}
    assert set(process["Gid"].split()) == {"2345"}
    assert process["Groups"] == ""
    assert {int(value, 16) for key, value in process.items() if key.startswith("Cap")} == {0}
    assert process["NoNewPrivs"] == "1"


async def test_whoever_runs_a_command_in_it_is_no_root_either(box: Box, clip: Path) -> None:
    """`docker exec` makes root of whoever asks; files of root would stay in the share."""
    await box.start()
    said = await box.ask("exec", box.name, "reeldrop", "pause")
    assert said.code == 0, said.errors
    await box.ask("cp", str(clip), f"{box.name}:/tmp/b.mov")
    drop = ("drop", "--prompt", "x", "--inbox", "/inbox", "/tmp/b.mov")
    said = await box.ask("exec", box.name, "reeldrop", *drop)
    assert said.code == 0, said.errors
    for folder in (box.state, box.inbox, box.outbox):
        assert owners(folder) == {(OWNER, OWNER)}


async def test_it_works_as_a_stranger_on_a_read_only_root(
    make_box: Callable[[int], Box], clip: Path
) -> None:
    """A user id that no passwd knows, no capability, nothing to write but the three folders."""
    box = make_box(4711)
    box.environment |= {"PUID": "1000"}
    await box.start("--user=4711:4711", "--read-only", "--cap-drop=all", "--tmpfs=/tmp")
    box.drop(clip)
    await box.delivered()
    assert "runs as 4711:4711, as it was started; PUID and PGID are ignored" in await box.log()
    assert owners(box.outbox) == {(4711, 4711)}


async def test_two_capabilities_are_enough_to_leave_root(box: Box, clip: Path) -> None:
    """As config/compose.yaml has it: all are dropped but these."""
    few = ("--cap-drop=all", "--cap-add=SETUID", "--cap-add=SETGID")
    await box.start(*few, "--read-only", "--tmpfs=/tmp", "--security-opt=no-new-privileges")
    box.drop(clip)
    await box.delivered()


async def test_a_new_volume_will_do_for_any_user(
    make_box: Callable[[int], Box], clip: Path
) -> None:
    """Nobody can set the owner of a volume before its first container has run."""
    box = make_box(4711)
    box.folders.pop("state")
    await box.start("--user=4711:4711", f"--volume={box.name}:/state")
    box.drop(clip)
    await box.delivered()
    await box.ask("rm", "--force", box.name)
    await box.ask("volume", "rm", box.name)


async def test_an_empty_state_is_given_to_puid_and_nothing_else(box: Box, clip: Path) -> None:
    """A NAS makes missing folders as root. What lies in folders is nobody's to give away."""
    os.chown(box.state, 0, 0)
    theirs = box.inbox / "theirs"
    theirs.mkdir()
    (theirs / "notes.txt").write_text("x")
    await box.start()
    box.drop(clip)
    await box.delivered()
    assert owners(box.state) == {(OWNER, OWNER)}
    assert owners(theirs) == {(0, 0)}


async def test_a_state_of_somebody_else_is_left_to_him(box: Box) -> None:
    os.chown(box.state, 0, 0)
    (box.state / "reeldrop.db").touch()
    said = await box.run()
    assert (said.code, owners(box.state)) == (75, {(0, 0)})
    assert "The state folder /state cannot be used: Permission denied." in said.errors


async def test_an_outbox_that_is_not_puids_is_named(box: Box) -> None:
    os.chown(box.outbox, 0, 0)
    said = await box.run()
    assert said.code == 75
    assert 'cannot work in "/outbox": permission denied for uid 1234 gid 1234' in said.errors


@pytest.mark.parametrize(
    ("environment", "options", "words"),
    [
        ({"AIMLAPI_API_KEY": ""}, (), "no API key: set AIMLAPI_API_KEY, or name the file"),
        ({}, ("--cap-drop=all",), "capabilities SETUID and SETGID (--cap-add)"),
        ({"PUID": "0"}, (), "PUID=0 is no user to run as"),
        ({"PUID": "joe"}, (), "PUID=joe is no user to run as"),
        ({"PGID": "users"}, (), "PGID=users is no group to run as"),
        ({"UMASK": "777"}, (), "UMASK=777 is no umask"),
        ({"REELDROP_LIMITS__IN_FLIGT": "5"}, (), "did you mean in_flight?"),
    ],
)
async def test_what_is_wrong_with_the_start_is_said(
    box: Box, environment: dict[str, str], options: tuple[str, ...], words: str
) -> None:
    """In the log, which is the one place that a NAS shows; 78 tells it from a share that is away."""
    box.environment |= environment
    said = await box.run(*options)
    assert said.code == 78, said.errors
    assert words in said.errors


# ---------------------------------------------------------------------------- how it is configured


async def test_a_configuration_of_ones_own_has_several_watches(
    box: Box, tmp_path: Path, clip: Path, api: Simulator
) -> None:
    """It says nothing of the store, and the store is on the volume all the same."""
    film = tmp_path / "film"
    config = tmp_path / "reeldrop.toml"
    watches = ""
    for name in ("north", "south"):
        for place in ("in", "out"):
            (film / name / place).mkdir(parents=True)
            os.chown(film / name / place, OWNER, OWNER)
        watches += (
            f'[[watch]]\nname = "{name}"\ninbox = "/film/{name}/in"\noutbox = "/film/{name}/out"\n'
        )
    config.write_text(f'[api]\nbase_url = "{api.base_url}"\n{watches}')
    config.chmod(0o644)
    for place in ("inbox", "outbox"):
        box.folders.pop(place)
    box.outbox = film / "north/out"
    await box.start(f"--volume={film}:/film", f"--volume={config}:/etc/reeldrop/reeldrop.toml:ro")
    for name in ("north", "south"):
        box.drop(clip, f"{name}.mov", film / name / "in")
    for name in ("north", "south"):
        await box.delivered(name, film / name / "out")
    assert (box.state / "reeldrop.db").exists()


async def test_the_environment_makes_a_clip_alone_a_drop_of_a_read_only_inbox(
    box: Box, clip: Path
) -> None:
    """A folder of originals that nobody may touch, and one prompt for all."""
    box.folders.pop("inbox")
    box.environment |= {
        "REELDROP_WATCH__ARCHIVE": "keep",
        "REELDROP_WATCH__DEFAULTS__PROMPT": "as a woodcut",
    }
    box.arrive(clip.read_bytes(), box.inbox / "a.mov")
    await box.start(f"--volume={box.inbox}:/inbox:ro")
    record = await box.delivered()
    assert record["params"]["prompt"] == "as a woodcut"
    assert [path.name for path in box.inbox.iterdir()] == ["a.mov"]


async def test_the_key_may_be_a_secret_file(box: Box, tmp_path: Path, clip: Path) -> None:
    """As docker's secrets are: a file in /run/secrets, for the user alone."""
    secret = tmp_path / "key"
    secret.write_text(KEY + "\n")
    secret.chmod(0o400)
    os.chown(secret, OWNER, OWNER)
    place = "/run/secrets/aimlapi-key"
    box.environment |= {"AIMLAPI_API_KEY": "", "REELDROP_API__KEY_FILE": place}
    await box.start(f"--volume={secret}:{place}:ro")
    box.drop(clip)
    await box.delivered()


# ---------------------------------------------------------------------------- its life


async def in_mid_generation(box: Box, api: Simulator, clip: Path) -> None:
    """Let a job wait for its generation."""
    api.faults.add(Fault(Route.POLL, fields={"status": "generating", "video": None}, times=20))
    box.environment["REELDROP_API__POLL_INTERVAL"] = "0.3"
    await box.start()
    box.drop(clip)
    await eventually(lambda: api.ledger.accepted and api.ledger.accepted[0].polls)


async def test_a_stop_reaches_the_program_itself(box: Box, api: Simulator, clip: Path) -> None:
    """It ends by itself, long before it would be killed; the next start goes on."""
    await in_mid_generation(box, api, clip)
    began = time.monotonic()
    await box.ask("stop", "--time=30", box.name)
    assert time.monotonic() - began < 10
    assert (await box.inspect())["State"]["ExitCode"] == 0
    await goes_on(box, api)


async def test_a_kill_costs_nothing(box: Box, api: Simulator, clip: Path) -> None:
    await in_mid_generation(box, api, clip)
    await box.ask("kill", box.name)
    await box.ask("wait", box.name)
    await goes_on(box, api)


async def goes_on(box: Box, api: Simulator) -> None:
    """Start the container again, and see that its job is paid for once."""
    assert not (box.outbox / "a").exists()
    api.faults.clear()
    await box.ask("start", box.name)
    record = await box.delivered()
    assert (len(api.ledger.accepted), record["attempts"]) == (1, 1)


async def test_the_health_check_knows_whether_the_daemon_is_well(box: Box) -> None:
    """What docker ps, compose and a NAS show."""
    asked = await box.run(command=("status", "--help"))
    assert asked.code == 0, asked.errors
    if "--health" not in asked.output:
        pytest.skip("this version has no `reeldrop status --health`")
    await box.start()
    said = await box.ask("healthcheck", "run", box.name)
    assert said.code == 0, said.output + said.errors
    await box.ask("stop", box.name)
    assert (await box.run(command=("status", "--health"))).code == 1


# ---------------------------------------------------------------------------- what it is


async def test_the_image_is_what_its_users_are_told(box: Box) -> None:
    """Volumes, health check, labels; and its size, with nothing in it that builds."""
    (image,) = json.loads((await box.ask("image", "inspect", IMAGE)).output)
    (base,) = json.loads((await box.ask("image", "inspect", BASE)).output)
    config = image["Config"]
    assert set(config["Volumes"]) == {"/inbox", "/outbox", "/state"}
    assert (config["Entrypoint"], config["Cmd"]) == (["reeldrop"], ["run"])
    assert image["Healthcheck"]["Test"] == [
        "CMD", "reeldrop", "status", "--health",
    ]  # fmt: skip
    assert config["Labels"]["org.opencontainers.image.title"] == "Reeldrop"
    assert config["Labels"]["org.opencontainers.image.version"] == "0.0.test"
    assert len(config["Labels"]["org.opencontainers.image.revision"]) == 40
    ours = image["Size"] - base["Size"]
    print(f"The image adds {ours / MB:.0f} MB to its base of {base['Size'] / MB:.0f} MB.")
    assert ours < OURS
    said = await box.ask(
        "run", "--rm", "--pull=never", "--ulimit=nofile=8192:8192", "--ulimit=nproc=4096:4096",
        "--network=none", "--entrypoint=sh", IMAGE, "-c",
        "/opt/reeldrop/bin/python -c 'import apprise, obstore'; ls /src /wheels /image;"
        "/opt/reeldrop/bin/python -c 'import hatchling, pip'; command -v cc gcc make",
    )  # fmt: skip
    assert "No module named 'hatchling'" in said.errors
    assert said.errors.count("No such file") == 3
    assert (said.output, said.errors.count("ModuleNotFoundError")) == ("", 1)
