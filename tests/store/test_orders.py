"""Orders of people in the store: left, begun once, answered, taken back."""

from reeldrop.domain.job import JobId
from reeldrop.domain.lifecycle import Event, State
from reeldrop.settings import StoreSettings
from reeldrop.store import open_desk
from store.conftest import JobMaker, Opener, StillClock


async def test_an_order_is_begun_once_and_answered(
    open_again: Opener, settings: StoreSettings, clock: StillClock
) -> None:
    """A crash between the two must not let it be done twice."""
    store = await open_again()
    with open_desk(settings) as desk:
        number = desk.place("retry", {"jobs": ["a\udcff"]}, clock.now())
        [order] = await store.orders()
        assert (order.n, order.kind, order.args) == (number, "retry", {"jobs": ["a\udcff"]})
        assert desk.answer(number) is None
        assert await store.begin_order(order)
        assert not await store.begin_order(order)
        assert desk.answer(number) == {}
        assert await (await open_again()).orders() == []
        assert not desk.take_back(number)
        await store.answer(order, {"code": 0})
        assert desk.answer(number) == {"code": 0}


async def test_a_number_is_given_to_one_order_alone(
    open_again: Opener, settings: StoreSettings, clock: StillClock
) -> None:
    """A command that takes its order back twice, or asks late, must not meet another's."""
    store = await open_again()
    with open_desk(settings) as desk:
        number = desk.place("cancel", {"jobs": ["a"]}, clock.now())
        [gone] = await store.orders()
        assert desk.take_back(number)
        assert desk.place("pause", {}, clock.now()) > number
        assert not desk.take_back(number)
        assert not await store.begin_order(gone)
        assert [order.kind for order in await store.orders()] == ["pause"]


async def test_an_order_whose_number_was_never_heard_is_taken_back(
    open_again: Opener, settings: StoreSettings, clock: StillClock
) -> None:
    """Somebody pressed Ctrl-C as it was placed; what others ask for stays, and what is begun."""
    store = await open_again()
    with open_desk(settings) as desk, open_desk(settings) as others:
        others.place("pause", {}, clock.now())
        desk.take_back_placed()
        desk.place("cancel", {"jobs": ["a"]}, clock.now())
        desk.take_back_placed()
        [pause] = await store.orders()
        assert pause.kind == "pause"
        assert await store.begin_order(pause)
        others.take_back_placed()
        assert others.answer(pause.n) == {}


async def test_the_orders_of_yesterday_are_forgotten(
    open_again: Opener, settings: StoreSettings, clock: StillClock
) -> None:
    store = await open_again()
    with open_desk(settings) as desk:
        desk.place("pause", {}, clock.now() - 100_000.0)
        desk.place("resume", {}, clock.now())
        assert [order.kind for order in await store.orders()] == ["resume"]


async def test_a_job_that_goes_on_is_wanted_again(open_again: Opener, new_job: JobMaker) -> None:
    """Whoever asks for a lost result wants it, whatever was asked before."""
    store = await open_again()
    job = new_job(id=JobId("a" * 32))
    await store.add([job])
    await store.ask_cancel(job)
    taken = await store.claim_next(job.created)
    assert taken is not None
    failed = await store.move(taken, Event.REFUSED)
    ended = await store.move(failed, Event.PLACED_CANCELLED)
    revived = await store.move(ended, Event.REVIVED)
    assert (revived.state, revived.cancel_asked) == (State.GENERATING, False)
    found = await store.get(job.id)
    assert found is not None
    assert not found.cancel_asked
