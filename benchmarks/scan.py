"""What a scan of a large inbox costs, beside the least that any look at so many files costs.

    python benchmarks/scan.py [--files 100000] [--folders 100] [--in FOLDER]

Each line is measured in a process of its own: processor seconds of the second look, in which nothing
has changed, and the peak memory of the whole process.
"""

import argparse
import asyncio
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

ROUNDS = 5


def plain(folder: Path) -> Callable[[], int]:
    """Return a bare walk by scandir that looks at each file and keeps nothing."""

    def walk(place: str) -> int:
        with os.scandir(place) as listing:
            return sum(
                walk(item.path) if item.is_dir() else bool(item.stat(follow_symlinks=False))
                for item in listing
            )

    return lambda: walk(str(folder))


def ours(folder: Path) -> Callable[[], int]:
    """Return the scan as a daemon does it, inotify included."""
    from reeldrop.files import mark_of, open_inbox  # noqa: PLC0415 - its memory is not the bare walk's
    from reeldrop.host.clock import SystemClock  # noqa: PLC0415
    from reeldrop.settings import WatchSettings  # noqa: PLC0415

    watch = WatchSettings(inbox=str(folder), outbox=str(folder.parent), archive="keep")
    inbox = open_inbox(watch, SystemClock(), mark_of(str(folder)))

    async def look() -> int:
        return len((await inbox.scan()).entries)

    return lambda: asyncio.run(look())


def imports(_folder: Path) -> Callable[[], int]:
    """Return nothing to do: what the program's modules take by themselves."""
    ours(_folder)
    return lambda: 0


KINDS = {"plain": plain, "imports": imports, "ours": ours}


def measure(kind: str, folder: Path) -> dict[str, float]:
    """Return processor seconds of the quickest look but the first, and peak MB, of this process."""
    look = KINDS[kind](folder)
    began = time.process_time()
    look()
    first, again = time.process_time() - began, []
    for _ in range(ROUNDS):
        began = time.process_time()
        look()
        again.append(time.process_time() - began)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"first": first, "again": min(again), "peak": peak}


def fill(folder: Path, files: int, folders: int) -> None:
    """Make `files` empty files in `folders` folders."""
    for number in range(folders):
        (folder / f"show{number:03}").mkdir()
    for number in range(files):
        name = folder / f"show{number % folders:03}" / f"shot_{number:06}_plate_v001.mov"
        os.close(os.open(name, os.O_CREAT))


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--folders", type=int, default=100)
    parser.add_argument("--in", dest="place", default=None, help="where to make the files")
    parser.add_argument("--measure", nargs=2, metavar=("KIND", "FOLDER"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.measure:
        print(json.dumps(measure(given.measure[0], Path(given.measure[1]))))
        return
    with TemporaryDirectory(dir=given.place) as folder:
        inbox = Path(folder, "inbox")
        inbox.mkdir()
        fill(inbox, given.files, given.folders)
        told = {kind: _in_a_process(kind, inbox) for kind in KINDS}
    print(f"{given.files} files in {given.folders} folders")
    print(f"{'':16}{'first (s)':>10}{'again (s)':>10}{'ratio':>8}{'peak (MB)':>11}")
    for kind, found in told.items():
        ratio = found["again"] / told["plain"]["again"]
        print(
            f"{kind:16}{found['first']:10.3f}{found['again']:10.3f}{ratio:8.2f}{found['peak']:11.1f}"
        )


def _in_a_process(kind: str, folder: Path) -> dict[str, float]:
    command = [sys.executable, __file__, "--measure", kind, str(folder)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    # What is before is the log.
    return json.loads(done.stdout.splitlines()[-1])


if __name__ == "__main__":
    main()
