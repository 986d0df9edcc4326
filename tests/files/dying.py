"""A child process that dies at its n-th change of the disk: what kill -9 leaves behind.

The interpreter's own profiling hook sees every call of the operating system's functions, so the
code under test needs no hook of its own.
"""

import os
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

DEADLY = {
    "mkdir", "open", "write", "fsync", "link", "unlink", "rmdir", "rename", "replace", "utime",
    "fchmod", "fchown",
}  # fmt: skip
DONE = 7


def survives(step: int, act: Callable[[], object]) -> bool:
    """Run `act` in a child that dies right before its `step`-th change; True when it came through."""
    child = os.fork()
    if child == 0:
        _live(step, act)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    assert code in (0, DONE), f"the child failed with {code}"
    return code == DONE


def _live(step: int, act: Callable[[], object]) -> None:
    left = step

    def watch(frame: FrameType, event: str, called: Any) -> None:
        nonlocal left
        changes = event == "c_call" and called.__module__ == "posix" and called.__name__ in DEADLY
        # renameat2 is reached through ctypes, which the hook does not see: its caller is seen.
        renames = event in ("call", "return") and frame.f_code.co_name == "_rename"
        if changes or renames:
            left -= 1
            if left == 0:
                os._exit(0)

    try:
        sys.setprofile(watch)
        act()
        sys.setprofile(None)
    except BaseException as error:  # noqa: BLE001 - a child of pytest must not run on into pytest
        os.write(2, repr(error).encode())
        os._exit(1)
    os._exit(DONE)
