"""Many drops renamed into an inbox in one breath: none may be lost, and how long until all are taken.

    python benchmarks/burst.py [--drops 2000] [--in FOLDER]

The daemon runs paused against the stand-in, so that only the intake is measured: a clip (a link to one
legal film), its sidecar, the look into it, the record and the claim.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import sysconfig
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from reeldrop.simulator.footage import make_clip

REELDROP = str(Path(sysconfig.get_path("scripts")) / "reeldrop")


def configured(folder: Path) -> list[str]:
    """Write a configuration below `folder`; return the options that name it."""
    for name in ("in", "out", "waiting"):
        (folder / name).mkdir()
    config = folder / "reeldrop.toml"
    config.write_text(
        f'[store]\nurl = "sqlite:///{folder}/state/reeldrop.db"\n[limits]\nmin_free_disk = 0\n'
        f'[[watch]]\ninbox = "{folder}/in"\noutbox = "{folder}/out"\n'
    )
    return ["--config", str(config)]


def prepare(folder: Path, drops: int) -> None:
    """Lay the drops out beside the inbox, each with a prompt of its own."""
    clip = folder / "clip.mp4"
    make_clip(clip, audio=False)
    for number in range(drops):
        place = folder / "waiting"
        os.link(clip, place / f"{number}.mp4")
        (place / f"{number}.json").write_text(json.dumps({"prompt": str(number)}))


def queued(options: list[str]) -> int:
    """Return how many drops the daemon has taken."""
    told = subprocess.run(
        [REELDROP, "status", "--json", *options], capture_output=True, check=True, text=True
    )
    return json.loads(told.stdout)["counts"]["queued"]


def main() -> None:
    """Drop, wait until all are taken, tell what it took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--drops", type=int, default=2000)
    parser.add_argument("--in", dest="where", default=None)
    asked = parser.parse_args()
    with TemporaryDirectory(dir=asked.where) as name:
        folder = Path(name)
        options = configured(folder)
        prepare(folder, asked.drops)
        with (folder / "log").open("wb") as log:
            daemon = subprocess.Popen([REELDROP, "run", "--simulate", *options], stderr=log)
        while not (folder / "out/_status.json").exists():
            time.sleep(0.05)
        subprocess.run([REELDROP, "pause", *options], check=True, stdout=subprocess.DEVNULL)
        began = time.monotonic()
        for file in (folder / "waiting").iterdir():
            file.rename(folder / "in" / file.name)
        renamed = time.monotonic() - began
        while (taken := queued(options)) < asked.drops and time.monotonic() - began < 600:
            time.sleep(0.2)
        seconds = time.monotonic() - began
        peak = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{daemon.pid}/status").read_text())
        daemon.terminate()
        daemon.wait()
    sys.stdout.write(
        f"{taken} of {asked.drops} drops taken, renamed in {renamed:.1f} s, all taken after "
        f"{seconds:.1f} s ({taken / seconds:.0f}/s), peak memory "
        f"{int(peak[1]) / 1000 if peak else 0:.0f} MB\n"
    )


if __name__ == "__main__":
    main()
