"""What the system and the keyboard tell the daemon."""

import asyncio
import os
import signal
import threading
from collections.abc import Callable

LONGEST_STOP = 9.0
"""Seconds from a signal to the end: a share that hangs in the kernel must not hold the process."""


def stop_on_signals(hang_up: Callable[[], None] | None = None) -> asyncio.Event:
    """Return an event that SIGTERM or SIGINT sets; a second SIGINT ends the process at once.

    SIGHUP calls `hang_up`; without one it stops the daemon too, as it ends a program whose terminal
    is closed. From the first of them the process has LONGEST_STOP seconds to end, then it is ended.

    Called in the running loop, once. SIGIO is ignored from then on: file leases send it, and its
    default action would end the process.
    """
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    signal.signal(signal.SIGIO, signal.SIG_IGN)
    loop.add_signal_handler(signal.SIGTERM, _stop, stop)
    loop.add_signal_handler(signal.SIGINT, _interrupt, loop, stop)
    if hang_up is None:
        loop.add_signal_handler(signal.SIGHUP, _stop, stop)
    else:
        loop.add_signal_handler(signal.SIGHUP, hang_up)
    return stop


def ignore_hang_ups() -> None:
    """Let SIGHUP do nothing while no loop runs: before its first turn and after its last."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)


def _stop(stop: asyncio.Event) -> None:
    if not stop.is_set():
        stop.set()
        end = threading.Timer(LONGEST_STOP, os._exit, [0])
        end.daemon = True
        end.start()


def _interrupt(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    _stop(stop)
    loop.remove_signal_handler(signal.SIGINT)
    loop.add_signal_handler(signal.SIGINT, _end_now)


def _end_now() -> None:
    """End as an interrupted program does; the store is the memory, nothing needs to be said."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGINT)
