"""What several commands share: their options, and how they print."""

import json
from collections.abc import Callable
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])


def config_option(command: Command) -> Command:
    """Add `--config F`."""
    return click.option(
        "--config",
        metavar="FILE",
        help="The settings; else $REELDROP_CONFIG, /etc/reeldrop/reeldrop.toml, ./reeldrop.toml.",
    )(command)


def folder_options(command: Command) -> Command:
    """Add `--inbox D` and `--outbox D`."""
    command = click.option("--outbox", metavar="DIR", help="Where results lie.")(command)
    return click.option("--inbox", metavar="DIR", help="Where drops go.")(command)


def config_options(command: Command) -> Command:
    """Add `--config F`, `--inbox D` and `--outbox D`."""
    return config_option(folder_options(command))


def json_option(command: Command) -> Command:
    """Add `--json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(command)


def print_json(value: Any) -> None:
    """Print one JSON value; ASCII, so that every name passes through every pipe."""
    click.echo(json.dumps(value, indent=2))
