"""Sets structlog and the standard library's logging up as one river of events."""

import logging
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Self

import structlog

from reeldrop.telemetry.folder_log import Dress, FolderLog
from reeldrop.telemetry.redaction import Redactor

QUIET = ("httpx", "httpcore", "watchdog", "asyncio", "PIL", "libav")
"""Libraries whose chatter nobody asked for; they are heard from warning on."""
LAST_LINES = 2.0
"""Seconds that all outboxes together get for the last lines when the daemon ends."""

# One for the process, like the logging that it stands in: a secret is one for every log.
_redactor = Redactor()
_shared: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
    structlog.processors.StackInfoRenderer(),
    structlog.processors.format_exc_info,
]


class Logs:
    """The open logs of the outboxes; a context manager that closes them."""

    def __init__(self, handlers: Sequence[FolderLog]) -> None:
        self._handlers = handlers

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Write what is left; folders that hang are left after LAST_LINES seconds in all."""
        for handler in self._handlers:
            logging.getLogger().removeHandler(handler)
            handler.end()
        until = time.monotonic() + LAST_LINES
        for handler in self._handlers:
            handler.join(max(0.0, until - time.monotonic()))
            handler.close()


def configure(level: str, *, to_terminal: bool) -> None:
    """Send every event to standard error: as JSON lines, or to be read when `to_terminal`.

    `level` is debug, info, warning or error.
    """
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_shared,
            _redactor,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    console = logging.StreamHandler(sys.stderr)
    console.setFormatter(_formatter(to_terminal=to_terminal))
    logging.getLogger().handlers[:] = [console]
    set_level(level)
    logging.captureWarnings(capture=True)
    # A full or closed standard error is no reason to write tracebacks to standard error.
    logging.raiseExceptions = False


def set_level(level: str) -> None:
    """Let every log say no less than `level` from now on: debug, info, warning or error."""
    root = logging.getLogger()
    root.setLevel(level.upper())
    for name in QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))


def hide(secrets: Iterable[str]) -> None:
    """Let none of `secrets` appear in any log from now on."""
    for secret in secrets:
        _redactor.hide(secret)


def open_logs(
    node: str, outboxes: Iterable[Path], *, sign: str = "", dress: Dress = lambda _: None
) -> Logs:
    """Write every event to `_logs/<node>.jsonl` of each outbox too, until the logs are closed.

    Folders are touched by threads alone: this returns at once, and nothing of it can hang or fail.
    An outbox that does not hold the file `sign` is one that is not there. `dress` gives what is made
    in it its permission bits and group.
    """
    handlers = [
        FolderLog(outbox, node, sign=sign, dress=dress) for outbox in dict.fromkeys(outboxes)
    ]
    for handler in handlers:
        handler.setFormatter(_formatter(to_terminal=False))
        logging.getLogger().addHandler(handler)
    return Logs(handlers)


def _formatter(*, to_terminal: bool) -> logging.Formatter:
    renderer = (
        structlog.dev.ConsoleRenderer(
            timestamp_key="at",
            colors=sys.stderr.isatty(),
            exception_formatter=structlog.dev.plain_traceback,
        )
        if to_terminal
        else structlog.processors.JSONRenderer()
    )
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=_shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            _redactor,
            renderer,
        ],
    )
