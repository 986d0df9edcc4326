"""`reeldrop resolve JOB`: a person says what became of an uncertain submit."""

import click

from reeldrop.cli.asking import ask_about
from reeldrop.cli.options import config_options
from reeldrop.settings import load


@click.command("resolve")
@click.argument("job")
@click.option("--generation-id", metavar="ID", help="It was submitted, and made this generation.")
@click.option("--not-submitted", is_flag=True, help="It was not submitted: submit it again.")
@config_options
@click.pass_context
def command(
    ctx: click.Context,
    job: str,
    generation_id: str | None,
    config: str | None,
    inbox: str | None,
    outbox: str | None,
    *,
    not_submitted: bool,
) -> None:
    """Say what became of an uncertain JOB: its id, or the beginning of it.

    The provider's request log is asked once more before anything is submitted again, and what it
    shows stands over what is said here.
    """
    if not_submitted == bool(generation_id):
        raise click.UsageError("say either --generation-id ID or --not-submitted.")
    settings = load(config, inbox, outbox).settings
    ctx.exit(ask_about(settings, "resolve", [job], {"generation_id": generation_id}))
