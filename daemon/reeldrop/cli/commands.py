"""The table of commands. A command's module is imported only when it runs."""

import importlib

import click

COMMANDS = {
    "run": "Watch the inboxes: the daemon.",
    "demo": "Make a clip, drop it, restyle it: no key, no network.",
    "check": "Say what is ready and what is not.",
    "drop": "Put clips into an inbox, safely.",
    "status": "Tell how things stand, and what was spent.",
    "jobs": "List what waits, runs and is done.",
    "show": "Tell everything about one job.",
    "retry": "Try what waits at once, begin anew what has ended.",
    "cancel": "Stop jobs that nobody wants any more.",
    "pause": "Submit nothing for now.",
    "resume": "Submit again, and try at once whatever waits.",
    "resolve": "Say what became of an uncertain submit.",
    "models": "List the models, or describe one.",
    "schema": "Print the JSON Schema of a sidecar, for editors.",
    "simulate": "Run the stand-in of the API on its own.",
}
"""Each command is `command` in `reeldrop.cli.<name>`."""


class ReaderGone(Exception):
    """Whoever read what a command prints went away, as `head` does."""


class LazyGroup(click.Group):
    """A group that knows its commands by name."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names, in the table's order."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        return importlib.import_module(f"reeldrop.cli.{cmd_name}").command

    def invoke(self, ctx: click.Context) -> int | None:
        """Run the command; returns its exit code."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:
            # click would end with 1 here, and 1 says that a job failed.
            raise ReaderGone from error

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="reeldrop", prog_name="reeldrop")
def root() -> None:
    """A folder that restyles the clips dropped into it."""
