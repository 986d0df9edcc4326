"""The daemon that dies: `run --once` as installed, with a fuse at every port.

Called as `python -m crash.child CONFIG [POINT]`; one that comes to its end prints what it called, as JSON.
"""

import asyncio
import json
import sys

import click

from crash.dying import Fuse, Point, with_fuse
from reeldrop import app, settings, telemetry
from reeldrop.host.signals import stop_on_signals


async def work(config: str, fuse: Fuse) -> None:
    """Work off what is there, or die at the fuse's point."""
    loaded = settings.load(config, None, None).settings
    telemetry.configure(loaded.log.level, to_terminal=False)
    stop = stop_on_signals()
    async with app.opened(loaded, app.Options(once=True), stop) as rooms:
        await app.work(loaded, with_fuse(rooms, fuse), stop, once=True)


def main(config: str, point: str = "") -> None:
    """Run the child to its end, whichever that is."""
    fuse = Fuse(Point.parse(point) if point else None)
    asyncio.run(work(config, fuse))
    click.echo(json.dumps(fuse.calls))


if __name__ == "__main__":
    main(*sys.argv[1:])
