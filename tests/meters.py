"""What counts a file where a test wants no count: the daemon's own meter, without a bandwidth."""

from reeldrop.domain.job import JobId
from reeldrop.engine.transfers import JobMeter, Pace
from reeldrop.host.clock import SystemClock
from reeldrop.ports import Direction


def meter(direction: Direction = Direction.UPLOAD) -> JobMeter:
    """Return a meter of no job's."""
    clock = SystemClock()
    return JobMeter(JobId("0" * 32), "a.mp4", direction, clock, Pace(clock, 0))
