"""A command of the user's: its argv as it stands in the settings, never a shell, and no secret of ours.

All of it runs in a thread, the start too: a program that lies on a share which hangs holds that alone.
"""

import asyncio
import json
import os
import selectors
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from typing import Any

from reeldrop.domain.errors import NotTold, SettingsError
from reeldrop.domain.notices import Notice, Occasion
from reeldrop.domain.paths import printable
from reeldrop.lane import Lane
from reeldrop.settings import NotifySettings

PREFIX = "REELDROP_NOTICE_"
OUTPUT = 2000
"""Bytes of its last words that are kept for the log."""
LOOK = 0.05
"""Seconds between two looks at whether it has ended."""
LAST_WAIT = 5.0
"""Seconds for what was killed to be gone; what hangs in the kernel is left to it."""
TEMPORARY = 75
"""EX_TEMPFAIL: it asks for another try, however often."""
LONGEST_VALUE = 8192
"""Characters of one variable."""


class Command:
    """`ports.Receiver` that runs a program for each notice, one at a time."""

    name = "command"

    def __init__(self, settings: NotifySettings, environment: Mapping[str, str]) -> None:
        """`environment` is all that it sees but for the notice's own. Raises SettingsError."""
        self._argv = (_program(settings.command[0], environment), *settings.command[1:])
        self._limit = settings.command_timeout
        self.occasions: Collection[Occasion] = settings.command_on
        self._environment = environment
        self._lane = Lane("notice-command", 1)
        self._run: _Run | None = None

    def __str__(self) -> str:
        return f"command {self._argv[0]}"

    async def tell(self, notice: Notice) -> bool:
        """Run it once; nothing of it is left when this returns. Raises NotTold."""
        if self._run is not None and not self._run.gone:
            raise NotTold("the command of an earlier notice hangs, and cannot even be killed")
        run = self._run = _Run()
        environment = {**self._environment, **variables(notice)}
        stdin = json.dumps(notice.record).encode() + b"\n"
        try:
            code, said = await self._lane.run(run, self._argv, environment, stdin, self._limit)
        except asyncio.CancelledError:
            run.kill()
            raise
        if code is None:
            raise NotTold(f"the command was killed after {self._limit:g} s{said}", refused=True)
        if code != 0:
            raise NotTold(f"the command ended with {code}{said}", refused=code != TEMPORARY)
        return True

    async def aclose(self) -> None:
        """Let its thread end."""
        self._lane.close()


class _Run:
    """One run of the command. `kill` may come from another thread at any moment."""

    def __init__(self) -> None:
        self.gone = False
        """Whether nothing of it is left, so that the next may begin."""
        self._killed = False
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()

    def __call__(
        self, argv: Sequence[str], environment: Mapping[str, Any], stdin: bytes, limit: float
    ) -> tuple[int | None, str]:
        """Return its exit code, None where it took longer than `limit` s, and its last words. Raises NotTold."""
        try:
            process = self._start(argv, environment, stdin)
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            self.gone = True
            why = error.strerror if isinstance(error, OSError) else type(error).__name__
            raise NotTold(f"the command cannot be started: {why}") from error
        ended, output = _listened(process, time.monotonic() + limit)
        # Before it is waited for: until then its number is nobody else's.
        self.kill()
        with suppress(subprocess.TimeoutExpired):
            process.wait(LAST_WAIT)
            self.gone = True
        return process.returncode if ended else None, _last_words(output)

    def kill(self) -> None:
        """Kill it and all that it has started, unless they have left its session."""
        with self._lock:
            self._killed = True
            if self._process is not None and self._process.returncode is None:
                with suppress(ProcessLookupError, PermissionError):
                    os.killpg(self._process.pid, signal.SIGKILL)

    def _start(
        self, argv: Sequence[str], environment: Mapping[str, Any], stdin: bytes
    ) -> subprocess.Popen[bytes]:
        # A file in memory: a program that reads nothing holds nobody up.
        with os.fdopen(os.memfd_create("notice"), "w+b") as notice:
            notice.write(stdin)
            notice.seek(0)
            process = subprocess.Popen(  # noqa: S603 - an argv of the settings, which alone name it
                argv,
                stdin=notice,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                cwd="/",
                env=environment,
                start_new_session=True,
            )
        with self._lock:
            self._process = process
        if self._killed:
            self.kill()
        return process


def _listened(process: subprocess.Popen[bytes], until: float) -> tuple[bool, bytes]:
    """Return whether it has ended by `until` (monotonic s), and the end of what it said; it is not reaped."""
    output = bytearray()
    out = process.stdout
    if out is None:
        raise AssertionError("it was started with a pipe")
    os.set_blocking(out.fileno(), False)
    with out, selectors.DefaultSelector() as selector:
        selector.register(out, selectors.EVENT_READ)
        while not (ended := _has_ended(process)) and time.monotonic() < until:
            if not selector.get_map():
                time.sleep(LOOK)
            elif selector.select(LOOK) and not _read(out.fileno(), output):
                selector.unregister(out)
        _read(out.fileno(), output)
    return ended, bytes(output)


def _read(descriptor: int, output: bytearray) -> bool:
    """Read what there is now, and keep the end of it; False where there will be nothing more."""
    with suppress(BlockingIOError):
        chunk = os.read(descriptor, 65_536)
        output += chunk
        del output[:-OUTPUT]
        return bool(chunk)
    return True


def _has_ended(process: subprocess.Popen[bytes]) -> bool:
    flags = os.WEXITED | os.WNOHANG | os.WNOWAIT
    try:
        return os.waitid(os.P_PID, process.pid, flags) is not None
    except ChildProcessError:
        # Whoever started the daemon had it ignore the ends of its children: nothing is left of this one.
        return True


def _last_words(output: bytes) -> str:
    said = printable(" ".join(output.decode("utf-8", "backslashreplace").split()))
    return f": {said}" if said else ""


def _program(name: str, environment: Mapping[str, str]) -> str:
    found = shutil.which(name, path=environment["PATH"])
    if found is None:
        where = "is not there, or not executable" if "/" in name else "is nowhere in PATH"
        raise SettingsError(f"notify.command: {printable(name)} {where}")
    return found


def variables(notice: Notice) -> dict[str, bytes]:
    """Return what a command hears of a notice by its environment: docs/notices.md."""
    record = notice.record
    job, block = record["job"] or {}, record["block"] or {}
    error, cost = job.get("error") or {}, job.get("cost") or {}
    told = {
        "ID": notice.id,
        "EVENT": record["event"],
        "AT": record["at"],
        "NODE": record["node"],
        "WATCH": record["watch"],
        "MESSAGE": notice.message,
        "JOB": job.get("id"),
        "PATH": job.get("path"),
        "STATE": job.get("state"),
        "MODEL": job.get("model"),
        "FOLDER": record["folder"],
        "RESULT": record["result"],
        "ERROR": error.get("code"),
        "USD": cost.get("usd"),
        "REASON": block.get("reason") or job.get("reason"),
    }
    return {PREFIX + name: _bytes(value) for name, value in told.items()}


def _bytes(value: object) -> bytes:
    """Return a value as a variable can hold it: a path as the bytes that the file system has."""
    text = "" if value is None else str(value)[:LONGEST_VALUE].replace("\0", "")
    try:
        return os.fsencode(text)
    except UnicodeEncodeError:
        return text.encode("utf-8", "backslashreplace")
