"""`reeldrop drop`: puts clips into an inbox, safely, and waits for them where asked."""

import signal
import time
from pathlib import Path
from typing import Any

import click
from click.exceptions import Exit

from reeldrop.cli.destination import destination_of
from reeldrop.cli.drop_output import End, OpenJdOutput, PlainOutput, print_record
from reeldrop.cli.exits import INTERRUPTED, code_of, text_of
from reeldrop.cli.options import config_options, json_option
from reeldrop.cli.packing import Given, pack
from reeldrop.cli.round import Round
from reeldrop.domain.errors import ReeldropError


class _Drop(click.Command):
    """Tells a farm too what is wrong with the command line: its log shows a task's own words alone."""

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,
    ) -> click.Context:
        """Read the command line. Raises click.UsageError, and Exit where a farm was told what is wrong."""
        openjd = "--openjd" in args
        try:
            return super().make_context(info_name, args, parent, **extra)
        except click.UsageError as error:
            if not openjd:
                raise
            OpenJdOutput(1, as_json=False).failed(error.format_message())
            raise Exit(error.exit_code) from error


@click.command("drop", cls=_Drop)
@click.argument(
    "clips", metavar="CLIP...", nargs=-1, required=True, type=click.Path(path_type=Path)
)
@click.option("--prompt", metavar="P", help="What the clip shall look like.")
@click.option(
    "--set",
    "settings",
    metavar="K=V",
    multiple=True,
    help="Any parameter; V is JSON, else text; K may be dotted, like reeldrop.priority=5.",
)
@click.option(
    "--image",
    "images",
    metavar="F",
    multiple=True,
    type=click.Path(path_type=Path),
    help="A reference image; goes along into image_list.",
)
@config_options
@click.option("--name", metavar="N", help="Its name in the inbox, without an extension.")
@click.option(
    "--ticket-from",
    "ticket_text",
    metavar="TEXT",
    help="Make the ticket of TEXT, the clip's bytes and the request: the same again is one job for ever.",
)
@click.option("--wait", is_flag=True, help="Wait for the end; the exit code tells which.")
@click.option(
    "--openjd",
    is_flag=True,
    help="Wait, and tell progress in the form of Open Job Description.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=0),
    metavar="S",
    help="Seconds to wait at most, for all together (exit code 4).",
)
@json_option
@click.pass_context
def command(  # noqa: PLR0917 - the parameters are the command's options
    ctx: click.Context,
    clips: tuple[Path, ...],
    prompt: str | None,
    settings: tuple[str, ...],
    images: tuple[Path, ...],
    config: str | None,
    inbox: str | None,
    outbox: str | None,
    name: str | None,
    ticket_text: str | None,
    timeout: float | None,
    *,
    wait: bool,
    openjd: bool,
    as_json: bool,
) -> None:
    """Put each CLIP into the inbox under a hidden name, then rename it: it is never seen half."""
    _heed_requests_to_end()
    wait = wait or openjd
    output = (
        OpenJdOutput(len(clips), as_json=as_json)
        if openjd
        else PlainOutput(wait=wait, as_json=as_json)
    )
    until = None if timeout is None else time.monotonic() + timeout
    given = Given(clips, images, prompt, settings, name, ticket_text)
    try:
        destination = destination_of(config, inbox, outbox, wait=wait)
        run = Round(pack(given, destination), destination, output)
        code = _run(run, until, wait=wait, as_json=as_json)
    except (ReeldropError, click.UsageError) as error:
        if not isinstance(output, OpenJdOutput):
            raise
        usage = isinstance(error, click.UsageError)
        output.failed(error.format_message() if usage else text_of(error))
        code = error.exit_code if usage else code_of(error)
    ctx.exit(code)


def _run(run: Round, until: float | None, *, wait: bool, as_json: bool) -> int:
    ends: list[End] = []
    try:
        run.drop()
        if wait and run.destination.outbox:
            ends = run.follow(run.destination.outbox, until)
    except KeyboardInterrupt:
        run.output.interrupted(run.left())
        return INTERRUPTED
    run.output.ended(ends)
    if as_json:
        print_record(run.drops, ends)
    return max((end.code for end in ends), default=0)


def _heed_requests_to_end() -> None:
    """Let a farm that ends the task be told what goes on: it sends SIGTERM, on Windows a break."""
    for name in ("SIGTERM", "SIGBREAK"):
        if number := getattr(signal, name, None):
            signal.signal(number, signal.default_int_handler)
