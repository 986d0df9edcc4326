"""One trial: drops, a kill at one port call, a normal start, and the promises after each."""

import asyncio
import json
import shutil
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from acceptance.world import KEY, REELDROP, Site
from crash import child
from crash.drops import Drop, Footage, plain, referring, refused, twin, varied
from crash.dying import KILLED, Point
from crash.promises import Scene, broken_at_any_time, broken_at_the_end, outcome
from reeldrop.simulator import Simulator

TESTS = Path(__file__).resolve().parents[1]
LONGEST_RUN = 180.0
"""Seconds after which a run of so few drops counts as hanging, also where others want the processor."""
FINE = (0, 1, 3)
"""Exit codes of a run that worked off what was there: one drop is meant to fail."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of one trial."""

    point: Point
    killed: bool
    """False where the child came to its end before it came to the point."""
    outcome: str
    broken: tuple[str, ...]

    def __str__(self) -> str:
        faults = "; ".join(self.broken) or "every promise kept"
        return f"killed {self.point}: {faults}"


def a_few_drops(footage: Footage) -> list[Drop]:
    """Return one drop of each kind that takes another way."""
    return [
        plain("plain", footage),
        varied("varied", footage),
        refused("refused", footage),
        referring("referring", footage),
    ]


def twins(footage: Footage) -> list[Drop]:
    """Return two drops that are identical: the second takes part in the first one's generation."""
    return [plain("same", footage), twin("same", footage)]


async def census(
    folder: Path, footage: Footage, of: Callable[[Footage], list[Drop]] = a_few_drops
) -> Counter[str]:
    """Run without a kill, and return how often each port was called."""
    drops = of(footage)
    async with stand_in(folder, footage) as api:
        site = site_at(folder, api)
        land(drops, site)
        code, printed = await _child(site)
        scene = Scene(site, drops, api.ledger)
        faults = broken_at_the_end(scene)
        if code != 0 or faults:
            raise AssertionError(f"an undisturbed run is broken ({code}): {faults}\n{site.log}")
    await asyncio.to_thread(shutil.rmtree, folder)
    return Counter(json.loads(printed))


async def trial(
    folder: Path,
    footage: Footage,
    point: Point,
    of: Callable[[Footage], list[Drop]] = a_few_drops,
) -> Verdict:
    """Kill at `point`, start normally, check; `folder` is kept where a promise is broken."""
    drops = of(footage)
    async with stand_in(folder, footage) as api:
        site = site_at(folder, api)
        land(drops, site)
        code, _ = await _child(site, str(point))
        scene = Scene(site, drops, api.ledger)
        broken = [] if code in (0, KILLED) else [f"the child ended with {code}"]
        broken += [f"at once: {fault}" for fault in broken_at_any_time(scene)]
        broken += await work_off(scene)
        verdict = Verdict(point, code == KILLED, outcome(site), tuple(broken))
    if not broken:
        await asyncio.to_thread(shutil.rmtree, folder)
    return verdict


def stand_in(folder: Path, footage: Footage) -> Simulator:
    """Return a quick stand-in of the API, to be opened; it counts the money."""
    return Simulator(folder / "api", key=KEY, generation_seconds=0.12, result=footage.result)


def site_at(folder: Path, api: Simulator) -> Site:
    """Make the folders of one daemon, and a configuration with quick timings."""
    folder.mkdir(parents=True, exist_ok=True)
    site = Site(folder, api.base_url, folder / "unused")
    site.environment["PYTHONPATH"] = str(TESTS)
    site.configure(
        api={"poll_interval": 0.05, "reconcile_window": 1.0},
        watch={"settle": 0.05, "settle_polling": 0.1, "sidecar_grace": 0.05},
    )
    return site


def land(drops: Sequence[Drop], site: Site) -> None:
    """Let all of them arrive in the inbox."""
    for drop in drops:
        drop.land(site.inbox)


async def _child(site: Site, *point: str) -> tuple[int, str]:
    # -P: the tests' folder is named by the environment alone.
    return await _run(site, sys.executable, "-P", "-m", child.__name__, str(site.config), *point)


async def work_off(scene: Scene, longest: float = LONGEST_RUN) -> list[str]:
    """Start normally, once more where something is left, and return what stays broken.

    `longest` is in seconds, for each start.
    """
    command = (str(REELDROP), "run", "--once", "--config", str(scene.site.config))
    faults: list[str] = []
    for _ in range(2):
        code, _ = await _run(scene.site, *command, longest=longest)
        faults = [] if code in FINE else [f"the next start ended with {code}"]
        faults += broken_at_the_end(scene)
        if not faults:
            break
    return faults


async def _run(site: Site, *command: str, longest: float = LONGEST_RUN) -> tuple[int, str]:
    """Run to the end; return the exit code (-1: it did not end in time), and what was printed."""
    with (site.config.parent / "daemon.log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            *command,
            env=site.environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
        )
    try:
        printed, _ = await asyncio.wait_for(process.communicate(), longest)
    except TimeoutError:
        return -1, ""
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return process.returncode or 0, printed.decode()
