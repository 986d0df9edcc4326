"""`systemd/` as an administrator meets it: install, start, drop, reload, kill, stop, upgrade, uninstall.

In order: the machine is installed once, and emptied at the end.
"""

import asyncio
import json
import time
from pathlib import Path

import pytest

from acceptance.world import KEY
from reeldrop.simulator import Simulator
from reeldrop.simulator.faults import Fault, Route
from reeldrop.simulator.footage import make_clip
from systemd.conftest import Machine, until

pytestmark = [pytest.mark.systemd, pytest.mark.timeout(300)]
EXPOSURE = 2.0


async def start(service: Machine, unit: str = "reeldrop") -> None:
    await asyncio.to_thread(service.run, f"systemctl start {unit}")


async def delivered(service: Machine, name: str, folder: str = "") -> dict[str, object]:
    """Await a job's folder in the outbox; return its record."""
    record = service.outbox(folder) / name / "job.json"
    await until(record.exists, lambda: service.journal("reeldrop*")[-4000:])
    return json.loads(record.read_text())


async def restarted(service: Machine, before: int) -> None:
    """Await that systemd has started the service again, and that it works."""

    def works() -> bool:
        again = int(service.show("reeldrop", "NRestarts")) > before
        return again and service.show("reeldrop", "ActiveState") == "active"

    await until(works, lambda: service.run("systemctl status reeldrop", check=False))


def test_the_units_are_right_and_shut_away(machine: Machine) -> None:
    """systemd's own judges find nothing, and the exposure is small."""
    for unit in ("reeldrop.service", "reeldrop@a.service"):
        assert machine.run(f"systemd-analyze verify {unit} 2>&1") == ""
        security = machine.run(f"systemd-analyze security {unit} --no-pager")
        found = float(security.splitlines()[-1].split(": ")[1].split()[0])
        assert found < EXPOSURE, security


def test_installing_made_the_user_and_the_folders(machine: Machine) -> None:
    """The settings are closed to strangers, the key to the daemon itself."""
    told = machine.run(
        "stat -c '%a %U %G %n' /etc/reeldrop /etc/reeldrop/aimlapi-key /srv/reeldrop/inbox /srv/reeldrop/outbox"
    )
    assert told.splitlines() == [
        "750 root reeldrop /etc/reeldrop",
        "600 root root /etc/reeldrop/aimlapi-key",
        "2775 reeldrop reeldrop /srv/reeldrop/inbox",
        "2775 reeldrop reeldrop /srv/reeldrop/outbox",
    ]
    assert machine.run("id -un reeldrop; getent passwd reeldrop | cut -d: -f7").splitlines() == [
        "reeldrop", "/usr/sbin/nologin",
    ]  # fmt: skip


async def test_check_runs_as_the_service_will(service: Machine, api: Simulator) -> None:
    """By the command of the document, with the credential."""
    told = await asyncio.to_thread(service.paste, "check")
    assert "key" in told
    assert KEY not in told


async def test_a_drop_comes_back(service: Machine, api: Simulator, clip: Path) -> None:
    """`systemctl start` returns when it works; what is dropped then is restyled and delivered."""
    await asyncio.to_thread(service.paste, "start")
    assert service.show("reeldrop", "ActiveState") == "active"
    assert service.show("reeldrop", "StatusText") == "Nothing to do."
    service.drop("first", clip)
    record = await delivered(service, "first")
    assert record["state"] == "delivered"
    assert service.run("stat -c %U /srv/reeldrop/outbox/first/first.mp4") == "reeldrop"
    assert (
        service.run("ls /var/lib/reeldrop; stat -c %a /var/lib/reeldrop").splitlines()[-1] == "700"
    )
    assert len(api.ledger.accepted) == 1


