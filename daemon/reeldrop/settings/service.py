"""What a service manager (systemd) tells a daemon by its environment."""

import os
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Service:
    """Where a service manager listens, "" for none, and within how many seconds it wants to hear of us (0: never)."""

    socket: str = ""
    watchdog: float = 0.0


def read_service() -> Service:
    """Read it once; what is meant for another process is not heard."""
    watchdog = 0.0
    usec, pid = os.environ.get("WATCHDOG_USEC", ""), os.environ.get("WATCHDOG_PID", "")
    if usec.isdecimal() and pid in ("", str(os.getpid())):
        watchdog = int(usec) / 1e6
    return Service(os.environ.get("NOTIFY_SOCKET", ""), watchdog)
