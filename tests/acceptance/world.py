"""A daemon as users run it: the installed command, real folders, and the API's stand-in over a socket."""

import asyncio
import json
import os
import signal
import socket
import sysconfig
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

REELDROP = Path(sysconfig.get_path("scripts")) / "reeldrop"
KEY = "0123456789abcdef0123456789abcdef"
PATIENCE = 60.0
"""Seconds after which something that should happen counts as not happening. On a machine with ten times
more to do than it can, a command alone takes some twenty to begin."""
STOPPED = 20.0
"""Seconds that a stop may take here. The daemon promises ten, which `test_life.py` sees in its log and
`tests/host/test_signals.py` in its own bound; a busy machine gets as many again."""


def clean_environment(home: Path) -> dict[str, str]:
    """Nothing of the developer's own environment but the way to programs."""
    return {"PATH": os.environ["PATH"], "HOME": str(home), "LANG": "C.UTF-8"}


async def eventually(condition: Callable[[], Any], patience: float = PATIENCE) -> Any:
    """Return what `condition` returns once it is true."""
    deadline = time.monotonic() + patience
    while not (found := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"{condition} did not become true within {patience:g} s")
        await asyncio.sleep(0.02)
    return found


class Site:
    """One inbox, one outbox, one configuration, and the daemon that may run on them."""

    def __init__(self, folder: Path, base_url: str, clip: Path) -> None:
        self.inbox = folder / "inbox"
        self.outbox = folder / "outbox"
        self.state = folder / "state"
        self.config = folder / "reeldrop.toml"
        self.clip = clip
        self.environment = clean_environment(folder) | {"AIMLAPI_API_KEY": KEY}
        self.process: asyncio.subprocess.Process | None = None
        self.prefix: tuple[str, ...] = ()
        """A command that runs the daemon, as `setpriv` does."""
        self._log = folder / "daemon.log"
        for place in (self.inbox, self.outbox):
            place.mkdir()
        self.configure(api={"base_url": base_url})

    def configure(self, **sections: dict[str, Any]) -> None:
        """Write the configuration: quick timings, and `sections` over them."""
        values: dict[str, dict[str, Any]] = {
            "api": {"poll_interval": 0.1},
            "store": {"url": f"sqlite:///{self.state}/reeldrop.db"},
            "limits": {"min_free_disk": 0, "submits_per_minute": 10_000},
            "web": {"listen": ""},
            "watch": {
                "inbox": str(self.inbox),
                "outbox": str(self.outbox),
                "settle": 0.1,
                "settle_polling": 0.4,
                "sidecar_grace": 0.2,
            },
        }
        if self.config.exists():
            values = json.loads(self.config.with_suffix(".json").read_text())
        for name, section in sections.items():
            values.setdefault(name, {}).update(section)
        self.config.with_suffix(".json").write_text(json.dumps(values))
        lines = [
            line
            for name, section in values.items()
            for line in (
                f"[[{name}]]" if name in ("watch", "path_map") else f"[{name}]",
                *(f"{key} = {json.dumps(value)}" for key, value in section.items()),
            )
        ]
        self.config.write_text("\n".join(lines) + "\n")

    async def start(self, *arguments: str) -> None:
        """Start the daemon; it is ready when it has written its status, the page last."""
        page = self.outbox / "_status.html"
        for written in (page, self.status_path):
            written.unlink(missing_ok=True)
        with self._log.open("ab") as log:
            process = self.process = await asyncio.create_subprocess_exec(
                *self.prefix, REELDROP, "run", "--config", self.config, *arguments,
                env=self.environment, stdout=log, stderr=log,
            )  # fmt: skip
        await eventually(lambda: page.exists() or process.returncode is not None)

    async def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Signal the daemon and return its exit code."""
        assert self.process is not None
        if self.process.returncode is None:
            self.process.send_signal(how)
        return await asyncio.wait_for(self.process.wait(), PATIENCE)

    async def command(self, *arguments: str | Path) -> tuple[int, str, str]:
        """Run the installed command with this configuration; return exit code, output, errors."""
        name, *rest = arguments
        return await self.bare_command(name, "--config", self.config, *rest)

    async def bare_command(self, *arguments: str | Path) -> tuple[int, str, str]:
        """Run the installed command with nothing but the environment."""
        process = await asyncio.create_subprocess_exec(
            REELDROP, *arguments, env=self.environment, cwd=self.outbox,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        return await ended(process)

    def drop(self, name: str, spec: Any, *, clip: Path | None = None) -> Path:
        """Rename a clip and its sidecar into the inbox, the sidecar first."""
        target = self.inbox / name
        target.parent.mkdir(parents=True, exist_ok=True)
        text = spec if isinstance(spec, bytes) else json.dumps(spec).encode()
        arrive(text, target.with_suffix(".json"))
        arrive((clip or self.clip).read_bytes(), target)
        return target

    @property
    def status_path(self) -> Path:
        return self.outbox / "_status.json"

    @property
    def log(self) -> str:
        return self._log.read_text()

    def record(self, folder: str) -> dict[str, Any]:
        """Return a finished job's record."""
        return json.loads((self.outbox / folder / "job.json").read_text())

    async def finished(self, folder: str, patience: float = PATIENCE) -> dict[str, Any]:
        """Await the job's folder, and that the daemon has put its end down; return the record.

        People see the folder a moment before the store has the end: whoever asked for the job's state
        in between, or for a retry, would be told that it is being delivered.
        """
        record = self.outbox / folder / "job.json"

        def there_or_never() -> bool:
            dead = self.process is not None and self.process.returncode is not None
            assert record.exists() or not dead, f"the daemon ended:\n{self.log[-6000:]}"
            return record.exists() and (dead or self._has_put_down(folder))

        try:
            await eventually(there_or_never, patience)
        except TimeoutError as error:
            raise AssertionError(f"no {folder}; the daemon says:\n{self.log[-6000:]}") from error
        return self.record(folder)

    def _has_put_down(self, folder: str) -> bool:
        """Say whether the log tells that the store has the end which the folder shows."""
        record = self.record(folder)
        wanted = (f"job.{record['state']}", record["id"], folder)
        # The last line may be on its way.
        lines = (line for line in self.log.split("\n")[:-1] if record["id"] in line)
        told = (json.loads(line) for line in lines if line.startswith("{"))
        return any((each["event"], each.get("job"), each.get("folder")) == wanted for each in told)

    async def jobs(self) -> list[dict[str, Any]]:
        """Return what `reeldrop jobs --json` prints."""
        code, output, errors = await self.command("jobs", "--json")
        assert code == 0, errors
        return json.loads(output)


