"""A file server and its clients in one machine: kernel NFS 4.2, or Samba with the kernel's SMB 3.1.1.

Works only as root of a machine that may be spoilt: the User-Mode Linux that `shares.run` starts.
"""

import os
import signal
import socket
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import ClassVar

STATE = Path("/run/server")
PORT = {"nfs": 2049, "smb": 445}


def run(*command: str | Path) -> None:
    """Run a program of the system; what it says stands in the error."""
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    if done.returncode:
        raise RuntimeError(f"{' '.join(map(str, command))}: {done.stdout}{done.stderr}")


class Share(ABC):
    """A folder that is served. `served` is its server's side."""

    name: ClassVar[str]
    kind: ClassVar[str]
    """As the kernel's table of mounts calls it."""
    soft: ClassVar[str]
    hard: ClassVar[str]
    stale: ClassVar[str]
    """Mount options: errors soon after the server is gone; none ever; attributes believed for long."""

    def __init__(self, served: Path) -> None:
        self.served = served
        STATE.mkdir(exist_ok=True)

    @abstractmethod
    def prepare(self) -> None:
        """Do what the first start needs."""

    @abstractmethod
    def start(self) -> None:
        """Let the server answer, for the first time or again."""

    @abstractmethod
    def stop(self) -> None:
        """Let the server die without a word to its clients."""

    def connect_another(self, point: Path) -> None:
        """Mount the share at `point` as another host does."""
        self.connect(point, "")

    @contextmanager
    def mount(self, point: Path, options: str | None) -> Generator[Path]:
        """Mount the share at `point` while the block runs, with its own caches; None: as another host."""
        point.mkdir(parents=True)
        if options is None:
            self.connect_another(point)
        else:
            self.connect(point, options)
        try:
            yield point
        finally:
            subprocess.run(["umount", "--lazy", "--force", point], check=False)

    @abstractmethod
    def connect(self, point: Path, options: str) -> None:
        """Mount the share at `point`."""

    def answers(self) -> bool:
        """Say whether the server takes connections."""
        with suppress(OSError), socket.create_connection(("127.0.0.1", PORT[self.name]), 1):
            return True
        return False

    def _await(self, *, there: bool) -> None:
        deadline = time.monotonic() + 15
        while self.answers() is not there:
            if time.monotonic() > deadline:
                raise TimeoutError(f"the {self.name} server does not {'start' if there else 'end'}")
            time.sleep(0.05)


class Nfs(Share):
    """The kernel's own server; its clients keep attributes for 3 to 60 s unless they are told otherwise."""

    name = "nfs"
    kind = "nfs4"
    soft = "soft,timeo=10,retrans=1"
    hard = "hard"
    stale = "actimeo=600"

    def prepare(self) -> None:
        run("mount", "-t", "nfsd", "nfsd", "/proc/fs/nfsd")
        run("rpcbind", "-w")
        run("rpc.mountd")
        self._make_another_host()

    def _make_another_host(self) -> None:
        """Mounts of one host are one client to the server: it never tells one what another does."""
        run("ip", "netns", "add", "other")
        run("ip", "link", "add", "here", "type", "veth", "peer", "name", "there", "netns", "other")
        run("ip", "address", "add", "10.99.0.1/24", "dev", "here")
        run("ip", "link", "set", "here", "up")
        run("ip", "-n", "other", "address", "add", "10.99.0.2/24", "dev", "there")
        run("ip", "-n", "other", "link", "set", "there", "up")

    def connect_another(self, point: Path) -> None:
        script = 'hostname other && exec mount -t nfs -o vers=4.2 10.99.0.1:/ "$0"'
        run("nsenter", "--net=/run/netns/other", "unshare", "--uts", "sh", "-c", script, point)

    def start(self) -> None:
        run("rpc.nfsd", "--grace-time", "10", "--lease-time", "10", "--no-nfs-version", "3", "4")
        run("exportfs", "-o", "rw,no_root_squash,fsid=0,insecure", f"*:{self.served}")
        self._await(there=True)

    def stop(self) -> None:
        run("rpc.nfsd", "0")
        self._await(there=False)

    def connect(self, point: Path, options: str) -> None:
        options = f"vers=4.2,nosharecache,{options}"
        run("mount", "-t", "nfs", "-o", options, "127.0.0.1:/", point)


class Smb(Share):
    """Samba, as NAS boxes have it."""

    name = "smb"
    kind = "cifs"
    soft = "soft,echo_interval=1"
    hard = "hard,echo_interval=1"
    stale = "actimeo=600"

    _smbd: subprocess.Popen[bytes] | None = None

    @property
    def _config(self) -> Path:
        return STATE / "smb.conf"

    def prepare(self) -> None:
        places: list[str] = []
        for folder in ("private", "ncalrpc", "pid", "state", "cache", "lock"):
            (STATE / folder).mkdir(mode=0o700)
            kind = "dir" if folder in {"private", "ncalrpc"} else "directory"
            places.append(f"{folder} {kind} = {STATE / folder}")
        self._config.write_text(
            "\n".join(
                [
                    "[global]",
                    "interfaces = 127.0.0.1/8",
                    "bind interfaces only = yes",
                    "smb ports = 445",
                    "disable netbios = yes",
                    "server role = standalone server",
                    "load printers = no",
                    f"log file = {STATE}/log",
                    *places,
                    "[share]",
                    f"path = {self.served}",
                    "read only = no",
                    "force user = root",
                ]
            )
        )
        subprocess.run(
            ["smbpasswd", "-c", self._config, "-s", "-a", "root"],
            input=b"secret\nsecret\n", check=True, stdout=subprocess.DEVNULL,
        )  # fmt: skip

    def start(self) -> None:
        with (STATE / "smbd.out").open("ab") as output:
            self._smbd = subprocess.Popen(
                ["smbd", "--foreground", "--no-process-group", "-s", self._config],
                stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True,
            )  # fmt: skip
        self._await(there=True)

    def stop(self) -> None:
        if self._smbd is not None:
            os.killpg(self._smbd.pid, signal.SIGKILL)
            self._smbd.wait()
            self._smbd = None
        self._await(there=False)

    def connect(self, point: Path, options: str) -> None:
        login = "username=root,password=secret,vers=3.1.1,nosharesock"
        run("mount", "-t", "cifs", "-o", f"{login},{options}", "//127.0.0.1/share", point)


SHARES: dict[str, type[Share]] = {share.name: share for share in (Nfs, Smb)}