async def test_all_that_the_settings_offer_works_in_the_sandbox(
    service: Machine, api: Simulator, tmp_path: Path
) -> None:
    """Clips are made to fit (no code is made at run time), folders get the set-group-ID bit, files their group."""
    service.run("groupadd -f media; usermod -aG media reeldrop")
    service.configure(
        "reeldrop", api.base_url, watch__conform='"auto"', output__group='"media"',
        output__dir_mode='"2775"', output__file_mode='"0664"',
    )  # fmt: skip
    await start(service)
    other = tmp_path / "other.mkv"
    make_clip(other, seconds=3.0, width=1280, height=720, fps=24)
    service.drop("fitted", other)
    assert (await delivered(service, "fitted"))["state"] == "delivered"
    told = service.run(
        "stat -c '%a %G' /srv/reeldrop/outbox/fitted /srv/reeldrop/outbox/fitted/fitted.mp4"
    )
    assert told.splitlines() == ["2775 media", "664 media"]


async def test_names_are_looked_up_in_the_sandbox(service: Machine) -> None:
    """A resolver may want more kinds of sockets than one thinks; systemd runs this with all that the unit forbids."""
    look = "import socket; print(socket.getaddrinfo('api.example', 443)[0][4][0])"
    service.run("echo 127.0.0.9 api.example >> /etc/hosts")
    service.override(f'[Service]\nExecStartPre=/opt/reeldrop/bin/python -c "{look}"\n')
    await start(service)
    assert "127.0.0.9" in service.journal("reeldrop")


async def test_a_reload_applies_and_says_what_it_cannot(service: Machine, api: Simulator) -> None:
    """The process is the same, and the status line names what waits."""
    await start(service)
    pid = service.show("reeldrop", "MainPID")
    service.configure("reeldrop", api.base_url, limits__in_flight="3", watch__archive='"delete"')
    await asyncio.to_thread(service.run, "systemctl reload reeldrop")
    await until(
        lambda: "Wait for a restart: watch.main.archive." in service.show("reeldrop", "StatusText"),
        lambda: service.journal("reeldrop")[-3000:],
    )
    assert '"changed": ["limits.in_flight"]' in service.journal("reeldrop")
    assert service.show("reeldrop", "MainPID") == pid
    assert service.show("reeldrop", "ActiveState") == "active"


async def test_a_kill_costs_nothing(service: Machine, api: Simulator, clip: Path) -> None:
    """systemd starts it again, and it goes on with the same generation."""
    service.override("[Service]\nRestartSec=1\n")
    api.faults.add(Fault(Route.POLL, fields={"status": "generating", "video": None}, times=0))
    await start(service)
    service.drop("killed", clip, prompt="killed")
    await until(lambda: api.ledger.accepted and api.ledger.accepted[0].polls, lambda: "no poll")
    before = int(service.show("reeldrop", "NRestarts"))
    service.run("systemctl kill --kill-who=main --signal=KILL reeldrop")
    await restarted(service, before)
    api.faults.clear()
    assert (await delivered(service, "killed"))["attempts"] == 1
    assert len(api.ledger.accepted) == 1


async def test_the_watchdog_ends_what_stands_still(
    service: Machine, api: Simulator, clip: Path
) -> None:
    """A process that is stopped tells nothing; the next one works."""
    service.override("[Service]\nWatchdogSec=5\nRestartSec=1\nTimeoutAbortSec=5\n")
    await start(service)
    await asyncio.sleep(8.0)  # more than the watchdog allows: it is fed
    assert service.show("reeldrop", "NRestarts") == "0"
    service.run(f"kill -STOP {service.show('reeldrop', 'MainPID')}")
    await restarted(service, 0)
    told = service.journal("reeldrop")
    assert "Watchdog timeout" in told
    assert "Fatal Python error: Aborted" in told, "where each thread stood"
    service.drop("afterwards", clip, prompt="afterwards")
    assert (await delivered(service, "afterwards"))["state"] == "delivered"


