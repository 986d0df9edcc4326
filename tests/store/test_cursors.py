"""How far receivers have been told: rows of the journal, counted once and never skipped."""

import pytest

from reeldrop.domain.lifecycle import Event
from reeldrop.store import cursors

EVENTS = ("taken", "declared")


async def test_a_new_receiver_begins_at_the_end_and_a_known_one_where_it_was(
    open_again, new_job
) -> None:
    store = await open_again()
    assert await store.open_cursors(["a"]) == {"a": 0}
    await store.add([new_job(), new_job()])
    assert await store.open_cursors(["a", "b"]) == {"a": 0, "b": 2}
    await store.set_cursor("a", 1)
    store = await open_again()
    assert await store.open_cursors(["a", "b"]) == {"a": 1, "b": 2}
    await store.open_cursors(["b"])
    assert await store.open_cursors(["a", "b"]) == {"a": 2, "b": 2}
    await store.set_cursor("b", None)
    await store.add([new_job()])
    assert await store.open_cursors(["a", "b"]) == {"a": 2, "b": 3}


async def test_one_that_is_farther_than_the_journal_begins_at_its_end(open_again, new_job) -> None:
    """The store was put back from an older copy: what happens from now on is told all the same."""
    store = await open_again()
    await store.open_cursors(["a"])
    await store.set_cursor("a", 1_000_000)
    await store.add([new_job()])
    assert await store.open_cursors(["a"]) == {"a": 1}


@pytest.mark.parametrize("stretch", [1, 2, 5000])
async def test_the_journal_is_read_to_its_end_in_stretches(
    store, new_job, clock, monkeypatch, stretch
) -> None:
    monkeypatch.setattr(cursors, "STRETCH", stretch)
    await store.add([new_job(), new_job()])
    taken = [await store.claim_next(clock.now()) for _ in range(2)]
    await store.move(taken[0], Event.DECLARED)
    found, after = [], 0
    while True:
        more, upto = await store.happenings(after, EVENTS)
        if upto == after:
            break
        assert upto - after <= stretch
        found, after = found + more, upto
    assert more == []
    assert [each.event for each in found] == ["taken", "taken", "declared"]
    assert [each.job for each in found] == [taken[0].id, taken[1].id, taken[0].id]
    assert sorted(each.n for each in found) == [each.n for each in found]
    assert found[0].at == clock.now()
    assert await store.happenings(0, ()) == ([], min(stretch, 5))


async def test_the_last_row_of_the_journal_is_never_removed(
    store, new_job, clock, monkeypatch
) -> None:
    """Else its number would be given to another row, which a receiver that is told so far never hears of."""
    monkeypatch.setattr("reeldrop.store.repeats.RATE_WINDOW", -1.0)
    job = new_job()
    await store.add([job])
    last = 0
    for _ in range(8):
        job = await store.claim_next(clock.now())
        await store.move(job, Event.RETURNED, {"code": "funds"})
        _, end = await store.happenings(last, ())
        assert end > last
        last = end
    assert len(await store.journal(job.id)) < 8
