"""What `drop` was given becomes parcels, or every fault of it is told before anything is copied."""

import json
import re
import secrets
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from reeldrop.cli.destination import Destination
from reeldrop.cli.placing import Parcel
from reeldrop.cli.tickets import ticket_from
from reeldrop.domain.drop import VIDEO_EXTENSIONS
from reeldrop.domain.paths import extension

IMAGES = frozenset({"png", "jpg", "jpeg", "webp"})
WINDOWS_HAS_NOT = re.compile(
    r'[<>:"|?*\x00-\x1f]|^(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|$)', re.IGNORECASE
)
"""Names that Windows takes for a stream, a device or nothing at all."""


@dataclass(frozen=True, slots=True)
class Given:
    """What the command line gives: `settings` are texts like `key=value`, `ticket_text` a farm's job."""

    clips: Sequence[Path]
    images: Sequence[Path]
    prompt: str | None
    settings: Sequence[str]
    name: str | None
    ticket_text: str | None


def pack(given: Given, destination: Destination) -> list[Parcel]:
    """Return a parcel for each clip.

    Raises:
        click.UsageError: something given is wrong.
        StartupError: a file cannot be read.
    """
    spec = _spec(given.prompt, given.settings)
    _check_single(given, spec)
    _check_files(given, destination)
    _check_spec(spec, given.images, destination)
    return [_parcel(clip, given, spec) for clip in given.clips]


def _spec(prompt: str | None, settings: Sequence[str]) -> dict[str, Any]:
    spec: dict[str, Any] = {} if prompt is None else {"prompt": prompt}
    for setting in settings:
        key, equals, text = setting.partition("=")
        if not equals or not all(key.split(".")):
            raise click.UsageError(f'--set "{setting}": write it as key=value')
        *above, last = key.split(".")
        target = spec
        for part in above:
            target = target.setdefault(part, {})
            if not isinstance(target, dict):
                raise click.UsageError(f'--set "{setting}": {part} is a plain value already')
        # A farm's ticket is often a number; it is a name all the same.
        target[last] = text if key == "reeldrop.ticket" else _value(text)
    if not isinstance(spec.setdefault("reeldrop", {}), dict):
        raise click.UsageError("--set reeldrop: this is an object; set its keys, reeldrop.KEY=V")
    return spec


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _parcel(clip: Path, given: Given, spec: Mapping[str, Any]) -> Parcel:
    name = given.name or clip.stem
    if given.ticket_text is None:
        ticket = spec["reeldrop"].get("ticket") or secrets.token_hex(16)
    else:
        ticket = ticket_from(given.ticket_text, name, [clip, *given.images], spec)
    own = {**spec["reeldrop"], "ticket": ticket}
    return Parcel(clip, given.images, {**spec, "reeldrop": own}, name, str(ticket))


def _check_single(given: Given, spec: Mapping[str, Any]) -> None:
    ticket = "ticket" in spec["reeldrop"]
    if ticket and given.ticket_text is not None:
        raise click.UsageError("--ticket-from and --set reeldrop.ticket: give one of them.")
    if len(given.clips) > 1 and given.name is not None:
        raise click.UsageError("--name goes with one clip.")
    if len(given.clips) > 1 and ticket:
        raise click.UsageError(
            "--set reeldrop.ticket goes with one clip: a ticket is one job. --ticket-from gives each its own."
        )


def _check_files(given: Given, destination: Destination) -> None:
    known = destination.watch.extensions if destination.watch else VIDEO_EXTENSIONS
    faults = [
        *(_file_fault(clip, known, "a clip") for clip in given.clips),
        *(_file_fault(image, IMAGES, "an image") for image in given.images),
        *(_name_fault(given.name or clip.stem) for clip in given.clips),
    ]
    _refuse([fault for fault in faults if fault])


def _file_fault(path: Path, extensions: Sequence[str] | frozenset[str], what: str) -> str:
    if not path.is_file():
        return f"{path} is not there, or is no file"
    if extension(path.name) not in extensions:
        return f"{path} is not {what}: it would have to end in .{', .'.join(sorted(extensions))}"
    return ""


def _name_fault(name: str) -> str:
    if not name or name.startswith((".", "~", "_")) or Path(name).name != name or "\\" in name:
        return f'"{name}" would never be taken as a clip\'s name; give another by --name'
    if sys.platform == "win32" and WINDOWS_HAS_NOT.search(name):
        return f'"{name}" is no name that Windows knows; give another by --name'
    return ""


def _check_spec(spec: Mapping[str, Any], images: Sequence[Path], destination: Destination) -> None:
    """End with every fault of what was given here; what presets may still give is not missed."""
    # Only a drop with something to check waits for the catalogue.
    from reeldrop.cli.validating import faults_of  # noqa: PLC0415

    given = dict(spec)
    if images:
        given["image_list"] = [*given.get("image_list", ()), *(image.name for image in images)]
    defaults = destination.watch.defaults if destination.watch else {}
    _refuse(list(faults_of(given, defaults, destination.inbox, destination.catalogue_dir)))


def _refuse(faults: Sequence[str]) -> None:
    if faults:
        raise click.UsageError("nothing was dropped.\n" + "\n".join(f"  {each}" for each in faults))