@pytest.mark.parametrize(
    ("wrong", "status"), [("settings", "78"), ("key", "78"), ("credential", "243")]
)
async def test_what_only_a_person_can_mend_is_not_tried_again(
    service: Machine, api: Simulator, wrong: str, status: str
) -> None:
    """A wrong setting does not become right by itself; a service that starts for ever hides it."""
    service.override("[Service]\nRestartSec=1\n")
    key = service.root / "etc/reeldrop/aimlapi-key"
    if wrong == "settings":
        service.configure("reeldrop", api.base_url, limits__in_flight="0")
    elif wrong == "key":
        key.write_text("")
    else:
        key.unlink()
    try:
        service.run("systemctl start reeldrop", check=False)
        await asyncio.sleep(4.0)  # more than the pause before another start
        assert service.show("reeldrop", "ActiveState") == "failed"
        assert service.show("reeldrop", "ExecMainStatus") == status
        assert service.show("reeldrop", "NRestarts") == "0"
    finally:
        key.write_text(KEY + "\n")
        key.chmod(0o600)


async def test_a_place_that_is_not_there_is_tried_again(service: Machine, api: Simulator) -> None:
    """A share is mounted late: 75, again and again, then it works."""
    service.override("[Service]\nRestartSec=1\n")
    service.run("mv /srv/reeldrop/inbox /srv/reeldrop/inbox.away")
    service.run("systemctl start reeldrop", check=False)
    await until(
        lambda: int(service.show("reeldrop", "NRestarts")) >= 1,
        lambda: service.run("systemctl status reeldrop", check=False),
    )
    assert "Main process exited, code=exited, status=75" in service.journal("reeldrop")
    service.run("mv /srv/reeldrop/inbox.away /srv/reeldrop/inbox")
    await restarted(service, 0)


async def test_a_stop_is_clean_and_in_time(service: Machine, api: Simulator, clip: Path) -> None:
    """With a request in the air that is not answered."""
    api.faults.add(Fault(Route.SUBMIT, delay=60.0))
    await start(service)
    service.drop("late", clip, prompt="late")
    await until(lambda: bool(api.ledger.accepted), lambda: service.journal("reeldrop")[-3000:])
    began = time.monotonic()
    await asyncio.to_thread(service.run, "systemctl stop reeldrop")
    assert time.monotonic() - began < 10
    assert service.show("reeldrop", "Result") == "success"
    api.faults.clear()
    await start(service)
    assert (await delivered(service, "late"))["attempts"] == 1
    assert len(api.ledger.accepted) == 1


async def test_the_key_is_seen_by_the_service_alone(service: Machine, api: Simulator) -> None:
    """Not by other users, not in its environment or its command line, not in its log."""
    await start(service)
    pid = service.show("reeldrop", "MainPID")
    credential = "/run/credentials/reeldrop.service/aimlapi-key"
    assert service.run(f"nsenter -t {pid} -m cat {credential}") == KEY
    assert service.run(f"runuser -u nobody -- cat {credential} || true").endswith(
        "Permission denied"
    )
    assert service.run(f"tr '\\0' ' ' < /proc/{pid}/environ | grep -c {KEY} || true") == "0"
    assert service.run(f"tr '\\0' ' ' < /proc/{pid}/cmdline | grep -c {KEY} || true") == "0"
    assert KEY not in service.journal("reeldrop")


async def test_the_service_sees_no_home_and_writes_nowhere_else(
    service: Machine, api: Simulator
) -> None:
    """What a malformed clip could make of it stays in its own folders."""
    service.run("cd /home && mkdir -p ann && touch ann/letter")
    probe = (
        "import pathlib, sys\n"
        "assert not list(pathlib.Path(chr(47) + 'home').glob('*'))\n"
        "for place in ('etc', 'usr', 'opt', 'var'):\n"
        "    try:\n"
        "        pathlib.Path(chr(47) + place + '/x').write_text('x')\n"
        "    except OSError as error:\n"
        "        assert error.errno in (13, 30), error\n"
        "    else:\n"
        "        sys.exit(place)\n"
    )
    (service.root / "usr/local/lib/probe.py").write_text(probe)
    service.override("[Service]\nExecStartPre=/opt/reeldrop/bin/python /usr/local/lib/probe.py\n")
    await start(service)
    assert service.show("reeldrop", "ActiveState") == "active"


