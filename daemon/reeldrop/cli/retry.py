"""`reeldrop retry JOB…`: try what waits at once, and begin what has ended anew."""

import click

from reeldrop.cli.asking import ask_about
from reeldrop.cli.options import config_options
from reeldrop.settings import load


@click.command("retry")
@click.argument("jobs", metavar="JOB...", nargs=-1, required=True)
@click.option("--pay-again", is_flag=True, help="Also where that costs the same once more.")
@config_options
@click.pass_context
def command(
    ctx: click.Context,
    jobs: tuple[str, ...],
    config: str | None,
    inbox: str | None,
    outbox: str | None,
    *,
    pay_again: bool,
) -> None:
    """Try each JOB again: its id, or the beginning of it.

    What waits is tried at once. What has ended is submitted anew if its generation failed or there
    was none; what was paid for only with --pay-again.
    """
    settings = load(config, inbox, outbox).settings
    ctx.exit(ask_about(settings, "retry", jobs, {"pay_again": pay_again}))
