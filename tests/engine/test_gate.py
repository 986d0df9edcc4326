"""A blocked queue: one clip at a time, each time another, finds out if it is over and how far it reaches."""

from collections.abc import Callable
from typing import Any

import pytest
from structlog.testing import capture_logs

from reeldrop.domain.errors import NotAuthorised, OutOfFunds, ProviderUnavailable, RateLimited
from reeldrop.domain.job import Claim, Job, JobId, RelPath
from reeldrop.domain.limits import Opening
from reeldrop.engine.gate import Gate
from reeldrop.engine.walls import PROBE_INTERVAL
from reeldrop.ports import Barred, Scope

NO_MONEY = OutOfFunds("no money")
OUTAGE = ProviderUnavailable("cannot be reached")


class StillClock:
    """A clock that stands until it is set."""

    time = 1000.0

    def now(self) -> float:
        return self.time

    def monotonic(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.time += seconds


class Desk:
    """A gate, a clock, and the queue as the gate's `choices` would have it."""

    def __init__(self, *jobs: Job) -> None:
        self.clock = StillClock()
        self.gate = Gate(self.clock)
        self.queued = list(jobs)

    def take(self) -> Job | None:
        """Take the first job that is not barred, as the queue does."""
        if self.gate.wait() > 0:
            return None
        for barred in self.gate.choices():
            for job in self.queued:
                if _is_free(job, barred):
                    self.queued.remove(job)
                    self.gate.begin(job)
                    return job
        return None

    def probe(self) -> Job:
        """Take the job that finds out."""
        job = self.take()
        assert job is not None
        return job

    def refuse(self, job: Job | None, error: Any = NO_MONEY) -> None:
        assert job is not None
        self.gate.refuse(job, error)
        self.gate.ended(job)
        self.queued.append(job)

    def after(self, seconds: float) -> "Desk":
        self.clock.time += seconds
        return self


def _is_free(job: Job, barred: Barred) -> bool:
    return (
        job.id not in barred.jobs
        and job.model not in barred.models
        and job.watch not in barred.watches
        and barred.model in ("", job.model)
    )


@pytest.fixture
def job() -> Callable[..., Job]:
    def make(number: int, model: str = "kling", watch: str = "main", **fields: Any) -> Job:
        path = RelPath(f"{number}.mov")
        return Job(
            JobId(f"{number:032x}"), watch, path, path, model, {}, Claim(RelPath("c"), ()),
            path, 0.0, 0.0, **fields,
        )  # fmt: skip

    return make


def test_nothing_is_tried_before_the_interval_is_over(job: Callable[..., Job]) -> None:
    desk = Desk(job(1), job(2))
    desk.refuse(desk.take())
    assert desk.gate.wait() == PROBE_INTERVAL
    assert desk.take() is None
    assert desk.after(PROBE_INTERVAL).take() is not None


def test_one_clip_at_a_time_probes_and_each_time_another(job: Callable[..., Job]) -> None:
    """Eight at once would each upload a whole clip to hear the same refusal."""
    desk = Desk(job(1), job(2), job(3))
    desk.refuse(desk.take())
    tried = []
    for _ in range(2):
        probe = desk.after(PROBE_INTERVAL).take()
        assert desk.take() is None
        desk.refuse(probe)
        tried.append(probe)
    assert [each.path for each in tried if each] == ["2.mov", "3.mov"]


def test_the_only_clip_there_is_probes_itself(job: Callable[..., Job]) -> None:
    desk = Desk(job(1))
    desk.refuse(desk.take())
    again = desk.after(PROBE_INTERVAL).probe()
    assert again == job(1)
    desk.gate.passed(again)
    assert (desk.gate.reason, desk.gate.wait()) == ("", 0.0)
    assert not desk.gate.is_aside(again)


def test_where_another_of_its_model_passes_the_refused_clip_is_set_aside(
    job: Callable[..., Job],
) -> None:
    """Its trouble is its own: it must close the queue for nobody any more."""
    desk = Desk(job(1), job(2))
    desk.refuse(desk.take())
    desk.gate.passed(desk.after(PROBE_INTERVAL).probe())
    assert desk.gate.is_aside(job(1))
    assert desk.gate.reason == ""
    desk.refuse(desk.take())
    assert desk.gate.reason == ""
    assert desk.gate.wait() == 0.0


def test_where_another_model_passes_the_wall_is_that_of_the_refused_ones_model(
    job: Callable[..., Job],
) -> None:
    desk = Desk(job(1), job(2), job(3, "other"), job(4, "other"))
    desk.refuse(desk.take(), NotAuthorised("the key may not use kling"))
    probe = desk.after(PROBE_INTERVAL).probe()
    assert probe == job(3, "other")
    desk.gate.passed(probe)
    [block] = desk.gate.blocks
    assert (block.scope, block.of) == (Scope.MODEL, "kling")
    assert desk.take() == job(4, "other")
    assert desk.take() is None
    probe = desk.after(PROBE_INTERVAL).probe()
    assert probe == job(2)
    desk.gate.passed(probe)
    assert desk.gate.blocks == []
    assert desk.gate.is_aside(job(1))


def test_a_clip_that_was_on_its_way_before_the_trouble_proves_nothing(
    job: Callable[..., Job],
) -> None:
    """The last money may have gone to it: the refused clip is not to blame."""
    desk = Desk(job(1), job(2))
    early, refused = desk.probe(), desk.probe()
    desk.after(1.0).refuse(refused)
    desk.gate.passed(early)
    assert desk.gate.reason == "no money"
    assert not desk.gate.is_aside(job(2))


def test_an_outage_is_asked_after_soon_and_then_ever_more_seldom(job: Callable[..., Job]) -> None:
    desk = Desk(job(1))
    waits = []
    for _ in range(7):
        desk.refuse(desk.take(), OUTAGE)
        waits.append(desk.gate.wait())
        desk.after(waits[-1])
    assert waits == [1.0, 2.0, 4.0, 8.0, 16.0, PROBE_INTERVAL, PROBE_INTERVAL]


def test_what_the_api_asks_for_is_waited_for(job: Callable[..., Job]) -> None:
    desk = Desk(job(1))
    desk.refuse(desk.take(), RateLimited("slower", retry_after=90.0))
    assert desk.gate.wait() == 90.0


def test_a_burst_of_refusals_is_one_refusal(job: Callable[..., Job]) -> None:
    """A single run gives up after two, half a minute apart, and not at once."""
    desk = Desk(*(job(number) for number in range(8)))
    for taken in [desk.take() for _ in range(8)]:
        desk.refuse(taken)
    assert not desk.gate.gives_up_on(job(1))
    desk.refuse(desk.after(PROBE_INTERVAL).take())
    assert desk.gate.gives_up_on(job(1))


def test_a_submit_that_tells_nothing_lets_another_find_out(job: Callable[..., Job]) -> None:
    desk = Desk(job(1), job(2))
    desk.refuse(desk.take())
    probe = desk.after(PROBE_INTERVAL).probe()
    desk.gate.ended(probe)
    desk.queued.append(probe)
    assert desk.take() is None
    assert desk.after(PROBE_INTERVAL).take() is not None


def test_what_is_asked_again_tries_at_once(job: Callable[..., Job]) -> None:
    desk = Desk(job(1), job(2))
    desk.refuse(desk.take())
    desk.gate.ask_again()
    assert desk.take() is not None


def test_a_probe_that_was_under_way_before_does_not_hold_it_up(job: Callable[..., Job]) -> None:
    """It went with the old key; what it meets says nothing of the new one."""
    desk = Desk(job(1), job(2), job(3))
    desk.refuse(desk.take(), NotAuthorised("no such key"))
    old = desk.after(PROBE_INTERVAL).probe()
    desk.after(1.0).gate.ask_again()
    new = desk.after(1.0).probe()
    desk.refuse(old, NotAuthorised("no such key"))
    assert desk.take() is None
    desk.gate.passed(new)
    assert desk.take() is not None


def test_what_is_refused_after_it_was_asked_again_closes_nothing(job: Callable[..., Job]) -> None:
    """It had begun before; nobody had been refused then."""
    desk = Desk(job(1), job(2), job(3))
    first, second = desk.probe(), desk.probe()
    desk.after(1.0).gate.ask_again()
    desk.after(1.0).refuse(first, NotAuthorised("no such key"))
    probe = desk.probe()
    desk.refuse(second, NotAuthorised("no such key"))
    assert desk.take() is None
    desk.refuse(probe, NotAuthorised("no such key"))
    assert desk.after(PROBE_INTERVAL - 1.0).take() is None
    assert desk.after(1.0).take() is not None


def test_a_pause_holds_until_somebody_resumes(job: Callable[..., Job]) -> None:
    desk = Desk(job(1))
    desk.gate.pause(1000.0)
    assert desk.after(10 * PROBE_INTERVAL).take() is None
    desk.gate.ask_again()
    assert desk.take() is None
    assert "paused" in desk.gate.reason
    desk.gate.resume()
    assert desk.take() is not None


def test_a_store_that_answers_again_opens_what_it_closed_and_nothing_else(
    job: Callable[..., Job],
) -> None:
    desk = Desk(job(1))
    desk.refuse(desk.take())
    desk.gate.close("the store does not answer")
    desk.gate.over()
    assert desk.gate.reason == "no money"


def test_a_short_disk_holds_up_the_watches_that_use_it(job: Callable[..., Job]) -> None:
    desk = Desk(job(1, watch="full"), job(2, watch="other"))
    desk.gate.shortage({"full": "The disk is full."})
    assert desk.take() == job(2, watch="other")
    assert desk.take() is None
    desk.gate.shortage({})
    assert desk.take() == job(1, watch="full")


def test_a_reason_is_logged_when_it_comes_and_when_it_goes(job: Callable[..., Job]) -> None:
    """A block may last a weekend."""
    desk = Desk(job(1), job(2))
    with capture_logs() as logs:
        for _ in range(20):
            desk.refuse(desk.after(PROBE_INTERVAL).take())
        desk.gate.passed(desk.after(PROBE_INTERVAL).probe())
    assert [line["event"] for line in logs] == ["queue.blocked", "queue.unblocked"]


def test_a_limit_is_shown_and_only_a_lasting_one_is_logged(job: Callable[..., Job]) -> None:
    gate = Desk(job(1)).gate
    with capture_logs() as logs:
        gate.limited(Opening(5.0, "rate: at most 60 a minute"))
        assert gate.reason == ""
        gate.limited(Opening(5.0, "budget: spent", lasting=True))
        gate.limited(Opening(5.0, "budget: spent", lasting=True))
    assert gate.reason == "budget: spent"
    assert [line["event"] for line in logs] == ["queue.blocked"]


def test_a_clip_that_alone_is_refused_does_not_keep_the_wall_up_for_the_others(
    job: Callable[..., Job],
) -> None:
    """All were refused in one breath; later only the first one's own trouble is left."""
    desk = Desk(job(1), job(2), job(3))
    for taken in [desk.take() for _ in range(3)]:
        desk.refuse(taken)
    asked = [desk.after(PROBE_INTERVAL).probe()]
    desk.queued.insert(0, asked[0])
    desk.gate.refuse(asked[0], NO_MONEY)
    probe = desk.after(PROBE_INTERVAL).probe()
    assert probe != asked[0]
    desk.gate.passed(probe)
    assert desk.gate.reason == ""


def test_the_wall_of_a_model_is_probed_in_time_however_much_else_goes_on(
    job: Callable[..., Job],
) -> None:
    """Hundreds of other clips may be ahead in the queue."""
    desk = Desk(job(1), *(job(number, "other") for number in range(2, 9)))
    desk.refuse(desk.take())
    desk.gate.passed(desk.after(PROBE_INTERVAL).probe())
    assert desk.after(PROBE_INTERVAL).take() == job(1)
    assert desk.take() == job(3, "other")


def test_that_the_api_asks_for_fewer_requests_sets_no_clip_aside(job: Callable[..., Job]) -> None:
    """It is never the clip's own trouble, even of one that has some."""
    desk = Desk(job(1), job(2), job(3, aside=True))
    desk.refuse(desk.take(), RateLimited("slower"))
    desk.gate.passed(desk.after(1.0).probe())
    assert not desk.gate.is_aside(job(1))
    desk.queued = [job(3, aside=True)]
    assert not desk.gate.refuse(desk.probe(), RateLimited("slower"))
    assert desk.gate.wait() == 1.0


def test_the_inbox_of_a_watch_that_does_not_answer_holds_up_that_watch(
    job: Callable[..., Job],
) -> None:
    """Claims lie in it: each try would fail, and be written down."""
    desk = Desk(job(1, watch="away"), job(2, watch="here"))
    desk.gate.offline("away", "The folder does not answer.")
    assert desk.take() == job(2, watch="here")
    assert desk.take() is None
    assert [(block.scope, block.of) for block in desk.gate.blocks] == [(Scope.WATCH, "away")]
    desk.gate.offline("away", "")
    assert desk.take() == job(1, watch="away")


def test_two_reasons_in_turn_are_logged_once_each(job: Callable[..., Job]) -> None:
    desk = Desk(job(1))
    with capture_logs() as logs:
        for _ in range(5):
            desk.refuse(desk.after(PROBE_INTERVAL).take(), OUTAGE)
            desk.refuse(desk.after(PROBE_INTERVAL).take(), RateLimited("slower"))
    assert len(logs) == 2


def test_what_to_do_is_said_with_the_reason(job: Callable[..., Job]) -> None:
    desk = Desk(job(1))
    desk.refuse(desk.take(), OutOfFunds("no money", hint="Top up the account."))
    assert desk.gate.reason == "no money. Top up the account."


def test_the_end_of_one_probe_does_not_open_a_queue_that_others_were_refused_by(
    job: Callable[..., Job],
) -> None:
    """A new round has begun, so it is the only one that was asked; the account is still empty."""
    desk = Desk(job(1), job(2))
    for taken in [desk.take() for _ in range(2)]:
        desk.refuse(taken)
    probe = desk.after(PROBE_INTERVAL).probe()
    desk.gate.ended(probe)
    desk.gate.forget(probe)
    assert desk.gate.reason == "no money"
    desk.gate.forget(job(2 if probe == job(1) else 1))
    assert desk.gate.reason == ""
