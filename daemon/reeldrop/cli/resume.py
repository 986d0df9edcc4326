"""`reeldrop resume`: go on after a pause, and try at once whatever waits."""

import click

from reeldrop.cli.asking import ask
from reeldrop.cli.options import config_options
from reeldrop.settings import load


@click.command("resume")
@config_options
@click.pass_context
def command(ctx: click.Context, config: str | None, inbox: str | None, outbox: str | None) -> None:
    """Submit again after `pause`, and try at once whatever waits: a blocked queue, a retry, a share."""
    ctx.exit(ask(load(config, inbox, outbox).settings, "resume", {}))
