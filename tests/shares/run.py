"""`make test-shares`: real shares in User-Mode Linux, one small machine for each kind.

The machine's root is this host's, read-only; all it may write is a folder of its own. Nothing is
mounted, loaded or started on the host itself. Each machine leaves `report.xml` in its folder.
"""

import argparse
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

from programs import SYSTEM_PATH, missing
from reeldrop.simulator.footage import make_clip

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]
LAB = Path("/run/lab")
"""Where the machine sees the host's folder that it may write."""
CLIP, OTHER_CLIP, RESULT = LAB / "clip.mov", LAB / "other.mov", LAB / "result.mp4"
SHARE = "REELDROP_TEST_SHARE"
"""The variable that tells the tests which kind of share they are to make."""
TESTS = {
    "nfs": ("test_shares.py", "test_outages.py", "test_nfs.py"),
    "smb": ("test_shares.py", "test_outages.py", "test_smb.py"),
}
PROGRAMS = {
    "linux.uml": "user-mode-linux",
    "modprobe": "kmod",
    "ip": "iproute2",
    "rpc.nfsd": "nfs-kernel-server",
    "mount.nfs": "nfs-common",
    "rpcbind": "rpcbind",
    "smbd": "samba",
    "mount.cifs": "cifs-utils",
}
"""What has to be there, and the Debian package that brings it."""
LIMIT = 900.0
"""Seconds that one machine may take."""


@dataclass(frozen=True, slots=True)
class Case:
    """One test: how it ended, and what it says where it failed."""

    share: str
    name: str
    seconds: float
    trouble: str


def main() -> int:
    """Run the kinds that are asked for; return the exit code."""
    parser = argparse.ArgumentParser(prog="shares.run", description=__doc__)
    parser.add_argument("kinds", nargs="*", default=[], help=" or ".join(TESTS))
    parser.add_argument("-k", default="", metavar="EXPRESSION", help="only the tests that match")
    given = parser.parse_args()
    if reason := why_not():
        print(reason, file=sys.stderr)
        return 2
    # As Ctrl-C: the machines are ended on the way out.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with ExitStack() as stack:
        kinds = given.kinds or TESTS
        machines = [stack.enter_context(machine(kind, given.k)) for kind in kinds]
        cases = [case for each in machines for case in each.cases()]
    print(table(cases))
    return 1 if any(case.trouble for case in cases) else 0


def why_not() -> str:
    """Say what keeps this host from running the tests, and what to do; "" where nothing does."""
    if reason := missing(PROGRAMS):
        return reason
    return "" if os.geteuid() == 0 else "This needs root: the machine serves files as root does."


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine that runs the tests of one kind of share."""

    kind: str
    lab: Path
    process: subprocess.Popen[bytes]
    began: float

    def cases(self) -> list[Case]:
        """Await its end, and return what became of the tests."""
        how = "wrote no report"
        try:
            self.process.wait(self.began + LIMIT - time.monotonic())
        except subprocess.TimeoutExpired:
            how = f"did not end within {LIMIT:g} s"
        report = self.lab / "report.xml"
        if report.exists():
            return list(cases_of(self.kind, report))
        files = [path for path in (self.lab / "console", self.lab / "output") if path.exists()]
        said = "\n".join([f"It {how}.", *(path.read_text(errors="replace") for path in files)])
        return [Case(self.kind, "machine", time.monotonic() - self.began, said)]


@contextmanager
def machine(kind: str, expression: str) -> Generator[Machine]:
    """Let a machine run while the block does; nothing of it is left afterwards."""
    with tempfile.TemporaryDirectory(prefix="reeldrop-shares-") as folder:
        lab = Path(folder)
        make_footage(lab)
        write_job(lab, kind, expression)
        process = boot(lab)
        try:
            yield Machine(kind, lab, process, time.monotonic())
        finally:
            # The machine's own processes are processes of the host, all of this group.
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def make_footage(lab: Path) -> None:
    """Make the clips here: encoding is slow in there."""
    clip, other, result = (lab / path.name for path in (CLIP, OTHER_CLIP, RESULT))
    make_clip(clip, seconds=3.0, width=1280, height=720, fps=24)
    make_clip(other, seconds=3.0, width=1280, height=720, fps=25)
    make_clip(result, seconds=1.0, width=180, height=320, audio=False)
    level(clip, other)


def level(*clips: Path) -> None:
    """Give clips the same size: a `free` box is legal and means nothing."""
    size = max(clip.stat().st_size for clip in clips) + 8
    for clip in clips:
        room = size - clip.stat().st_size
        with clip.open("ab") as file:
            file.write(room.to_bytes(4, "big") + b"free" + bytes(room - 8))


def write_job(lab: Path, kind: str, expression: str) -> None:
    """Write what the machine runs."""
    tests = [str(HERE / name) for name in TESTS[kind]]
    command = [
        sys.executable, "-B", "-m", "pytest", "-vv", "-m", "shares", "-k", expression, "-n", "0",
        "-p", "no:cacheprovider", "-p", "no:randomly", "-p", "no:hypothesispytest",
        "--timeout", "150", "--tb", "short",
        "--basetemp", "/run/served", "--junitxml", str(LAB / "report.xml"),
        "-o", "junit_logging=system-out", *tests,
    ]  # fmt: skip
    (lab / "job").write_text(
        f"cd {shlex.quote(str(REPOSITORY))}\nexport {SHARE}={kind}\n{shlex.join(command)}\n"
    )


def boot(lab: Path) -> subprocess.Popen[bytes]:
    """Start the machine that runs what lies in `lab`."""
    command = [
        "linux.uml", f"LAB={lab}", "mem=768M", "rootfstype=hostfs", "rootflags=/", "ro",
        f"init={HERE / 'guest.sh'}", "con=null", "con0=null,fd:1", "quiet",
    ]  # fmt: skip
    with (lab / "console").open("wb") as console:
        return subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=console, stderr=console,
            start_new_session=True, env={"PATH": SYSTEM_PATH, "HOME": str(lab)},
        )  # fmt: skip


def cases_of(kind: str, report: Path) -> Iterator[Case]:
    """Read the tests' report."""
    for case in ET.parse(report).iter("testcase"):
        troubles = [child for child in case if child.tag in {"failure", "error", "skipped"}]
        told = "\n".join(child.text or "" for child in troubles)
        if troubles:
            told += case.findtext("system-out", "")
        yield Case(kind, case.get("name", ""), float(case.get("time", "0")), told)


def table(cases: list[Case]) -> str:
    """Return a line for each case, and below them what the failed ones say."""
    lines = [
        f"{case.share}  {'FAILED' if case.trouble else 'ok':<6}  {case.seconds:6.1f} s  {case.name}"
        for case in cases
    ]
    told = [f"\n== {case.share} {case.name}\n{case.trouble}" for case in cases if case.trouble]
    return "\n".join([*told, "", *lines])


if __name__ == "__main__":
    began = time.monotonic()
    code = main()
    print(f"{time.monotonic() - began:.0f} s")
    sys.exit(code)
