"""A blocked queue: one clip at a time finds out whether the trouble is over."""

from reeldrop.engine.gate import PROBE_INTERVAL, Gate


class StillClock:
    """A clock that stands until it is set."""

    time = 1000.0

    def now(self) -> float:
        return self.time

    def monotonic(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.time += seconds


def test_nothing_is_tried_before_the_interval_is_over() -> None:
    clock = StillClock()
    gate = Gate(clock)
    assert gate.wait() == 0
    gate.close("no money")
    assert gate.wait() == PROBE_INTERVAL
    clock.time += PROBE_INTERVAL
    assert gate.wait() == 0


def test_one_clip_at_a_time_probes() -> None:
    """Eight at once would each upload a whole clip to hear the same refusal."""
    clock = StillClock()
    gate = Gate(clock)
    gate.close("no money")
    clock.time += PROBE_INTERVAL
    gate.begin()
    assert gate.wait() > 0
    gate.told(passed=False)
    assert gate.wait() == PROBE_INTERVAL


def test_a_clip_that_is_taken_up_opens_it_for_all() -> None:
    gate = Gate(StillClock())
    gate.close("no money")
    gate.begin()
    gate.told(passed=True)
    assert (gate.wait(), gate.reason, gate.refusals) == (0, "", 0)


def test_a_clip_that_was_under_way_before_changes_nothing_by_failing() -> None:
    """Jobs taken before the refusal end after it."""
    clock = StillClock()
    gate = Gate(clock)
    gate.begin()
    gate.close("no money")
    clock.time += PROBE_INTERVAL / 2
    gate.told(passed=False)
    assert gate.wait() == PROBE_INTERVAL / 2


def test_a_burst_of_refusals_is_one_refusal() -> None:
    """A single run gives up after two, half a minute apart."""
    clock = StillClock()
    gate = Gate(clock)
    gate.close("no money")
    gate.close("no money")
    assert gate.refusals == 1
    clock.time += PROBE_INTERVAL
    gate.close("no money")
    assert gate.refusals == 2


def test_a_trouble_that_has_ended_opens_what_it_closed_and_nothing_else() -> None:
    gate = Gate(StillClock())
    gate.close("the disk is full")
    gate.over("the store does not answer")
    assert gate.reason
    gate.over("the disk is full")
    assert not gate.reason
