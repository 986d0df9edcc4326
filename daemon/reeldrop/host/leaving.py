"""How a process ends whose libraries may still have threads at work."""

import logging
import os
import sys
from contextlib import suppress


def leave(code: int) -> None:
    """End the process at once with `code`; everything that was said is written out first.

    obstore's threads let go of Python's memory some moments after a transfer has ended. Where the
    interpreter is being taken down by then they abort the process, which a service manager would
    take for a crash (exit code 134; seen with obstore 0.12 and Python 3.11).
    """
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)
