"""`reeldrop cancel JOB…`: a person wants these no more."""

import click

from reeldrop.cli.asking import ask_about
from reeldrop.cli.options import config_options
from reeldrop.settings import load


@click.command("cancel")
@click.argument("jobs", metavar="JOB...", nargs=-1, required=True)
@config_options
@click.pass_context
def command(
    ctx: click.Context,
    jobs: tuple[str, ...],
    config: str | None,
    inbox: str | None,
    outbox: str | None,
) -> None:
    """Cancel each JOB: its id, or the beginning of it.

    What is not submitted yet costs nothing and lies in _failed/ with its source. What is submitted
    is paid for: its result is kept in _failed/ if it comes.
    """
    ctx.exit(ask_about(load(config, inbox, outbox).settings, "cancel", jobs))
