"""`reeldrop simulate`: the stand-in of the API on its own."""

import asyncio
import signal
import tempfile
from pathlib import Path

import click

from reeldrop.domain.errors import StartupError
from reeldrop.simulator import Simulator, serve_forever


@click.command("simulate")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=0,
    show_default="any free one",
    metavar="P",
    help="Where it answers, on this host alone.",
)
def command(port: int) -> None:
    """Run the stand-in of the API until it is interrupted. It costs nothing and takes any key."""
    with tempfile.TemporaryDirectory(prefix="reeldrop-simulator-") as folder:
        asyncio.run(_serve(Simulator(Path(folder), port=port)))


async def _serve(simulator: Simulator) -> None:
    serving = asyncio.ensure_future(serve_forever(simulator, _announce))
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, serving.cancel)
    try:
        await serving
    except asyncio.CancelledError:
        return
    except OSError as error:
        raise StartupError(f"the port cannot be had: {error}") from error


def _announce(simulator: Simulator) -> None:
    click.echo(
        f"The stand-in answers at {simulator.base_url}\n\n"
        "Point a daemon at it, in another terminal:\n"
        f"  REELDROP_API__BASE_URL={simulator.base_url} AIMLAPI_API_KEY=any \\\n"
        "    reeldrop run --inbox DIR --outbox DIR\n\n"
        "Ctrl-C ends it."
    )
