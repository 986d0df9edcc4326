"""Where drops go and come back: what the command line says, the settings, and the inbox itself."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from reeldrop.domain.errors import SettingsError, StartupError
from reeldrop.settings import has_settings

if TYPE_CHECKING:
    from reeldrop.settings import Settings, WatchSettings

OWNER_MAX = 64 * 1024


@dataclass(frozen=True, slots=True)
class Destination:
    """Where drops go and come back; `watch` where the settings know the inbox."""

    inbox: Path
    outbox: Path | None
    watch: "WatchSettings | None"
    catalogue_dir: str


def destination_of(
    config: str | None, inbox: str | None, outbox: str | None, *, wait: bool
) -> Destination:
    """Return where a drop goes, by what the command line gives and the settings know.

    `wait`: the outbox is needed.

    Raises:
        click.UsageError: neither names one inbox, or the outbox that is needed.
        SettingsError: the settings are wrong, and needed.
        StartupError: the inbox is not there, or the outbox that is needed.
    """
    settings = _settings(config, needed=inbox is None)
    watch = _watch(settings, inbox)
    if watch is None and inbox is None:
        raise click.UsageError("into which inbox? Give --inbox; the settings name none or several.")
    folder = Path(inbox or (watch.inbox if watch else "")).absolute()
    if not folder.is_dir():
        raise StartupError(f"the inbox {folder} is not there")
    results = outbox or (watch.outbox if watch else None) or _owner_outbox(folder)
    if wait and not results:
        raise click.UsageError("where do results come? Give --outbox, or settings with this inbox.")
    if wait and results and not Path(results).is_dir():
        # Before anything is dropped: a farm queues such a task again.
        raise StartupError(f"the outbox {Path(results).absolute()} is not there")
    catalogue_dir = settings.api.catalogue_dir if settings else ""
    return Destination(folder, Path(results).absolute() if results else None, watch, catalogue_dir)


def _settings(config: str | None, *, needed: bool) -> "Settings | None":
    # A farm node that was told the inbox has no settings of the daemon, and no time to lose.
    if not needed and not has_settings(config):
        return None
    from reeldrop.settings import load  # noqa: PLC0415

    try:
        return load(config).settings
    except SettingsError:
        if needed or config is not None:
            raise
        return None


def _watch(settings: "Settings | None", inbox: str | None) -> "WatchSettings | None":
    watches = settings.watch if settings else ()
    if inbox is None:
        return watches[0] if len(watches) == 1 else None
    wanted = Path(inbox).resolve()
    return next((watch for watch in watches if Path(watch.inbox).resolve() == wanted), None)


def _owner_outbox(inbox: Path) -> str | None:
    """Return the outbox that the daemon of this inbox has written down, None where it has not.

    Anybody may write there; and what is a path on the daemon's host may be none on this one.
    """
    try:
        with (inbox / ".reeldrop" / "owner.json").open("rb") as file:
            owner = json.loads(file.read(OWNER_MAX))
    except (OSError, ValueError, RecursionError):
        return None
    outbox = cast("Mapping[str, Any]", owner).get("outbox") if isinstance(owner, dict) else None
    good = isinstance(outbox, str) and outbox.isprintable() and Path(outbox).is_absolute()
    return outbox if good else None
