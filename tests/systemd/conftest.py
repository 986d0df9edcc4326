"""A machine that `systemd.run` has booted, with Reeldrop installed in it; the API's stand-in answers on the host."""

import asyncio
import os
import re
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from acceptance.world import KEY, arrive
from reeldrop.simulator import Simulator
from reeldrop.simulator.footage import make_clip
from systemd.run import LAB, MACHINE, REPOSITORY, inside

PATIENCE = 60.0


class Machine:
    """The booted machine as its administrator sees it."""

    def __init__(self, init: int) -> None:
        self._inside = inside(init)
        self.root = Path(f"/proc/{init}/root")

    def run(self, command: str, *, check: bool = True) -> str:
        """Run a shell command as root, in the checkout; return what it says."""
        done = subprocess.run(
            [*self._inside, "sh", "-ec", f"cd {LAB}/reeldrop\n{command}"],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
            timeout=240, env={"PATH": os.environ["PATH"], "PIP_NO_INDEX": "1",
                 "PIP_FIND_LINKS": f"{LAB}/wheels", "LANG": "C.UTF-8"},
        )  # fmt: skip
        assert not check or done.returncode == 0, f"{command}\n{done.stdout}"
        return done.stdout.strip()

    def paste(self, block: str) -> str:
        """Run a block of docs/systemd.md as it stands there."""
        text = (REPOSITORY / "docs/systemd.md").read_text()
        found = re.findall(rf"^```sh {block}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
        assert len(found) == 1, block
        return self.run(found[0])

    def show(self, unit: str, name: str) -> str:
        """Return a property of a unit."""
        return self.run(f"systemctl show --value -p {name} {unit}")

    def journal(self, unit: str) -> str:
        return self.run(f"journalctl -u {unit} -o cat --no-pager")

    def configure(self, name: str, base_url: str, **keys: str) -> None:
        """Write the settings of one instance: quick timings, and `keys` (`section__key`) over them."""
        told = {
            "api__base_url": f'"{base_url}"', "api__poll_interval": "0.2", "limits__min_free_disk": "0",
            "web__listen": '""', "watch__settle_polling": "0.5", "watch__sidecar_grace": "0.2",
        } | keys  # fmt: skip
        sections: dict[str, list[str]] = {}
        for key, value in told.items():
            section, _, rest = key.partition("__")
            sections.setdefault(section, []).append(f"{rest} = {value}")
        folder = "" if name == "reeldrop" else f"/{name}"
        sections["watch"] += [
            f'inbox = "/srv/reeldrop{folder}/inbox"', f'outbox = "/srv/reeldrop{folder}/outbox"',
        ]  # fmt: skip
        text = "\n".join(
            "\n".join([f"[[{each}]]" if each == "watch" else f"[{each}]", *lines])
            for each, lines in sections.items()
        )
        (self.root / f"etc/reeldrop/{name}.toml").write_text(text + "\n")

    def drop(self, name: str, clip: Path, folder: str = "", prompt: str = "x") -> None:
        """Drop a clip with its sidecar, from outside."""
        inbox = self.root / "srv/reeldrop" / folder / "inbox"
        arrive(f'{{"prompt": "{prompt}"}}'.encode(), inbox / f"{name}.json")
        arrive(clip.read_bytes(), inbox / f"{name}{clip.suffix}")

    def outbox(self, folder: str = "") -> Path:
        return self.root / "srv/reeldrop" / folder / "outbox"

    def override(self, lines: str) -> None:
        """Change the unit by a drop-in, as an administrator does; "" takes it back."""
        place = self.root / "etc/systemd/system/reeldrop.service.d/test.conf"
        place.parent.mkdir(exist_ok=True)
        place.write_text(lines)
        self.run("systemctl daemon-reload")


async def until(
    condition: Callable[[], Any], what: Callable[[], str], patience: float = PATIENCE
) -> Any:
    """Return what `condition` returns once it is true; the stand-in answers meanwhile."""
    deadline = time.monotonic() + patience
    while not (found := await asyncio.to_thread(condition)):
        assert time.monotonic() < deadline, what()
        await asyncio.sleep(0.1)
    return found


@pytest.fixture(scope="session")
def machine() -> Machine:
    """The machine with Reeldrop installed, and a key; nothing is started."""
    machine = Machine(int(os.environ[MACHINE]))
    machine.paste("install")
    machine.paste("configure")
    (machine.root / "etc/reeldrop/aimlapi-key").write_text(KEY + "\n")
    return machine


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("footage") / "clip.mov"
    make_clip(path, seconds=3.0, width=1280, height=720)
    return path


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Simulator]:
    """The stand-in, which the machine reaches at the same loopback."""
    result = tmp_path / "result.mp4"
    make_clip(result, seconds=1.0, width=320, height=568, audio=False)
    async with Simulator(
        tmp_path / "api", key=KEY, generation_seconds=0.2, result=result
    ) as server:
        yield server


@pytest.fixture
def service(machine: Machine, api: Simulator) -> Iterator[Machine]:
    """The service with settings that point at the stand-in; it is stopped after the test."""
    machine.configure("reeldrop", api.base_url)
    yield machine
    machine.run("systemctl stop reeldrop; systemctl reset-failed", check=False)
    machine.override("")
