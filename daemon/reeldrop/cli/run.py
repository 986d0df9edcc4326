"""`reeldrop run`: the daemon."""

import asyncio
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from reeldrop.cli.options import config_options

if TYPE_CHECKING:
    from reeldrop.app import Options, Tally
    from reeldrop.settings import Loaded, Settings


@click.command()
@config_options
@click.option("--once", is_flag=True, help="Work off what is there, then end.")
@click.option(
    "--simulate", is_flag=True, help="Use a built-in stand-in of the API: no key, no cost."
)
@click.option("--take-over", is_flag=True, help="Own folders whose former store is gone for good.")
def command(
    config: str | None,
    inbox: str | None,
    outbox: str | None,
    once: bool,
    simulate: bool,
    take_over: bool,
) -> None:
    """Watch the inboxes and restyle what is dropped into them.

    Ends on SIGTERM within 10 s; what is under way goes on at the next start. Reads its settings anew
    on SIGHUP; in a terminal that ends it too, as closing the terminal does.
    """
    from reeldrop.host.signals import ignore_hang_ups  # noqa: PLC0415 - see cli/commands.py

    for_reloads = not sys.stderr.isatty()
    if for_reloads:
        ignore_hang_ups()
    from reeldrop import settings as configuration  # noqa: PLC0415
    from reeldrop import telemetry  # noqa: PLC0415
    from reeldrop.app import Options  # noqa: PLC0415
    from reeldrop.host.leaving import leave  # noqa: PLC0415

    def read() -> "Loaded":
        return configuration.load(config, inbox, outbox)

    settings = read().settings
    telemetry.configure(settings.log.level, to_terminal=sys.stderr.isatty())
    if settings.output.umask is not None:
        os.umask(settings.output.umask)
    tally = asyncio.run(_run(settings, Options(once, simulate, take_over), read))
    if for_reloads:
        ignore_hang_ups()
    code = exit_code(tally) if once else 0
    if settings.upload.object_store:
        leave(code)
    sys.exit(code)


def exit_code(tally: "Tally") -> int:
    """Return the exit code that says what a single run left behind."""
    if tally.uncertain:
        return 3
    if tally.failed:
        return 1
    if tally.blocked:
        click.echo(f"reeldrop: jobs are left in the queue: {tally.blocked}", err=True)
        return 75
    return 4 if tally.late else 0


async def _run(settings: "Settings", options: "Options", read: Callable[[], "Loaded"]) -> "Tally":
    from reeldrop import app  # noqa: PLC0415
    from reeldrop.host.notify import Notifier  # noqa: PLC0415
    from reeldrop.host.signals import stop_on_signals  # noqa: PLC0415
    from reeldrop.settings import read_service  # noqa: PLC0415

    manager, reloads = read_service(), app.Reloads(read)
    outside = app.Outside(Notifier(manager.socket, manager.watchdog), reloads)
    stop = stop_on_signals(None if sys.stderr.isatty() else reloads.asked.set)
    return await app.run(settings, options, stop, outside)