async def ended(
    process: asyncio.subprocess.Process, patience: float = PATIENCE
) -> tuple[int, str, str]:
    """Await the end of a command; return exit code, output, errors. One that hangs is killed."""
    try:
        output, errors = await asyncio.wait_for(process.communicate(), patience)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode is not None
    return process.returncode, output.decode(), (errors or b"").decode()


@contextmanager
def deaf_port() -> Generator[int]:
    """Hold a port of this host at which nobody listens; only so it goes to nobody else meanwhile."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


def arrive(content: bytes, target: Path) -> None:
    """Let a file arrive as safe programs send it: hidden, then renamed."""
    hidden = target.with_name(f".{target.name}.tmp")
    hidden.write_bytes(content)
    hidden.rename(target)


def tree(folder: Path) -> set[str]:
    """Return the paths of all files below `folder`."""
    # Unlike `rglob`, a walk passes over what the daemon removes meanwhile.
    return {
        str(Path(place, name).relative_to(folder))
        for place, _, names in os.walk(folder)
        for name in names
    }


def large_clip(site: Site, size: int) -> Path:
    """Make a whole clip of about `size` bytes: a `free` box is legal and means nothing."""
    large = site.inbox / ".large.mov"
    with large.open("wb") as file:
        file.write(site.clip.read_bytes())
        file.write(size.to_bytes(4, "big") + b"free")
        file.truncate(file.tell() + size - 8)
    return large


def cpu_seconds(pid: int) -> float:
    """Return the processor time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
