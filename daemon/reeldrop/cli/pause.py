"""`reeldrop pause`: submit nothing for now."""

import click

from reeldrop.cli.asking import ask
from reeldrop.cli.options import config_options
from reeldrop.settings import load


@click.command("pause")
@config_options
@click.pass_context
def command(ctx: click.Context, config: str | None, inbox: str | None, outbox: str | None) -> None:
    """Submit nothing until `resume`, also over restarts. What is submitted already goes on."""
    ctx.exit(ask(load(config, inbox, outbox).settings, "pause", {}))
