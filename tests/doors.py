"""Ports for servers that are started later, or stopped and started again."""

import random
import socket
from contextlib import closing, suppress

FIRST, LAST = 12_000, 31_999
"""Below those that the kernel gives to whoever asks for any: no client of a neighbour takes one meanwhile."""


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on."""
    while True:
        port = random.SystemRandom().randint(FIRST, LAST)
        with suppress(OSError), closing(socket.create_server(("127.0.0.1", port))):
            return port
