"""Torture: the installed daemon under load, killed and stopped at random moments, lied to by its API.

Clips are dropped all the while. At the end a quiet run works off what is left, and the promises are
checked against the stand-in's ledger. All chance comes from the seed; how the machine takes its turns
does not, so a seed repeats the plan of a run, not its every instant.
"""

import asyncio
import secrets
import signal
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from random import Random

import click

from acceptance.world import REELDROP
from crash.drops import KINDS, Drop, Footage
from crash.promises import Scene, broken_at_any_time, outcome
from crash.trial import site_at, stand_in, work_off
from reeldrop.simulator import Simulator
from reeldrop.simulator.faults import Cut, Fault, Route

STOP_SHARE = 0.2
"""Of the ends that are a SIGTERM rather than a SIGKILL."""
SHORTEST_LIFE = 0.2
"""Seconds; a daemon needs some more than that to start."""
LONGEST_STOP = 40.0
"""Seconds; the daemon promises 10, but here others may want the processor."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How long, how often, and with which chance."""

    seed: int
    seconds: float
    """About how long, by the length of the daemons' lives."""
    kills: int
    between_drops: float = 0.3
    """Seconds, on the average; likewise the next."""
    between_faults: float = 0.5
    longest_quiet: float = 300.0
    """Seconds in which the last run has worked off what is left."""


@dataclass(frozen=True, slots=True)
class Report:
    """What came of it."""

    plan: Plan
    drops: int
    kills: int
    stops: int
    paid: int
    outcome: str
    broken: tuple[str, ...]

    def __str__(self) -> str:
        faults = "".join(f"\n  {fault}" for fault in self.broken) or " every promise kept"
        return (
            f"seed {self.plan.seed}: {self.drops} drops, {self.kills} kills, {self.stops} stops, "
            f"{self.paid} generations paid; {self.outcome}:{faults}"
        )


def some_fault(chance: Random) -> Fault:
    """Return one thing that goes wrong at the API or on the way to it."""
    delay = chance.uniform(0.1, 1.5)
    accepted = chance.random() < 0.5
    return chance.choice(
        [
            Fault(Route.SUBMIT, delay=delay),
            Fault(Route.SUBMIT, cut=Cut.ANSWER, delay=delay, reset=accepted),
            Fault(Route.SUBMIT, cut=Cut.REQUEST, after=chance.randrange(200_000), reset=accepted),
            Fault(Route.SUBMIT, status=502, body="bad gateway", accept=accepted),
            Fault(Route.SUBMIT, cut=Cut.BODY, after=chance.randrange(1, 30)),
            Fault(Route.POLL, status=502, body="bad gateway"),
            Fault(Route.POLL, delay=delay),
            Fault(Route.FILE, cut=Cut.BODY, after=chance.randrange(10_000), reset=accepted),
            Fault(Route.FILE, expire=True),
            Fault(Route.FILE, rate=20_000.0),
        ]
    )


class Torture:
    """One run of a plan."""

    def __init__(self, folder: Path, footage: Footage, plan: Plan, api: Simulator) -> None:
        self._plan = plan
        self._footage = footage
        self._api = api
        self._over = asyncio.Event()
        self._dropping = asyncio.Lock()
        self._drops: list[Drop] = []
        self._signals: list[signal.Signals] = []
        self._broken: list[str] = []
        self.scene = Scene(site_at(folder, api), self._drops, api.ledger)

    async def run(self) -> Report:
        """Torture, then let it rest, then check."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._keep_dropping(self._chance("drops")))
            group.create_task(self._keep_lying(self._chance("faults")))
            group.create_task(self._keep_killing(self._chance("kills")))
        self._api.faults.clear()
        self._broken += await work_off(self.scene, self._plan.longest_quiet)
        stops = self._signals.count(signal.SIGTERM)
        return Report(
            self._plan,
            len(self._drops),
            len(self._signals) - stops,
            stops,
            len(self.scene.ledger.accepted),
            outcome(self.scene.site),
            tuple(self._broken),
        )

    def _chance(self, purpose: str) -> Random:
        return Random(f"{self._plan.seed} {purpose}")

    async def _keep_dropping(self, chance: Random) -> None:
        while not self._over.is_set():
            drop = chance.choice(KINDS)(f"clip{len(self._drops):04}", self._footage)
            async with self._dropping:
                await asyncio.to_thread(drop.land, self.scene.site.inbox)
                self._drops.append(drop)
            await asyncio.sleep(chance.expovariate(1 / self._plan.between_drops))

    async def _keep_lying(self, chance: Random) -> None:
        while not self._over.is_set():
            self._api.faults.add(some_fault(chance))
            await asyncio.sleep(chance.expovariate(1 / self._plan.between_faults))

    async def _keep_killing(self, chance: Random) -> None:
        longest = max(SHORTEST_LIFE, 2 * self._plan.seconds / self._plan.kills - SHORTEST_LIFE)
        while self._signals.count(signal.SIGKILL) < self._plan.kills:
            how = signal.SIGTERM if chance.random() < STOP_SHARE else signal.SIGKILL
            await self._one_life(chance.uniform(SHORTEST_LIFE, longest), how)
            # What has half arrived is neither lost nor there.
            async with self._dropping:
                self._broken += [f"at once: {fault}" for fault in broken_at_any_time(self.scene)]
        self._over.set()

    async def _one_life(self, seconds: float, how: signal.Signals) -> None:
        site = self.scene.site
        with (site.config.parent / "daemon.log").open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                REELDROP, "run", "--config", site.config, env=site.environment, stdout=log, stderr=log
            )  # fmt: skip
        try:
            await asyncio.wait_for(process.wait(), seconds)
        except TimeoutError:
            await self._end(process, how)
        else:
            self._signals.append(how)
            self._broken.append(f"the daemon ended by itself with {process.returncode}")
        finally:
            if process.returncode is None:
                process.kill()

    async def _end(self, process: asyncio.subprocess.Process, how: signal.Signals) -> None:
        self._signals.append(how)
        process.send_signal(how)
        try:
            code = await asyncio.wait_for(process.wait(), LONGEST_STOP)
        except TimeoutError:
            self._broken.append(f"{how.name} did not end the daemon within {LONGEST_STOP:g} s")
            process.kill()
            code = await process.wait()
        if how is signal.SIGTERM and code not in (0, -signal.SIGTERM):
            self._broken.append(f"SIGTERM: the daemon ended with {code}")


async def torture(folder: Path, footage: Footage, plan: Plan) -> Report:
    """Run `plan` in `folder`, which is kept."""
    async with stand_in(folder, footage) as api:
        return await Torture(folder, footage, plan, api).run()


@click.command(help=(__doc__ or "").splitlines()[0])
@click.option("--seed", type=int, default=lambda: secrets.randbelow(1_000_000))
@click.option("--seconds", type=click.FloatRange(1), default=120.0, show_default=True)
@click.option("--kills", type=click.IntRange(1), default=60, show_default=True)
def main(seed: int, seconds: float, kills: int) -> None:
    """Run the command line; the exit code is 1 where a promise was broken."""
    folder = Path(tempfile.mkdtemp(prefix="reeldrop-torture-"))
    click.echo(f"seed {seed}; its folders stay in {folder}")
    plan = Plan(seed, seconds, kills)
    report = asyncio.run(torture(folder / "run", Footage.make(folder), plan))
    click.echo(report)
    sys.exit(1 if report.broken else 0)


if __name__ == "__main__":
    main()
