"""A real object store for tests: `rclone serve s3`, which verifies every signature.

Its buckets are folders and its objects files, so that a test sees what lies there without asking it.
"""

import shutil
import socket
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

KEY, SECRET = "REELDROPTESTKEY", "a/secret+that=nobody+may+see"


@dataclass
class ObjectServer:
    """An S3 server on loopback; it can be stopped and started again at the same port."""

    folder: Path
    port: int = 0
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def options(self) -> dict[str, str | bool | int]:
        """What `object_store_options` need to say."""
        return {
            "endpoint": self.endpoint,
            "region": "us-east-1",
            "access_key_id": KEY,
            "secret_access_key": SECRET,
        }

    def bucket(self, name: str) -> Path:
        """Make a bucket; return the folder in which its objects lie."""
        (self.folder / name).mkdir(exist_ok=True)
        return self.folder / name

    def start(self) -> None:
        """Start it, and wait until it listens."""
        if not self.port:
            with socket.create_server(("127.0.0.1", 0)) as free:
                self.port = free.getsockname()[1]
        command = [
            *(str(rclone()), "--config", "/dev/null", "serve", "s3", "--vfs-cache-mode", "off"),
            # What a test changes in the folder is seen at once.
            *("--dir-cache-time", "0s"),
            *("--addr", f"127.0.0.1:{self.port}", "--auth-key", f"{KEY},{SECRET}"),
            str(self.folder),
        ]
        self.process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        while self.process.poll() is None:
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return
        raise RuntimeError("rclone serve s3 did not start")

    def stop(self) -> None:
        """End it; whoever asks is refused from now on."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()


def rclone() -> Path:
    """Return the program, which the development requirements bring."""
    beside = Path(sys.executable).with_name("rclone")
    return beside if beside.exists() else Path(shutil.which("rclone") or "rclone")


def objects(bucket: Path) -> list[Path]:
    """Return the objects of a bucket; parts of what never came to its end are none."""
    return sorted(
        path
        for path in bucket.rglob("*")
        if path.is_file() and not any(part.startswith(".rclone_temp") for part in path.parts)
    )


@contextmanager
def object_server(folder: Path) -> Generator[ObjectServer]:
    """Serve buckets below `folder` until the block ends."""
    folder.mkdir(parents=True, exist_ok=True)
    server = ObjectServer(folder)
    server.start()
    try:
        yield server
    finally:
        server.stop()
