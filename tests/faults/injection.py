"""System calls of a running daemon that fail on command: strace, attached and detached again."""

import asyncio
import os
import shutil
import signal
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from acceptance.world import Site, eventually

SYNC = ("fsync", "fdatasync")
RENAME = ("rename", "renameat", "renameat2")


@asynccontextmanager
async def failing(
    site: Site, calls: Sequence[str], error: str, *paths: Path, when: str = "1+"
) -> AsyncGenerator[Path, None]:
    """Let `calls` that touch one of `paths` fail with `error` while the block runs.

    Yields the file in which strace notes each of them. Skips the test without strace.
    """
    if shutil.which("strace") is None:
        pytest.skip("there is no strace here")
    assert site.process is not None
    notes = site.config.with_name(f"strace-{os.urandom(4).hex()}.txt")
    only = [part for path in paths for part in ("-P", str(path))]
    tracer = await asyncio.create_subprocess_exec(
        "strace", "-f", "-qq", "-e", "signal=none", "-o", notes,
        "-e", f"trace={','.join(calls)}", *only,
        "-e", f"inject={','.join(calls)}:error={error}:when={when}",
        "-p", str(site.process.pid), stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    pid = site.process.pid
    try:
        await eventually(lambda: _is_traced(pid) or tracer.returncode is not None)
        if tracer.returncode is not None:
            _, errors = await tracer.communicate()
            pytest.skip(f"strace may not attach here: {errors.decode().strip()}")
        yield notes
    finally:
        if tracer.returncode is None:
            with suppress(ProcessLookupError):
                tracer.send_signal(signal.SIGTERM)
        await tracer.wait()


def injected(notes: Path) -> int:
    """Return how many calls were made to fail."""
    return notes.read_text().count("(INJECTED)") if notes.exists() else 0


def _is_traced(pid: int) -> bool:
    """Say whether a tracer has every thread of the process."""
    threads = Path(f"/proc/{pid}/task").glob("*/status")
    return all("TracerPid:\t0\n" not in status.read_text() for status in threads)
