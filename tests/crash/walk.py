"""The walk: a kill before and after every call of every port, one trial for each.

The points come from an undisturbed run. Each is named by its port's own count, so that it stays the same
point however the drops' steps happen to interleave: `--only "after provider.submit #3"` repeats one.
"""

import asyncio
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path

import click

from crash.drops import Drop, Footage
from crash.dying import MOMENTS, Point
from crash.trial import Verdict, a_few_drops, census, trial, twins

Drops = Callable[[Footage], list[Drop]]
"""What is dropped in each trial."""


def points_of(calls: Counter[str]) -> list[Point]:
    """Return every point of a run that made `calls`, the same order for the same counts."""
    return [
        Point(moment, call, number)
        for call, count in sorted(calls.items())
        for number in range(1, count + 1)
        for moment in MOMENTS
    ]


async def walk(
    folder: Path,
    footage: Footage,
    points: Iterable[Point],
    at_once: int = 1,
    of: Drops = a_few_drops,
) -> AsyncIterator[Verdict]:
    """Yield the verdict on each point, `at_once` trials side by side, as they end."""
    left = iter(points)
    running = {task for task in (_begin(folder, footage, left, of) for _ in range(at_once)) if task}
    try:
        while running:
            done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                if following := _begin(folder, footage, left, of):
                    running.add(following)
                yield task.result()
    finally:
        for task in running:
            task.cancel()


def _begin(
    folder: Path, footage: Footage, left: Iterator[Point], of: Drops
) -> "asyncio.Task[Verdict] | None":
    point = next(left, None)
    if point is None:
        return None
    own = folder / str(point).replace(" ", "_").replace("#", "")
    return asyncio.create_task(trial(own, footage, point, of))


def table(verdicts: Sequence[Verdict]) -> str:
    """Return a line for each port's method: kills, and how the jobs ended after them."""
    lines = [f"{'killed at':<37} {'kills':>5} {'passed':>6} {'broken':>6}  jobs after it (trials)"]
    ordered = sorted(verdicts, key=_row)
    for (call, moment), group in groupby(ordered, key=_row):
        rows = list(group)
        ends = Counter(verdict.outcome for verdict in rows if verdict.killed)
        told = " | ".join(f"{end} ({count})" for end, count in ends.most_common())
        killed = sum(verdict.killed for verdict in rows)
        broken = sum(bool(verdict.broken) for verdict in rows)
        name = f"{MOMENTS[moment]} {call}"
        lines.append(f"{name:<37} {killed:>5} {len(rows) - killed:>6} {broken:>6}  {told}")
    return "\n".join(lines)


def _row(verdict: Verdict) -> tuple[str, int]:
    return verdict.point.call, MOMENTS.index(verdict.point.moment)


async def run(only: str, at_once: int, of: Drops) -> int:
    """Walk all points, or `only` one; print the table and what is broken; return the exit code."""
    folder = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="reeldrop-crash-"))
    footage = await asyncio.to_thread(Footage.make, folder)
    points = (
        [Point.parse(only)]
        if only
        else points_of(await census(folder / "undisturbed", footage, of))
    )
    click.echo(f"{len(points)} points, {at_once} at once; folders of broken ones stay in {folder}")
    verdicts: list[Verdict] = []
    async for verdict in walk(folder, footage, points, at_once, of):
        verdicts.append(verdict)
        if verdict.broken:
            click.echo(verdict)
        elif len(verdicts) % 50 == 0:
            click.echo(f"{len(verdicts)} of {len(points)}")
    click.echo(table(verdicts))
    broken = [verdict for verdict in verdicts if verdict.broken]
    click.echo(f"{len(verdicts)} points walked, {len(broken)} broken")
    for verdict in broken:
        click.echo(verdict)
    return 1 if broken else 0


@click.command(help=(__doc__ or "").splitlines()[0])
@click.option("--only", default="", help='One point, like "after provider.submit #3".')
@click.option("--at-once", type=click.IntRange(1), default=2, show_default=True)
@click.option(
    "--twins", "twinned", is_flag=True, help="Two identical drops, instead of many kinds."
)
def main(only: str, at_once: int, *, twinned: bool) -> None:
    """Run the command line; the exit code is 1 where a promise was broken."""
    sys.exit(asyncio.run(run(only, at_once, twins if twinned else a_few_drops)))


if __name__ == "__main__":
    main()
