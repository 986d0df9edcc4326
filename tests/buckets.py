"""Real object stores for tests, which verify every signature: `rclone serve s3`, or one that runs already."""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

KEY, SECRET = "REELDROPTESTKEY", "a/secret+that=nobody+may+see"
LISTENS = re.compile(r"\[http://127\.0\.0\.1:(\d+)/\]")
"""What rclone says of its address, once it listens."""
OTHER = "REELDROP_TEST_S3"
"""The variable that names the endpoint of a store that runs already, which lets KEY and SECRET in."""


class Bucket(Protocol):
    """One bucket, as a test looks into it."""

    @property
    def name(self) -> str: ...

    def objects(self) -> list[str]:
        """Return the keys of all objects; parts of what never came to its end are none."""
        ...

    def remove(self, key: str) -> None:
        """Remove an object."""
        ...


class ObjectServer(Protocol):
    """A server of buckets."""

    @property
    def endpoint(self) -> str: ...

    def bucket(self, name: str) -> Bucket:
        """Make a bucket."""
        ...


def options(server: ObjectServer) -> dict[str, str | bool | int]:
    """Return what `object_store_options` need to say."""
    return {
        "endpoint": server.endpoint,
        "region": "us-east-1",
        "access_key_id": KEY,
        "secret_access_key": SECRET,
    }


@dataclass
class Folder:
    """A bucket of rclone's: a folder, and its objects are files, seen without asking the server."""

    place: Path

    @property
    def name(self) -> str:
        return self.place.name

    def objects(self) -> list[str]:
        found = (path.relative_to(self.place) for path in self.place.rglob("*") if path.is_file())
        return sorted(str(path) for path in found if ".rclone_temp" not in str(path))

    def remove(self, key: str) -> None:
        (self.place / key).unlink()


@dataclass
class Rclone:
    """An S3 server on loopback; it can be stopped and started again at the same port."""

    folder: Path
    port: int = 0
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def bucket(self, name: str) -> Bucket:
        (self.folder / name).mkdir(exist_ok=True)
        return Folder(self.folder / name)

    def start(self) -> None:
        """Start it, and wait until it listens."""
        beside = Path(sys.executable).with_name("rclone")
        program = beside if beside.exists() else shutil.which("rclone") or "rclone"
        command = [
            *(str(program), "--config", "/dev/null", "serve", "s3", "--vfs-cache-mode", "off"),
            # What a test changes in the folder is seen at once.
            *("--dir-cache-time", "0s"),
            *("--addr", f"127.0.0.1:{self.port}", "--auth-key", f"{KEY},{SECRET}"),
            str(self.folder),
        ]
        said = self.folder.with_name(f"{self.folder.name}.log")
        with said.open("wb") as log:
            self.process = subprocess.Popen(command, stderr=log)
        while self.process.poll() is None:
            # Its own choice at the first start: a port that was free a moment ago may be another's.
            if found := LISTENS.search(said.read_text()):
                self.port = int(found[1])
                return
            time.sleep(0.02)
        raise RuntimeError(f"rclone serve s3 did not start: {said.read_text()}")

    def stop(self) -> None:
        """End it; whoever asks is refused from now on."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()


@dataclass
class Remote:
    """A bucket of a store that runs already, asked by curl: it signs requests by itself."""

    endpoint: str
    name: str

    def ask(self, method: str, path: str) -> str:
        return subprocess.run(
            ["curl", "-sS", "--fail-with-body", "--aws-sigv4", "aws:amz:us-east-1:s3",
             "--header", "x-amz-content-sha256: UNSIGNED-PAYLOAD",
             "--user", f"{KEY}:{SECRET}", "-X", method, f"{self.endpoint}/{self.name}{path}"],
            check=True, capture_output=True, text=True,
        ).stdout  # fmt: skip

    def objects(self) -> list[str]:
        listed = self.ask("GET", "?list-type=2")
        return sorted(each.partition("</Key>")[0] for each in listed.split("<Key>")[1:])

    def remove(self, key: str) -> None:
        self.ask("DELETE", f"/{key}")


@dataclass
class Running:
    """A store that runs already."""

    endpoint: str

    def bucket(self, name: str) -> Bucket:
        bucket = Remote(self.endpoint, name)
        bucket.ask("PUT", "")
        return bucket


@contextmanager
def rclone(folder: Path) -> Generator[Rclone]:
    """Serve buckets below `folder` until the block ends."""
    folder.mkdir(parents=True, exist_ok=True)
    server = Rclone(folder)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def object_server(folder: Path) -> Generator[ObjectServer]:
    """Yield the store that OTHER names, else rclone with its buckets below `folder`."""
    if endpoint := os.environ.get(OTHER):
        yield Running(endpoint)
        return
    with rclone(folder) as server:
        yield server
