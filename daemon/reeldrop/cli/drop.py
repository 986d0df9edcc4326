"""`reeldrop drop`: puts clips into an inbox, safely, and waits for them where asked."""

import json
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from reeldrop.cli import following
from reeldrop.cli.destination import Destination, destination_of
from reeldrop.cli.options import config_options, json_option, print_json
from reeldrop.cli.placing import Parcel, Placed, place
from reeldrop.cli.tickets import Known, known_of
from reeldrop.domain.paths import extension
from reeldrop.settings import VIDEO_EXTENSIONS

IMAGES = frozenset({"png", "jpg", "jpeg", "webp"})


@click.command("drop")
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
@click.option("--wait", is_flag=True, help="Wait for the end; the exit code tells which.")
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
    timeout: float | None,
    *,
    wait: bool,
    as_json: bool,
) -> None:
    """Put each CLIP into the inbox under a hidden name, then rename it: it is never seen half."""
    destination = destination_of(config, inbox, outbox)
    if wait and destination.outbox is None:
        raise click.UsageError("where do results come? Give --outbox, or settings with this inbox.")
    spec = _spec(prompt, settings)
    _check_single(clips, name, spec)
    _check_files(clips, images, name, destination)
    _check_spec(spec, images, destination)
    until = None if timeout is None else time.monotonic() + timeout
    drops: list[Dropped] = []
    for clip in clips:
        drops.append(_dropped(_parcel(clip, images, spec, name), destination))
        if not as_json:
            click.echo(f"{clip} {drops[-1].told}", err=wait)
    ends: list[End] = []
    if wait and destination.outbox:
        ends = [_follow(each, destination.outbox, until) for each in drops]
    if as_json:
        print_json({"drops": [_record(each, ends) for each in drops]})
    elif wait:
        _tell(ends)
    ctx.exit(max((end.code for end in ends), default=0))


# ---------------------------------------------------------------------------- what


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


def _parcel(
    clip: Path, images: Sequence[Path], spec: Mapping[str, Any], name: str | None
) -> Parcel:
    ticket = spec["reeldrop"].get("ticket") or secrets.token_hex(16)
    own = {**spec["reeldrop"], "ticket": ticket}
    return Parcel(clip, images, {**spec, "reeldrop": own}, name or clip.stem, str(ticket))


def _check_single(clips: Sequence[Path], name: str | None, spec: Mapping[str, Any]) -> None:
    if len(clips) > 1 and name is not None:
        raise click.UsageError("--name goes with one clip.")
    if len(clips) > 1 and "ticket" in spec["reeldrop"]:
        raise click.UsageError("--set reeldrop.ticket goes with one clip: a ticket is one job.")


def _check_files(
    clips: Sequence[Path], images: Sequence[Path], name: str | None, destination: Destination
) -> None:
    known = destination.watch.extensions if destination.watch else VIDEO_EXTENSIONS
    faults = [
        *(_file_fault(clip, known, "a clip") for clip in clips),
        *(_file_fault(image, IMAGES, "an image") for image in images),
        *(_name_fault(name or clip.stem) for clip in clips),
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


# ---------------------------------------------------------------------------- the drop


@dataclass(frozen=True, slots=True)
class Dropped:
    """A drop that was placed now, or the earlier one of the same ticket in its place."""

    placed: Placed
    known: Known

    @property
    def told(self) -> str:
        """What became of the clip, as what follows its name."""
        if self.known.earlier is None:
            return f"lies as {self.placed.clip}"
        return f"was not dropped: its ticket {self.placed.ticket} is {self.known.state} already"


def _dropped(parcel: Parcel, destination: Destination) -> Dropped:
    known = known_of(parcel, destination.inbox, destination.outbox)
    return Dropped(known.earlier or place(parcel, destination.inbox), known)


# ---------------------------------------------------------------------------- the end


@dataclass(frozen=True, slots=True)
class End:
    """How the wait for one drop ended: the exit code, and the last that was seen of it."""

    drop: Dropped
    code: int
    sight: following.Sight | None

    @property
    def outcome(self) -> str | None:
        """The path of the result or the text of the failure; None where there is neither yet."""
        ended = self.sight is not None and self.sight.end is not None
        return following.outcome(self.sight) if self.sight and ended else None


def _follow(drop: Dropped, outbox: Path, until: float | None) -> End:
    def say(sight: following.Sight) -> None:
        reason = f": {sight.reason}" if sight.reason else ""
        click.echo(f"{drop.placed.clip.name}: {sight.state}{reason}", err=True)

    follower = following.Follower(outbox, drop.placed, drop.known.past)
    return End(drop, *following.follow(follower, until, say))


def _tell(ends: Sequence[End]) -> None:
    """Print results on standard output, alone: a script takes them from there."""
    for end in ends:
        if end.code == following.TIMED_OUT:
            state = end.sight.state if end.sight else "not taken yet"
            text = f"{end.drop.placed.clip.name}: the time is up; it is {state}, and goes on."
        else:
            text = end.outcome or ""
        click.echo(text, err=end.code != following.DELIVERED)


def _record(drop: Dropped, ends: Sequence[End]) -> dict[str, Any]:
    record: dict[str, Any] = {
        "clip": str(drop.placed.clip),
        "sidecar": str(drop.placed.sidecar),
        "ticket": drop.placed.ticket,
        "placed": drop.known.earlier is None,
    }
    for end in ends:
        if end.drop is drop:
            state = end.sight.state if end.sight else None
            record |= {"state": state, "exit_code": end.code, "outcome": end.outcome}
    return record
