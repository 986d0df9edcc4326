"""One transfer in a process of its own, for `transfers.py`: prints what it cost as JSON."""

import asyncio
import json
import sys
import time
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from meters import meter
from reeldrop.host.clock import SystemClock
from reeldrop.host.leaving import leave
from reeldrop.ports import Direction, SubmitRequest, Upload
from reeldrop.provider.client import HttpProvider
from reeldrop.provider.clients import Timeouts
from reeldrop.settings import UploadSettings
from reeldrop.upload.data_uri import DataUri
from reeldrop.upload.local import LocalFile
from reeldrop.upload.object_store import ObjectStore


def memory(name: str) -> float:
    """Return a line of the process's status in MB: VmRSS or VmHWM, its peak."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1]) / 1024
    return 0.0


class Stalls:
    """Notes the longest time for which the event loop did not come round."""

    worst = 0.0

    async def watch(self) -> None:
        """Look a thousand times a second."""
        while True:
            before = time.perf_counter()
            await asyncio.sleep(0.001)
            self.worst = max(self.worst, time.perf_counter() - before - 0.001)


async def submit(provider: HttpProvider, file: str) -> None:
    """Send the file inside a request."""

    async def allowed(*_: object) -> None:
        pass

    value = DataUri(await LocalFile.of(Path(file)), meter())
    await provider.submit(SubmitRequest("m", {"video_url": value}, "r"), allowed, allowed)


async def fetch(provider: HttpProvider, url: str, to: str) -> None:
    """Fetch what is there."""
    await provider.fetch(f"{url}/r", Path(to), meter(Direction.DOWNLOAD))


async def put(store: ObjectStore, file: str) -> None:
    """Send the file to an object store."""
    local = await LocalFile.of(Path(file))
    await store.put(Upload("0" * 32, "", file, "", local.size, "video/mp4"), local, meter())


def boto3(options: str, file: str) -> None:
    """Send it by the peer."""
    from boto3 import client  # noqa: PLC0415 - only here, where it is installed
    from boto3.s3.transfer import TransferConfig  # noqa: PLC0415

    asked = json.loads(options)
    s3 = client(
        "s3",
        endpoint_url=asked["endpoint"],
        region_name=asked["region"],
        aws_access_key_id=asked["access_key_id"],
        aws_secret_access_key=asked["secret_access_key"],
    )
    parts = TransferConfig(multipart_chunksize=5 * 1024 * 1024, max_concurrency=4)
    s3.upload_file(file, "bench", "peer.mp4", Config=parts)


async def measured(what: str, args: list[str]) -> dict[str, float]:
    """Do it once, with everything open that a daemon has open; return what it cost."""
    stalls = Stalls()
    watching = asyncio.ensure_future(stalls.watch())
    if what == "put":
        opened = ObjectStore(UploadSettings(object_store="s3://bench"), json.loads(args[0]))
        step = partial(put, opened, args[1])
    else:
        provider = HttpProvider(args[0], "", "bench", SystemClock(), Timeouts())
        # What is imported by the first request of a daemon's life is not a transfer's.
        await submit(provider, __file__)
        step = (
            partial(submit, provider, args[1])
            if what == "submit"
            else partial(fetch, provider, *args)
        )
    await asyncio.sleep(0.05)
    stalls.worst, idle, began = 0.0, memory("VmHWM"), time.perf_counter()
    await step()
    took = time.perf_counter() - began
    watching.cancel()
    return {
        "seconds": took,
        "peak_mb": memory("VmHWM") - idle,
        "stall_ms": stalls.worst * 1000,
    }


def main() -> None:
    """Do what is asked."""
    what, *args = sys.argv[1:]
    if what == "boto3":
        import boto3 as _  # noqa: PLC0415, F401 - its import is not measured

        began = time.perf_counter()
        boto3(*args)
        print(json.dumps({"seconds": time.perf_counter() - began}))
        return
    print(json.dumps(asyncio.run(measured(what, args))), flush=True)
    leave(0)


if __name__ == "__main__":
    main()
