"""A container of the image as its users start it, with its three folders on this host."""

import asyncio
import json
import os
import socket
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from acceptance.world import KEY, eventually
from container.run import IMAGE

PATIENCE = 60.0
QUICK = {
    "REELDROP_API__POLL_INTERVAL": "0.1",
    "REELDROP_LIMITS__MIN_FREE_DISK": "0",
    "REELDROP_WATCH__SETTLE": "0.1",
    "REELDROP_WATCH__SETTLE_POLLING": "0.4",
    "REELDROP_WATCH__SIDECAR_GRACE": "0.2",
}
"""Quick timings: a container that is configured by nothing but its environment."""
ALWAYS = (
    "--pull=never", "--ulimit=nofile=8192:8192", "--ulimit=nproc=4096:4096",
    "--log-driver=k8s-file", "--network=host",
)  # fmt: skip
"""What every container here wants; the stand-in listens on this host's loopback alone."""


def free_port() -> int:
    """Return a port of loopback that nobody has now."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


class Said(NamedTuple):
    """How a command ended and what it said."""

    code: int
    output: str
    errors: str


class Box:
    """One container; its folders belong to `owner`, as a share's do."""

    def __init__(self, podman: list[str], folder: Path, base_url: str, owner: int) -> None:
        self.podman, self.owner = podman, owner
        self.name = f"reeldrop-{folder.name}"
        self.folders = {place: folder / place for place in ("inbox", "outbox", "state")}
        self.inbox, self.outbox, self.state = self.folders.values()
        self.environment: dict[str, str] = {
            **QUICK, "REELDROP_API__BASE_URL": base_url, "AIMLAPI_API_KEY": KEY,
            # The containers share this host's network.
            "REELDROP_WEB__LISTEN": f"127.0.0.1:{free_port()}",
        }  # fmt: skip
        for place in self.folders.values():
            place.mkdir()
            os.chown(place, owner, owner)

    async def ask(self, *arguments: str | Path) -> Said:
        """Call podman."""
        process = await asyncio.create_subprocess_exec(
            *self.podman, *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        output, errors = await asyncio.wait_for(process.communicate(), PATIENCE)
        assert process.returncode is not None
        return Said(process.returncode, output.decode(), errors.decode())

    def _options(self, options: tuple[str, ...]) -> list[str]:
        mounts = [f"--volume={host}:/{place}" for place, host in self.folders.items()]
        given = [f"--env={key}={value}" for key, value in self.environment.items()]
        return [*ALWAYS, *mounts, *given, *options]

    async def run(self, *options: str, command: tuple[str, ...] = ()) -> Said:
        """Run a container to its end."""
        return await self.ask("run", "--rm", *self._options(options), IMAGE, *command)

    async def start(self, *options: str, command: tuple[str, ...] = ()) -> None:
        """Start the daemon, and return once it has written its status page."""
        self.status.unlink(missing_ok=True)
        started = await self.ask(
            "run", "--detach", "--name", self.name, *self._options(options), IMAGE, *command
        )
        assert started.code == 0, started.errors
        await self.ready()

    async def ready(self) -> None:
        """Await the status page of a daemon that has just been started."""
        until = time.monotonic() + PATIENCE
        while not self.status.exists():
            running = (await self.inspect())["State"]["Running"]
            if not running or time.monotonic() > until:
                raise AssertionError(await self.log())
            await asyncio.sleep(0.05)

    async def inspect(self) -> dict[str, Any]:
        """Return what podman knows of the container."""
        return json.loads((await self.ask("inspect", self.name)).output)[0]

    async def log(self) -> str:
        """Return what the container has printed."""
        said = await self.ask("logs", self.name)
        return said.output + said.errors

    @property
    def status(self) -> Path:
        """What the daemon writes as soon as it works."""
        return self.outbox / "_status.json"

    async def process(self) -> Mapping[str, str]:
        """Return what the kernel says of the container's first process."""
        pid = (await self.inspect())["State"]["Pid"]
        text = Path(f"/proc/{pid}/status").read_text()
        pairs = (line.partition(":") for line in text.splitlines())
        return {key: value.strip() for key, _, value in pairs}

    def drop(self, clip: Path, name: str = "a.mov", inbox: Path | None = None) -> None:
        """Let a clip and its sidecar arrive, as files of the share's owner."""
        target = (inbox or self.inbox) / name
        self.arrive(json.dumps({"prompt": "x"}).encode(), target.with_suffix(".json"))
        self.arrive(clip.read_bytes(), target)

    def arrive(self, content: bytes, target: Path) -> None:
        """Let a file arrive as safe programs send it, as the share's owner."""
        hidden = target.with_name(f".{target.name}.tmp")
        hidden.write_bytes(content)
        os.chown(hidden, self.owner, self.owner)
        hidden.rename(target)

    async def delivered(self, folder: str = "a", outbox: Path | None = None) -> dict[str, Any]:
        """Await a job's folder, and return its record."""
        record = (outbox or self.outbox) / folder / "job.json"
        try:
            await eventually(record.exists, PATIENCE)
        except TimeoutError as error:
            raise AssertionError(await self.log()) from error
        found = json.loads(record.read_text())
        assert found["state"] == "delivered"
        return found
