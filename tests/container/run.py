"""`make test-container`: build the image from what is committed, and run it as its users do.

Everything lies in a folder of its own: images, containers, the checkout. Where no registry is to be
asked for the base, one is made of Debian and a Python 3.12 that is on this machine.
"""

import argparse
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

from programs import missing

REPOSITORY = Path(__file__).resolve().parents[2]
BASE = "docker.io/library/python:3.12-slim"
IMAGE = "localhost/reeldrop:test"
PODMAN = "REELDROP_TEST_PODMAN"
"""The variable that tells the tests how podman is called here."""
PROGRAMS = {
    "buildah": "buildah",
    "podman": "podman",
    "runc": "runc",
    "conmon": "conmon",
    "git": "git",
}
"""What has to be there, and the Debian package that brings it."""
PACKAGES = (
    "ca-certificates,libssl3,libsqlite3-0,libffi8,libbz2-1.0,liblzma5,libreadline8,zlib1g,"
    "libncursesw6,libuuid1,libexpat1,tzdata"
)
"""What a Python needs of Debian."""


def main() -> int:
    """Build, run the tests; return the exit code."""
    given = arguments()
    if reason := why_not(given.python):
        print(reason, file=sys.stderr)
        return 2
    # As Ctrl-C: containers are ended on the way out.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with tempfile.TemporaryDirectory(prefix="reeldrop-container-") as folder:
        images = given.images or Path(folder, "images")
        with engine(images) as (buildah, podman):
            if not has(buildah, BASE):
                print("making the base", flush=True)
                make_base(buildah, Path(folder), given.python)
            print("building the image", flush=True)
            build(buildah, Path(folder), given.cert)
            command = [sys.executable, "-m", "pytest", "-p", "no:randomly", "-m", "container"]
            ended = subprocess.run(
                [*command, "-rA", "--timeout", "120", *given.pytest, "tests/container"],
                cwd=REPOSITORY, env={**os.environ, PODMAN: shlex.join(podman)}, check=False,
            )  # fmt: skip
    return ended.returncode


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="container.run", description=__doc__)
    parser.add_argument(
        "--python", type=Path, metavar="PREFIX",
        help=f"a Python 3.12 to make {BASE} of; without it the base is pulled",
    )  # fmt: skip
    parser.add_argument("--cert", type=Path, metavar="FILE", help="what pip trusts in the build")
    parser.add_argument(
        "--images", type=Path, metavar="FOLDER", help="where images are kept for the next time"
    )
    parser.add_argument("pytest", nargs="*", help="for pytest, after --")
    return parser.parse_args()


def why_not(python: Path | None) -> str:
    """Return why it cannot be run here, "" where it can."""
    wanted = PROGRAMS | ({"debootstrap": "debootstrap"} if python else {})
    if reason := missing(wanted):
        return reason
    if python and not (python / "bin/python3.12").exists():
        return f"--python {python}: there is no bin/python3.12 below it."
    return "" if os.geteuid() == 0 else "make test-container runs containers as root does."


@contextmanager
def engine(images: Path) -> Generator[tuple[list[str], list[str]]]:
    """Yield how buildah and podman are called; their containers end with the block."""
    places = ["--root", str(images / "root"), "--runroot", str(images / "run")]
    # As chroot and by runc: what works without a service manager, too.
    os.environ["BUILDAH_ISOLATION"] = "chroot"
    podman = [
        "podman", *places, "--tmpdir", str(images / "tmp"), "--runtime", "runc",
        "--cgroup-manager", "cgroupfs", "--events-backend", "file",
    ]  # fmt: skip
    try:
        yield ["buildah", *places], podman
    finally:
        for command in ("rm", "--all", "--force", "--volumes"), ("umount", "--all"):
            subprocess.run([*podman, *command], capture_output=True, check=False)


def run(command: Sequence[str | Path], folder: Path | None = None) -> str:
    """Run a command, in `folder`; return what it prints, end with its last words if it fails."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{shlex.join(map(str, command))} failed:\n{done.stderr[-4000:]}")
    return done.stdout.strip()


def has(buildah: Sequence[str], image: str) -> bool:
    """Say whether the image is there."""
    found = subprocess.run(
        [*buildah, "inspect", "--type=image", image], capture_output=True, check=False
    )
    return found.returncode == 0


def make_base(buildah: Sequence[str], folder: Path, python: Path | None) -> None:
    """Pull the base, or make one of Debian and of a Python's prefix: minutes."""
    if python is None:
        run([*buildah, "pull", BASE])
        return
    root = folder / "base"
    run(["debootstrap", "--variant=minbase", f"--include={PACKAGES}", "bookworm", root])
    passed_over = shutil.ignore_patterns("test", "site-packages")
    shutil.copytree(
        python, root / "usr/local", symlinks=True, dirs_exist_ok=True, ignore=passed_over
    )
    run(["chroot", root, "ldconfig"])
    run(["chroot", root, "/usr/local/bin/python3.12", "-m", "ensurepip"])
    for name, target in {"python": "python3.12", "python3": "python3.12", "pip": "pip3.12"}.items():
        link = root / "usr/local/bin" / name
        link.unlink(missing_ok=True)
        link.symlink_to(target)
    container = run([*buildah, "from", "scratch"])
    run([*buildah, "copy", container, root, "/"])
    path = "PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"
    run([*buildah, "config", "--env", path, "--cmd", "python3", container])
    run([*buildah, "commit", "--rm", container, BASE])
    shutil.rmtree(root)


def build(buildah: Sequence[str], folder: Path, cert: Path | None) -> None:
    """Build the image from what is committed, with nothing else at hand."""
    context = folder / "checkout"
    context.mkdir()
    archive = subprocess.run(
        ["git", "archive", "HEAD"], cwd=REPOSITORY, capture_output=True, check=True
    )
    subprocess.run(["tar", "-x", "-C", context], input=archive.stdout, check=True)
    trust: list[str] = []
    if cert is not None:
        # Mounted while it is built, so that nothing of this machine stays in the image.
        conf = folder / "pip.conf"
        conf.write_text("[global]\ncert = /run/trusted.crt\n")
        trust = ["--volume", f"{cert}:/run/trusted.crt:ro", "--volume", f"{conf}:/etc/pip.conf:ro"]
    # Of the formats only Docker's keeps a health check.
    how = ["--format", "docker", "--pull=never", "--network", "host", *trust]
    revision = run(["git", "rev-parse", "HEAD"], REPOSITORY)
    labels = ["--build-arg", "VERSION=0.0.test", "--build-arg", f"REVISION={revision}"]
    run([*buildah, "build", *how, *labels, "-t", IMAGE, context])


if __name__ == "__main__":
    sys.exit(main())
