"""Tells the service manager how the daemon is (systemd's sd_notify protocol); without one it tells nobody.

What cannot be told is left untold: a service manager that does not listen is no trouble of a clip's.
"""

import socket
import time
from contextlib import suppress

LONGEST_STATUS = 500
"""Characters of the line that `systemctl status` shows."""
START_PATIENCE = 60.0
"""Seconds that a start which still comes on is given each time."""
START_TOLD = 5.0
"""Seconds between two words that it does."""
SIGNS = 3
"""Signs of life in the time that the watchdog waits for one."""


class Notifier:
    """The `Overseer` port: sends datagrams to the socket of a service manager."""

    def __init__(self, address: str, watchdog: float = 0.0) -> None:
        """`address` is the socket's path, with `@` first an abstract one; "" for nobody.

        `watchdog` is within how many seconds it wants a sign of life; 0 for none.
        """
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        self._status = ""
        self._started_on = -START_TOLD
        self.listens = bool(address)
        self.interval = watchdog / SIGNS

    def starting(self) -> None:
        """Say that the start comes on: it may take longer than the service manager's own time-out."""
        now = time.monotonic()
        if now - self._started_on >= START_TOLD:
            self._started_on = now
            self._tell(f"EXTEND_TIMEOUT_USEC={START_PATIENCE * 1e6:.0f}")
            self.status("Starting: looks at the folders, and takes over what was under way.")

    def ready(self) -> None:
        """Say that the daemon works."""
        self._tell("READY=1")

    def reloading(self) -> None:
        """Say that the settings are being read anew; `ready` says that it is done."""
        self._tell(
            f"RELOADING=1\nMONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}"
        )

    def stopping(self) -> None:
        """Say that the daemon is about to end."""
        self._tell("STOPPING=1")
        self.status("Stopping.")

    def alive(self) -> None:
        """Feed the watchdog."""
        if self.interval:
            self._tell("WATCHDOG=1")

    def status(self, line: str) -> None:
        """Show `line` as the daemon's status, if it is another one than before."""
        if line != self._status:
            told = self._tell(f"STATUS={' '.join(line.split())[:LONGEST_STATUS]}")
            # What a busy service manager did not take is told the next time.
            self._status = line if told else ""

    def _tell(self, message: str) -> bool:
        """Say whether it was told."""
        if not self._address:
            return False
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            # Non-blocking: a service manager that is busy must not hold the event loop up.
            sender.setblocking(False)  # noqa: FBT003 - the library's own
            sender.sendto(message.encode(), self._address)
            return True
        return False