async def test_two_instances_live_side_by_side(
    service: Machine, api: Simulator, clip: Path
) -> None:
    """Each has its folders, its database and its key; a stop of one is none of the other."""
    for name in ("a", "b"):
        service.configure(name, api.base_url)
        service.run(
            f"install -d -o reeldrop -g reeldrop /srv/reeldrop/{name}/inbox /srv/reeldrop/{name}/outbox"
        )
        service.run(f"install -m 600 /etc/reeldrop/aimlapi-key /etc/reeldrop/{name}.aimlapi-key")
    await start(service, "reeldrop@a reeldrop@b")
    try:
        pid = service.show("reeldrop@a", "MainPID")
        assert service.run(f"nsenter -t {pid} -m ls /run/credentials") == "reeldrop@a.service"
        for name in ("a", "b"):
            service.drop(name, clip, name, prompt=f"side {name}")
            assert (await delivered(service, name, name))["state"] == "delivered"
            assert "reeldrop.db" in service.run(f"ls /var/lib/reeldrop-{name}")
        service.run("systemctl stop reeldrop@a")
        assert service.show("reeldrop@b", "ActiveState") == "active"
    finally:
        service.run("systemctl stop reeldrop@a reeldrop@b", check=False)


async def test_an_upgrade_goes_on_with_what_was_under_way(
    service: Machine, api: Simulator, clip: Path
) -> None:
    """As the document says, with a job that is generating."""
    api.faults.add(Fault(Route.POLL, fields={"status": "generating", "video": None}, times=0))
    await start(service)
    service.drop("upgraded", clip, prompt="upgraded")
    await until(lambda: bool(api.ledger.accepted), lambda: service.journal("reeldrop")[-3000:])
    await asyncio.to_thread(service.paste, "upgrade")
    api.faults.clear()
    assert (await delivered(service, "upgraded"))["attempts"] == 1
    assert len(api.ledger.accepted) == 1


async def test_a_drop_in_opens_other_folders(service: Machine, api: Simulator, clip: Path) -> None:
    """The example for shares, with a mount of its own."""
    service.paste("folders")
    service.run(
        "mkdir -p /mnt/nas && mount -t tmpfs nas /mnt/nas\n"
        "install -d -o reeldrop -g reeldrop /mnt/nas/inbox /mnt/nas/outbox"
    )
    config = service.root / "etc/reeldrop/reeldrop.toml"
    config.write_text(config.read_text().replace("/srv/reeldrop/", "/mnt/nas/"))
    try:
        await asyncio.to_thread(service.run, "systemctl daemon-reload; systemctl start reeldrop")
        await asyncio.to_thread(service.run, 'printf \'{"prompt": "nas"}\' > /mnt/nas/inbox/n.json')
        (service.root / "mnt/nas/inbox/n.mov").write_bytes(clip.read_bytes())
        record = service.root / "mnt/nas/outbox/n/job.json"
        await until(record.exists, lambda: service.journal("reeldrop")[-3000:])
        assert json.loads(record.read_text())["state"] == "delivered"
    finally:
        service.run(
            "systemctl stop reeldrop; rm /etc/systemd/system/reeldrop.service.d/folders.conf; "
            "systemctl daemon-reload; umount /mnt/nas", check=False,
        )  # fmt: skip


async def test_uninstalling_leaves_what_is_the_users(service: Machine) -> None:
    """The program and its units go; settings and folders stay."""
    await start(service)
    await asyncio.to_thread(service.paste, "uninstall")
    assert service.run("systemctl list-unit-files --no-legend 'reeldrop*' || true") == ""
    assert (service.root / "etc/reeldrop/reeldrop.toml").exists()
    assert (service.outbox() / "first/first.mp4").exists()
