"""What is counted of jobs, and what is not."""

from dataclasses import replace

import pytest

from reeldrop.domain.job import Claim, Job, JobId, RelPath
from reeldrop.domain.lifecycle import Event, State
from reeldrop.telemetry.metrics import Counters

NEW = Job(
    id=JobId("0" * 32), watch="main", path=RelPath("a.mov"), folder=RelPath("a"), model="m", params={},
    claim=Claim(RelPath(""), ()), source_key="a", created=0.0, updated=100.0,
)  # fmt: skip


def move(counters: Counters, one: Job, state: State, event: str, at: float) -> Job:
    moved = replace(one, state=state, updated=at)
    counters.recorded(one.state, moved, event)
    return moved


def value(counters: Counters, name: str, **labels: str) -> float | None:
    return counters.registry.get_sample_value(name, labels)


def test_a_state_lasts_from_its_arrow_to_the_next() -> None:
    """What is written of a job in between, as a new reason, ends no state."""
    counters = Counters(["main"])
    counters.recorded(None, NEW, "added")
    waits = replace(NEW, updated=130.0)
    counters.recorded(State.QUEUED, waits, "waiting")
    taken = move(counters, waits, State.UPLOADING, Event.TAKEN, 160.0)
    move(counters, taken, State.SUBMITTING, Event.DECLARED, 162.5)
    assert value(counters, "reeldrop_job_state_seconds_sum", state="queued") == 60.0
    assert value(counters, "reeldrop_job_state_seconds_sum", state="uploading") == 2.5


def test_a_state_that_an_earlier_daemon_began_is_not_measured() -> None:
    counters = Counters(["main"])
    old = replace(NEW, state=State.GENERATING)
    move(counters, old, State.DOWNLOADING, Event.COMPLETED, 500.0)
    assert value(counters, "reeldrop_job_state_seconds_count", state="generating") == 0


def test_a_clock_that_goes_back_takes_nothing_away() -> None:
    """A counter that falls would look like a restart."""
    counters = Counters(["main"])
    counters.recorded(None, NEW, "added")
    move(counters, NEW, State.UPLOADING, Event.TAKEN, 20.0)
    assert value(counters, "reeldrop_job_state_seconds_sum", state="queued") == 0


@pytest.mark.parametrize(
    ("was", "event", "state", "verdict"),
    [
        (State.SUBMITTING, Event.ACCEPTED, State.GENERATING, "accepted"),
        (State.UNCERTAIN, Event.ACCEPTED, State.GENERATING, "accepted"),
        (State.SUBMITTING, Event.NOT_ACCEPTED, State.QUEUED, "not_accepted"),
        (State.UPLOADING, Event.RETURNED, State.QUEUED, "returned"),
        (State.SUBMITTING, Event.OUTCOME_UNKNOWN, State.UNCERTAIN, "unknown"),
        (State.UNCERTAIN, Event.FREED, State.QUEUED, "freed"),
        (State.SUBMITTING, Event.REFUSED, State.DELIVERING, "refused"),
        (State.GENERATING, Event.REFUSED, State.DELIVERING, None),
        (State.UNCERTAIN, Event.CANCEL, State.DELIVERING, None),
    ],
)
def test_a_submit_is_counted_by_what_became_of_it(
    was: State, event: Event, state: State, verdict: str | None
) -> None:
    counters = Counters(["main"])
    counters.recorded(was, replace(NEW, state=state), event)
    verdicts = ("accepted", "refused", "not_accepted", "returned", "unknown", "freed")
    counted = {each: value(counters, "reeldrop_submits_total", verdict=each) for each in verdicts}
    assert {each for each, number in counted.items() if number} == ({verdict} - {None})


def test_a_drop_is_counted_each_time_it_is_taken() -> None:
    """Its clip was replaced before it was sent: it is withdrawn, judged anew, and taken as it is then."""
    counters = Counters(["main"])
    for event in ("claimed", "withdrawn"):
        counters.recorded(State.QUEUED, NEW, event)
    counters.recorded(State.QUEUED, replace(NEW, id=JobId("1" * 32)), "claimed")
    assert value(counters, "reeldrop_drops_total", watch="main", outcome="taken") == 2


def test_what_was_counted_of_jobs_that_have_gone_is_not_kept() -> None:
    """A daemon runs for months."""
    counters = Counters(["main"])
    for n in range(100):
        one = replace(NEW, id=JobId(f"{n:032x}"))
        counters.recorded(None, one, "added")
        if n % 2:
            counters.recorded(State.QUEUED, one, "withdrawn")
        else:
            ends = move(counters, one, State.DELIVERING, Event.REFUSED, 101.0)
            move(counters, ends, State.FAILED, Event.PLACED_FAILED, 102.0)
    assert not counters._since
    assert value(counters, "reeldrop_drops_total", watch="main", outcome="refused") == 50
    assert value(counters, "reeldrop_jobs_ended_total", watch="main", state="failed") == 50
