"""`reeldrop demo`: the whole way once, with the real daemon and the stand-in of the API."""

import asyncio
import secrets
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reeldrop.cli import following
from reeldrop.cli.placing import Parcel, place
from reeldrop.domain.errors import StartupError

if TYPE_CHECKING:
    from reeldrop.settings import Settings

PATIENCE = 120.0
"""Seconds after which the demo is said to hang."""
SPEC = {"prompt": "the same hills as a screen print", "duration": 5, "keep_audio": True}
STATE = ".state"


@click.command("demo")
@click.option(
    "--keep",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where its inbox and outbox shall lie; else in a new temporary folder.",
)
@click.pass_context
def command(ctx: click.Context, keep: Path | None) -> None:
    """Make a clip, drop it, restyle it through a stand-in of the API: no key, no network, no cost."""
    folder = (keep or Path(tempfile.mkdtemp(prefix="reeldrop-demo-"))).absolute()
    for name in ("inbox", "outbox", STATE):
        (folder / name).mkdir(parents=True, exist_ok=True)
    ctx.exit(asyncio.run(_demo(folder)))


async def _demo(folder: Path) -> int:
    # The other commands shall not wait for the decoder.
    from reeldrop import app, telemetry  # noqa: PLC0415
    from reeldrop.simulator.footage import make_clip  # noqa: PLC0415

    telemetry.configure("error", to_terminal=True)
    clip = folder / "hills.mov"
    click.echo("Making a clip of hills at sunset …")
    await asyncio.to_thread(make_clip, clip)
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(app.run(_settings(folder), app.Options(simulate=True), stop))
        try:
            end, sight = await asyncio.to_thread(_drop_and_follow, clip, folder)
        finally:
            stop.set()
    return await asyncio.to_thread(_tell, folder, clip, end, sight)


def _settings(folder: Path) -> "Settings":
    """Return settings for the demo's folders, whatever the file and the environment say."""
    from reeldrop.settings import (  # noqa: PLC0415
        LimitSettings,
        Settings,
        StoreSettings,
        WatchSettings,
        WebSettings,
    )

    return Settings(
        node="demo",
        store=StoreSettings(url=f"sqlite:///{folder / STATE / 'reeldrop.db'}"),
        limits=LimitSettings(min_free_disk=0),
        web=WebSettings(listen=""),
        watch=(WatchSettings(inbox=str(folder / "inbox"), outbox=str(folder / "outbox")),),
    )


def _drop_and_follow(clip: Path, folder: Path) -> tuple[int, following.Sight | None]:
    _await_daemon(folder / "outbox" / "_status.json")
    ticket = secrets.token_hex(16)
    spec = {**SPEC, "reeldrop": {"ticket": ticket}}
    placed = place(Parcel(clip, (), spec, clip.stem, ticket), folder / "inbox")
    click.echo(f"Dropped it with its sidecar into {folder / 'inbox'}")
    start = time.monotonic()

    def say(sight: following.Sight) -> None:
        click.echo(f"  {time.monotonic() - start:4.1f} s  {sight.state} {sight.reason}".rstrip())

    follower = following.Follower(folder / "outbox", placed)
    return following.follow(follower, start + PATIENCE, say)


def _await_daemon(status: Path) -> None:
    """Wait until the daemon has looked around: what is dropped then is taken at once."""
    began = time.time()  # noqa: TID251 - compared with a file's time
    deadline = time.monotonic() + PATIENCE
    while not status.exists() or status.stat().st_mtime < began:
        if time.monotonic() > deadline:
            raise StartupError("the demo's daemon did not start")
        time.sleep(0.05)


def _tell(folder: Path, clip: Path, end: int, sight: following.Sight | None) -> int:
    from reeldrop.simulator.restyle import before_after  # noqa: PLC0415

    if sight is None or end != following.DELIVERED:
        click.echo(f"The demo did not get its result: {following.outcome(sight) if sight else ''}")
        click.echo(f"Its folders are kept: {folder}", err=True)
        return end
    result = Path(following.outcome(sight))
    picture = folder / "before-after.png"
    before_after(clip, result, picture)
    click.echo(f"The restyled clip:     {result}")
    click.echo(f"Before and after:      {picture}")
    click.echo(f"The status page:       {folder / 'outbox' / '_status.html'}")
    click.echo("For real: export AIMLAPI_API_KEY=…; reeldrop run --inbox DIR --outbox DIR")
    return end
