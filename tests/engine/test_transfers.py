"""Files under way: how far, how fast, and never faster than the bandwidth; on a clock of the test's own."""

import asyncio
from collections.abc import Iterable
from contextlib import ExitStack
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from engine.timeline import Timeline
from reeldrop.domain.job import JobId
from reeldrop.engine.transfers import (
    BURST,
    LOGGED_EVERY,
    SHOWN_AFTER,
    WINDOW,
    JobMeter,
    Pace,
    Transfers,
)
from reeldrop.ports import Direction

UP, DOWN = Direction.UPLOAD, Direction.DOWNLOAD
MB = 1_000_000
ONE, OTHER = JobId("1" * 32), JobId("2" * 32)
LONG = 1e6
"""Seconds in which everything here is over."""


@pytest.fixture
def clock() -> Timeline:
    return Timeline()


@pytest.fixture
def limited(clock: Timeline) -> Transfers:
    return Transfers(clock, {UP: MB})


async def pass_all(meter: JobMeter, pieces: Iterable[int], clock: Timeline) -> float:
    """Let pieces pass as fast as they may; return when that was over."""
    for piece in pieces:
        await meter.passed(piece)
    return clock.time


@given(
    rate=st.integers(1000, 100 * MB),
    jobs=st.lists(st.lists(st.integers(1, 2 * MB), min_size=1, max_size=8), min_size=1, max_size=6),
)
def test_all_jobs_together_take_just_as_long_as_the_bandwidth_wants(
    rate: int, jobs: list[list[int]]
) -> None:
    """A house's line must not be filled by eight clips at once, nor lie idle while one of them waits."""

    async def run() -> float:
        clock = Timeline()
        transfers = Transfers(clock, {UP: rate})
        began = clock.time
        with ExitStack() as stack:
            going = [
                asyncio.ensure_future(
                    pass_all(stack.enter_context(transfers.meter(ONE, "a", UP)), pieces, clock)
                )
                for pieces in jobs
            ]
            await clock.go_on(LONG)
        return max(each.result() for each in going) - began

    total = sum(map(sum, jobs))
    assert asyncio.run(run()) == pytest.approx(max(0.0, total / rate - BURST), abs=1e-6)


async def test_what_counts_is_what_takes_the_line(clock: Timeline, limited: Transfers) -> None:
    """As base64 three bytes are four: a limit that did not know would be a third too high."""
    with limited.meter(ONE, "a.mp4", UP) as meter:
        meter.expect(3 * MB)
        began, sending = clock.time, asyncio.ensure_future(meter.passed(3 * MB, 4 * MB))
        await clock.go_on(2.0)
        # Where a piece is held up it counts bit by bit: progress that jumps tells nothing.
        assert meter.transfer.bytes == pytest.approx(3 * MB * 2.0 / (4.0 - BURST), rel=0.01)
        assert meter.transfer.rate == pytest.approx(3 * MB / (4.0 - BURST), rel=0.01)
        await clock.go_on(1.7)
        assert not sending.done()
        await clock.go_on(0.1)
        assert sending.done()
        assert clock.time - began == pytest.approx(3.8)


async def test_the_directions_do_not_wait_for_each_other(
    clock: Timeline, limited: Transfers
) -> None:
    """A result must come in while the next clip crawls out."""
    with (
        limited.meter(ONE, "a.mp4", UP) as up,
        limited.meter(OTHER, "b.mp4", DOWN) as down,
    ):
        crawling = asyncio.ensure_future(up.passed(100 * MB))
        await clock.go_on(0.0)
        assert await asyncio.wait_for(pass_all(down, [100 * MB] * 10, clock), 5) == clock.time
        assert not crawling.done()
        crawling.cancel()


