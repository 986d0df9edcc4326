"""The front door: one file per command. It reads arguments, prints, and ends with an exit code.

0 fine · 1 a job failed · 2 usage · 3 a job needs a person · 4 timed out waiting · 75 a place is not
there now · 78 settings are wrong · 130 interrupted.
"""

import os
import sys
from io import TextIOWrapper

import click

from reeldrop.cli.commands import ReaderGone, root
from reeldrop.cli.exits import INTERRUPTED, code_of, text_of
from reeldrop.domain.errors import ReeldropError


def main() -> None:
    """Run the command line and end the process."""
    for stream in (sys.stdout, sys.stderr):
        # A file name that is no text must not end a command that only prints it.
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    sys.exit(_run())


def _run() -> int:
    try:
        code = root.main(standalone_mode=False)
        sys.stdout.flush()
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except ReeldropError as error:
        return _complain(error)
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except (ReaderGone, BrokenPipeError):
        # Nothing more may be written, not even by the flush at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return code or 0


def _complain(error: ReeldropError) -> int:
    click.echo(f"reeldrop: {text_of(error)}", err=True)
    return code_of(error)
