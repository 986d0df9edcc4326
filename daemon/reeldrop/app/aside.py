"""Steps that may hang, in threads that may be left behind."""

from collections.abc import Callable
from typing import ParamSpec, TypeVar

from reeldrop.lane import Lane

P = ParamSpec("P")
T = TypeVar("T")


async def aside(step: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Return what `step` returns or raises; it has a thread of its own, which may be left behind."""
    lane = Lane("aside", 1)
    outcome = lane.begin(step, *args, **kwargs)
    lane.close()
    return await outcome