async def test_a_small_file_waits_for_nothing_and_an_idle_hour_is_not_saved_up(
    clock: Timeline, limited: Transfers
) -> None:
    """A sidecar's image must not wait for a limit that is meant for clips."""
    with limited.meter(ONE, "a.mp4", UP) as meter:
        assert await asyncio.wait_for(pass_all(meter, [MB // 5], clock), 5) == clock.time
        await clock.go_on(3600.0)
        began = clock.time
        sending = asyncio.ensure_future(pass_all(meter, [MB] * 4, clock))
        await clock.go_on(60.0)
        assert sending.result() - began == pytest.approx(4.0 - BURST)


async def test_who_is_held_up_ends_at_once_when_the_daemon_stops(
    clock: Timeline, limited: Transfers
) -> None:
    """A stop is a cancel: it must not wait until the bandwidth lets the next piece go."""
    with limited.meter(ONE, "a.mp4", UP) as meter:
        sending = asyncio.ensure_future(meter.passed(1000 * MB))
        await clock.go_on(1.0)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(sending, 5)


async def test_a_rate_is_that_of_the_last_seconds_and_a_stall_has_none(clock: Timeline) -> None:
    """Whoever looks wants to know whether it moves now, not how it was in the beginning."""
    transfers = Transfers(clock)
    with transfers.meter(ONE, "a.mp4", UP) as meter:
        meter.expect(1000 * MB)
        for count in [5 * MB] * 100 + [MB] * 100:
            clock.time += 0.1
            await meter.passed(count)
        assert meter.transfer.rate == pytest.approx(10 * MB, rel=0.02)
        assert meter.transfer.bytes == 600 * MB
        clock.time += WINDOW / 2
        assert 0 < meter.transfer.rate < 6 * MB
        clock.time += WINDOW / 2
        assert (meter.transfer.rate, meter.transfer.bytes) == (0.0, 600 * MB)
        await meter.passed(MB)
        assert meter.transfer.bytes == 601 * MB


@given(
    pieces=st.lists(
        st.tuples(st.floats(0, 10), st.integers(0, MB), st.sampled_from([0, 0, 0, 1])), max_size=60
    ),
    rate=st.sampled_from([0, 50_000, 5 * MB]),
)
def test_bytes_never_go_back_and_a_rate_is_never_beyond_what_passed(
    pieces: list[tuple[float, int, int]], rate: int
) -> None:
    """Whatever the rhythm: pieces at once, long pauses, another file in between, held up or not."""

    async def run() -> None:
        clock = Timeline()
        meter = JobMeter(ONE, "a", UP, clock, Pace(clock, rate))
        meter.expect(None)
        seen, given_over = 0, 0
        for pause, count, another in pieces:
            await clock.go_on(pause)
            if another:
                meter.expect(None)
            given_over += count
            sending = asyncio.ensure_future(meter.passed(count))
            while not sending.done():
                await clock.go_on(1.0)
                told = meter.transfer
                assert seen <= told.bytes <= given_over
                assert 0 <= told.rate <= given_over / min(WINDOW, 1.0) + 1
                seen = told.bytes
        assert meter.transfer.bytes == given_over
        await clock.go_on(WINDOW)
        assert meter.transfer.rate == 0

    asyncio.run(run())


async def test_only_what_moves_for_a_while_is_shown(clock: Timeline) -> None:
    """Small files would flicker; what has all gone, or has not begun, moves no more."""
    transfers = Transfers(clock)
    assert transfers.idle
    with transfers.meter(ONE, "a.mp4", UP) as meter:
        assert not transfers.idle
        clock.time += 60.0  # the clip is made to fit
        assert transfers.shown() == []
        meter.expect(10 * MB)
        await meter.passed(MB)
        assert transfers.shown() == []
        clock.time += SHOWN_AFTER
        (told,) = transfers.shown()
        assert (told.job, told.direction, told.bytes, told.total) == (ONE, UP, MB, 10 * MB)
        await meter.passed(9 * MB)
        assert transfers.shown() == [], "its answer is awaited: that is no transfer"
    assert transfers.idle


async def test_pieces_of_a_clip_that_are_fetched_at_once_are_one_transfer(clock: Timeline) -> None:
    """The provider may ask for ranges side by side; people see one clip that goes out."""
    transfers = Transfers(clock)
    with (
        transfers.meter(ONE, "a.mp4", UP) as first,
        transfers.meter(ONE, "a.mp4", UP) as second,
        transfers.meter(OTHER, "b.mp4", DOWN) as unknown,
    ):
        first.expect(4 * MB)
        second.expect(6 * MB)
        unknown.expect(None)
        clock.time += 2.0
        for meter in (first, second, unknown):
            await meter.passed(MB)
        up, down = transfers.shown()
        assert (up.job, up.bytes, up.total, up.rate) == (ONE, 2 * MB, 10 * MB, MB)
        assert (down.job, down.bytes, down.total) == (OTHER, MB, None)


async def test_the_log_of_a_job_says_what_its_numbers_mean(clock: Timeline) -> None:
    """They are read months later: the whole file, the time that it moved, and how fast it did then."""
    transfers = Transfers(clock)
    with transfers.meter(ONE, "a.mp4", DOWN) as meter:
        assert meter.told == {}
        clock.time += 60.0  # the clip is made to fit, or the server is slow to begin
        meter.expect(100 * MB, already=80 * MB)
        clock.time += 4.0
        await meter.passed(20 * MB)
        assert meter.told == {"bytes": 100 * MB, "seconds": 4.0, "rate": 5 * MB}


async def test_a_tiny_file_has_no_rate(clock: Timeline) -> None:
    """40 kB in half a millisecond are no 80 MB/s: they are in a buffer of this host."""
    transfers = Transfers(clock)
    with transfers.meter(ONE, "a.mp4", UP) as meter:
        meter.expect(40_000)
        clock.time += 0.0007
        await meter.passed(40_000)
        assert meter.told == {"bytes": 40_000, "seconds": 0.001, "rate": None}


async def test_a_long_transfer_is_in_the_log_now_and_then(clock: Timeline) -> None:
    """Nobody reads a line for each second of an hour."""
    transfers = Transfers(clock)
    with capture_logs() as logs, transfers.meter(ONE, "show/a.mp4", UP) as meter:
        meter.expect(1000 * MB)
        for _ in range(100):
            clock.time += 1.0
            await meter.passed(MB)
    assert len(logs) == int(100 / ceil(LOGGED_EVERY))
    assert logs[0] == {
        "event": "transfer.progress",
        "log_level": "info",
        "job": ONE,
        "path": "show/a.mp4",
        "direction": "upload",
        "bytes": 30 * MB,
        "total": 1000 * MB,
        "rate": MB,
    }
