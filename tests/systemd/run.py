"""`make test-systemd`: the units of `systemd/` in a booted Debian 12, installed as docs/systemd.md says.

The machine is a container of systemd-nspawn whose root is a fresh Debian, laid over so that nothing of a run
stays. That Debian is made once by debootstrap and kept in CACHE.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from programs import missing

REPOSITORY = Path(__file__).resolve().parents[2]
CACHE = Path("/var/cache/reeldrop-tests")
PACKAGES = "systemd,systemd-sysv,dbus,python3,python3-venv,procps,ca-certificates"
"""What the machine needs to be one, and what docs/systemd.md installs first."""
MACHINE = "REELDROP_TEST_MACHINE"
"""The variable that tells the tests the process id of the machine's init."""
LAB = Path("/lab")
"""Where the machine sees the checkout and the wheels."""
PROGRAMS = {
    "systemd-nspawn": "systemd-container",
    "debootstrap": "debootstrap",
    "nsenter": "util-linux",
    "pgrep": "procps",
    "git": "git",
}
"""What has to be there, and the Debian package that brings it."""
PATIENCE = 60.0


def main() -> int:
    """Run the tests; return the exit code."""
    if reason := why_not():
        print(reason, file=sys.stderr)
        return 2
    # As Ctrl-C: the machine is ended on the way out.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with tempfile.TemporaryDirectory(prefix="reeldrop-systemd-") as folder:
        lab = Path(folder)
        make_lab(lab)
        with machine(debian(), lab) as init:
            command = [
                sys.executable, "-m", "pytest", "-m", "systemd", "-p", "no:randomly", "-rA",
                "--timeout", "300", "--tb", "short", *sys.argv[1:], "tests/systemd",
            ]  # fmt: skip
            environment = {**os.environ, MACHINE: str(init)}
            ended = subprocess.run(command, cwd=REPOSITORY, env=environment, check=False)
    return ended.returncode


def why_not() -> str:
    """Say what keeps this host from running the tests, and what to do; "" where nothing does."""
    if reason := missing(PROGRAMS):
        return reason
    return "" if os.geteuid() == 0 else "This needs root: it boots a machine."


def debian() -> Path:
    """Return the root of a plain Debian 12; made where there is none."""
    root = CACHE / "bookworm"
    if not root.exists():
        print("Making a Debian 12, once: a minute or two.", flush=True)
        CACHE.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=CACHE) as folder:
            part = Path(folder) / "root"
            subprocess.run(
                ["debootstrap", "--variant=minbase", f"--include={PACKAGES}", "bookworm", part],
                check=True, stdout=subprocess.DEVNULL,
            )  # fmt: skip
            part.rename(root)
    return root


def make_lab(lab: Path) -> None:
    """Put a clean checkout there, and all that pip would fetch: the machine shall need no network."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"],
        cwd=REPOSITORY, check=True, capture_output=True,
    )  # fmt: skip
    for name in filter(None, listed.stdout.decode().split("\0")):
        if (REPOSITORY / name).is_file():
            target = lab / "reeldrop" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(REPOSITORY / name, target)
    fetch = [
        sys.executable, "-m", "pip", "download", "--quiet", "--dest", lab / "wheels",
        "--python-version", "3.11", "--only-binary", ":all:",
    ]  # fmt: skip
    requirements = ["--require-hashes", "-r", "requirements.txt"]
    subprocess.run([*fetch, *requirements], cwd=REPOSITORY, check=True)
    subprocess.run([*fetch, "hatchling"], check=True)


@contextmanager
def machine(root: Path, lab: Path) -> Generator[int]:
    """Boot a machine for as long as the block takes; yield the process id of its init."""
    name = f"reeldrop-{os.getpid()}"
    command = [
        "systemd-nspawn", "--directory", root, "--volatile=overlay", "--register=no", "--keep-unit",
        "--boot", "--console=pipe", "--machine", name, f"--bind={lab}:{LAB}",
    ]  # fmt: skip
    with (lab / "console").open("wb") as console:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=console, stderr=console,
        )  # fmt: skip
    try:
        init = await_init(process, lab / "console")
        yield init
        subprocess.run([*inside(init), "systemctl", "poweroff"], check=False, timeout=PATIENCE)
        process.wait(PATIENCE)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                process.wait(PATIENCE)
            process.kill()
            process.wait()


def await_init(process: subprocess.Popen[bytes], console: Path) -> int:
    """Return the process id of the machine's init, once the machine has come up."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until and process.poll() is None:
        found = subprocess.run(
            ["pgrep", "--parent", str(process.pid)], capture_output=True, text=True, check=False
        ).stdout.split()
        if found:
            asked = subprocess.run(
                [*inside(int(found[0])), "systemctl", "is-system-running"],
                capture_output=True, text=True, check=False,
            )  # fmt: skip
            if asked.stdout.strip() in ("running", "degraded"):
                return int(found[0])
        time.sleep(0.1)
    raise SystemExit(f"the machine did not come up:\n{console.read_text(errors='replace')[-3000:]}")


def inside(init: int) -> list[str]:
    """Return what runs a command in the machine whose init is `init`."""
    return ["nsenter", "--target", str(init), "-m", "-u", "-i", "-n", "-p", "-C"]


if __name__ == "__main__":
    sys.exit(main())
