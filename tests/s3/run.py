"""`make test-s3`: the object store tests against Ceph's RADOS Gateway, which answers as Amazon's S3 does.

One monitor, one disk in a sparse file and one gateway on loopback, all in a temporary folder, ended
with the tests. Afterwards it is told what killed uploads have left: parts that no listing shows.
"""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from buckets import KEY, OTHER, SECRET
from programs import missing

REPOSITORY = Path(__file__).resolve().parents[2]
TESTS = ("tests/upload/test_object_store.py", "tests/acceptance/test_signed_urls.py")
PROGRAMS = {
    "ceph-mon": "ceph-mon",
    "ceph-osd": "ceph-osd",
    "radosgw": "radosgw",
    "radosgw-admin": "radosgw",
    "ceph-authtool": "ceph-common",
    "monmaptool": "ceph-common",
    "curl": "curl",
}
"""What has to be there, and the Debian package that brings it."""
KEYS = {
    "mon.": {"mon": "allow *"},
    "client.admin": {"mon": "allow *", "osd": "allow *", "mgr": "allow *"},
    "client.rgw.a": {"mon": "allow rw", "osd": "allow rwx"},
    "osd.0": {"mon": "allow profile osd", "osd": "allow *"},
}
PATIENCE = 60.0


def main() -> int:
    """Run the tests; return the exit code."""
    if reason := why_not():
        print(reason, file=sys.stderr)
        return 2
    # As Ctrl-C: the cluster is ended on the way out.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with (
        tempfile.TemporaryDirectory(prefix="reeldrop-ceph-") as folder,
        cluster(Path(folder)) as url,
    ):
        command = [sys.executable, "-m", "pytest", "-p", "no:randomly", "-rA", *TESTS]
        ended = subprocess.run(command, cwd=REPOSITORY, env={**os.environ, OTHER: url}, check=False)
    return ended.returncode


def why_not() -> str:
    """Return why it cannot be run here, "" where it can."""
    if os.geteuid() != 0:
        return "make test-s3 starts a Ceph cluster of its own, and that wants root."
    return missing(PROGRAMS)


def free_port() -> int:
    """Return a port of loopback that nobody has now."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


@contextmanager
def cluster(folder: Path) -> Generator[str]:
    """Start a cluster below `folder`; yield the gateway's address, and end it."""
    monitor, gateway, fsid = free_port(), free_port(), str(uuid.uuid4())
    conf = folder / "ceph.conf"
    for name in ("mon", "osd/0", "run", "log", "rgw"):
        (folder / name).mkdir(parents=True)
    conf.write_text(configuration(folder, fsid, monitor, gateway))

    def run(*command: str) -> None:
        done = subprocess.run(
            [command[0], "-c", str(conf), *command[1:]],
            capture_output=True, text=True, timeout=PATIENCE, check=False,
        )  # fmt: skip
        if done.returncode:
            raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")

    try:
        make_keys(folder)
        address = f"v2:127.0.0.1:{monitor}"
        run(
            "monmaptool",
            "--create",
            "--clobber",
            "--addv",
            "a",
            f"[{address}]",
            "--fsid",
            fsid,
            str(folder / "monmap"),
        )
        run(
            "ceph-mon",
            "--mkfs",
            "-i",
            "a",
            "--keyring",
            str(folder / "keyring"),
            "--monmap",
            str(folder / "monmap"),
        )
        run("ceph-mon", "-i", "a")
        disk = str(uuid.uuid4())
        run("ceph", "osd", "new", disk)
        run("ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", disk)
        run("ceph-osd", "-i", "0")
        run(
            "radosgw-admin", "user", "create", "--uid=test", "--display-name=test",
            f"--access-key={KEY}", f"--secret-key={SECRET}",
        )  # fmt: skip
        run("radosgw", "-n", "client.rgw.a")
        await_port(gateway)
        yield f"http://127.0.0.1:{gateway}"
        print("left by uploads that were killed:", left_over(conf))
    finally:
        for pid in (folder / "run").glob("*.pid"):
            with suppress(ProcessLookupError, ValueError):
                os.kill(int(pid.read_text()), signal.SIGKILL)


def make_keys(folder: Path) -> None:
    """Write the keyring that all daemons read."""
    keyring = folder / "keyring"
    for name, rights in KEYS.items():
        one = folder / "one.keyring"
        told = [part for kind, right in rights.items() for part in ("--cap", kind, right)]
        subprocess.run(
            ["ceph-authtool", "-C", str(one), "--gen-key", "-n", name, *told],
            check=True, capture_output=True,
        )  # fmt: skip
        with keyring.open("a") as file:
            file.write(one.read_text())


def await_port(port: int) -> None:
    """Return once somebody listens at `port`."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.2)
    raise SystemExit(f"the gateway does not listen at {port}")


def left_over(conf: Path) -> int:
    """Return how many parts of uploads lie there that no listing of objects shows."""
    told = subprocess.run(
        ["rados", "-c", str(conf), "-p", "default.rgw.buckets.non-ec", "ls"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return len(told.stdout.splitlines())


def configuration(folder: Path, fsid: str, monitor: int, gateway: int) -> str:
    """Return the cluster's configuration: one of everything, and nothing outside `folder`."""
    values = {
        "fsid": fsid,
        "mon host": f"[v2:127.0.0.1:{monitor}]",
        "public network": "127.0.0.0/8",
        "keyring": folder / "keyring",
        "auth allow insecure global id reclaim": "false",
        "run dir": folder / "run",
        "admin socket": folder / "run/$name.asok",
        "pid file": folder / "run/$name.pid",
        "log file": folder / "log/$name.log",
        "crash dir": folder / "log",
        "mon data": folder / "mon/$id",
        "osd data": folder / "osd/$id",
        "rgw data": folder / "rgw",
        "osd objectstore": "bluestore",
        "bluestore block size": 8 * 1024**3,
        "osd memory target": 939_524_096,
        "osd pool default size": 1,
        "osd pool default min size": 1,
        "osd pool default pg num": 8,
        "osd crush chooseleaf type": 0,
        "mon allow pool size one": "true",
        "mon warn on pool no redundancy": "false",
        "mon data avail warn": 2,
        "mon data avail crit": 1,
        # Otherwise every daemon becomes the user "ceph", who may not come here.
        "setuser match path": folder / "nobodys",
        "rgw frontends": f"beast endpoint=127.0.0.1:{gateway}",
        "rgw relaxed s3 bucket names": "true",
    }
    return "[global]\n" + "".join(f"{key} = {value}\n" for key, value in values.items())


if __name__ == "__main__":
    sys.exit(main())
