"""What one receiver is told, one notice after the other, each until it is taken or given up.

Rule 1: how far it has been told is put down after it was told: a kill between the two tells it again,
        under the same id, and never loses it.
Rule 2: one that fails is tried again with growing pauses; after days, or hours where it is this very
        notice that is refused, it is given up, so that the later ones are told at all.
Rule 3: a failure is logged when it comes and when it goes, not at every try.
"""

import asyncio
from collections import deque
from collections.abc import Mapping
from contextlib import suppress

import structlog

from reeldrop.domain import retry
from reeldrop.domain.errors import NotTold, StoreUnavailable
from reeldrop.domain.lifecycle import Event
from reeldrop.domain.notices import Notice, Occasion
from reeldrop.engine.notices import wording
from reeldrop.engine.rooms import DAY, Rooms
from reeldrop.ports import Happening, NoticeMemory, Receiver

log = structlog.get_logger()

HAPPENS_AS: Mapping[Occasion, str] = {
    Occasion.DELIVERED: Event.PLACED.value,
    Occasion.FAILED: Event.PLACED_FAILED.value,
    # Most uncertain submits are found in the log within minutes; only now a person is needed.
    Occasion.UNCERTAIN: "held",
}
"""The event of the journal that each occasion is."""
FIRST_PAUSE, LONGEST_PAUSE = 2.0, 3600.0
"""Seconds between two tries of one notice: at first, and at most."""
GIVEN_UP = 3 * DAY
"""Seconds after which a notice that nobody takes is told no more."""
REFUSED = 3600.0
"""The same where the receiver answers, and refuses this one."""
STORE_PAUSE = 5.0
WAITING = 100
"""Notices of the queue that wait for a receiver; older ones are forgotten first."""


class _Left(Exception):
    """Nothing more is begun: what is not told waits for whoever comes in this one's place, or the next start."""


class Line:
    """One receiver, and what waits for it."""

    def __init__(self, receiver: Receiver, rooms: Rooms, before: "Line | None" = None) -> None:
        """`before` is the line in whose place it comes: what waits there of the queue waits here."""
        self.knows_of_blocks = before is not None and before.hears_of(Occasion.BLOCKED)
        """Whether it need not be told of blocks that stand already."""
        self._receiver = receiver
        self._rooms = rooms
        self._memory: NoticeMemory = rooms.store
        self._occasions = {
            event: occasion
            for occasion, event in HAPPENS_AS.items()
            if occasion in receiver.occasions
        }
        self.of_queue: deque[Notice] = before.of_queue if before else deque(maxlen=WAITING)
        """Notices of the queue that wait to be told."""
        self._of_jobs: deque[Happening] = deque()
        self._read = self._put_down = 0
        self._news = asyncio.Event()
        self._news.set()
        self._working = self._pausing = self._failing = self._leaving = self._stopped = False
        self._pause_ends: asyncio.Timeout | None = None
        self.is_telling = False
        """Whether the receiver is being told something just now, or that it was told is being put down."""

    @property
    def name(self) -> str:
        """The receiver's."""
        return self._receiver.name

    @property
    def hears_of_jobs(self) -> bool:
        """Say whether it wants anything of what stands in the journal."""
        return bool(self._occasions) and not self._stopped

    def hears_of(self, occasion: Occasion) -> bool:
        """Say whether it wants to hear of `occasion`."""
        return occasion in self._receiver.occasions and not self._stopped

    @property
    def resting(self) -> bool:
        """Say whether nothing waits, or what waits has been tried and failed."""
        return self._pausing or not (self._working or self._news.is_set())

    def begin(self, told: int) -> None:
        """Hear up to which row of the journal the receiver has been told."""
        self._read = self._put_down = told

    def changed(self) -> None:
        """Hear that there may be something to tell."""
        self._news.set()

    def say(self, notice: Notice) -> None:
        """Have the receiver told of the queue, if it wants to hear of that."""
        if self.hears_of(notice.occasion):
            self.of_queue.append(notice)
            self._news.set()

    def leave(self) -> None:
        """Begin nothing more; what is being told is told to its end, then `lane` ends."""
        self._leaving = True
        self._news.set()
        if self._pause_ends is not None:
            self._pause_ends.reschedule(0.0)

    async def close(self) -> None:
        """Let go of the receiver."""
        with suppress(OSError):
            await self._receiver.aclose()

    @property
    def _going_on(self) -> bool:
        return not (self._leaving or self._rooms.stopping())

    async def lane(self) -> None:
        """Tell what there is, until the receiver wants nothing more or another comes in its place."""
        wanted = True
        while wanted and self._going_on:
            await self._news.wait()
            self._working = True
            self._news.clear()
            try:
                wanted = await self._tell_all()
            except _Left:
                pass
            except StoreUnavailable as error:
                log.debug("notice.delayed", receiver=self.name, error=error.message)
                self._news.set()
                self.is_telling = False
                await self._pause(STORE_PAUSE)
            self._working = self.is_telling = False
        self._pausing = True

    async def _tell_all(self) -> bool:
        """Tell everything that waits; False where nothing more is wanted. Raises StoreUnavailable, _Left."""
        wanted = True
        while wanted and self._going_on:
            if self.of_queue:
                wanted = await self._tell_of_queue(self.of_queue[0])
            elif await self._find():
                wanted = await self._tell_happening(self._of_jobs[0])
            else:
                return True
        if not wanted:
            log.warning("notice.stopped", receiver=self.name)
            await self._memory.set_cursor(self.name, None)
            self._stopped = True
            if not self._leaving:
                self.of_queue.clear()
        return wanted

    async def _find(self) -> bool:
        """Read on in the journal, to the next thing to tell; at its end put down how far that is."""
        while self._occasions and not self._of_jobs:
            found, upto = await self._memory.happenings(self._read, self._occasions.keys())
            if upto == self._read:
                await self._note(upto)
                return False
            self._of_jobs.extend(found)
            self._read = upto
        return bool(self._of_jobs)

    async def _tell_of_queue(self, notice: Notice) -> bool:
        # What waited for whoever was before it may be nothing that it wants to hear of.
        if self.hears_of(notice.occasion) and not await self._tell(notice):
            return False
        # It waits until it is told, for whoever comes in this one's place; it may have been forgotten meanwhile.
        if self.of_queue and self.of_queue[0] is notice:
            self.of_queue.popleft()
        return True

    async def _tell_happening(self, happening: Happening) -> bool:
        job = await self._rooms.store.get(happening.job)
        if job is not None:
            occasion = self._occasions[happening.event]
            if not await self._tell(wording.of_job(occasion, happening, job, self._rooms)):
                return False
        self._of_jobs.popleft()
        await self._note(happening.n)
        return True

    async def _note(self, told: int) -> None:
        if told > self._put_down:
            await self._memory.set_cursor(self.name, told)
            self._put_down = told

    async def _tell(self, notice: Notice) -> bool:
        """Tell it as often as it takes, or give it up; False where nothing more is wanted at all. Raises _Left."""
        tries = 0
        while self._going_on:
            tries += 1
            try:
                wanted = await self._try(notice)
            except NotTold as error:
                if self._is_old(notice, error):
                    log.warning("notice.given_up", **self._told(notice), error=error.message)
                    return True
                if not self._failing:
                    log.warning("notice.failed", **self._told(notice), error=error.message)
                self._failing = True
                await self._pause(self._delay(tries, error))
            else:
                if self._failing:
                    log.info("notice.recovered", receiver=self.name)
                self._failing = False
                log.debug("notice.told", **self._told(notice))
                return wanted
        raise _Left

    async def _try(self, notice: Notice) -> bool:
        self.is_telling = True
        try:
            return await self._receiver.tell(notice)
        except NotTold:
            self.is_telling = False
            raise
        except Exception as error:
            self.is_telling = False
            # A bug that one notice meets must not end the daemon, and again at every start.
            log.exception("notice.crashed", **self._told(notice))
            raise NotTold(f"an internal error ({type(error).__name__})", refused=True) from error

    def _is_old(self, notice: Notice, error: NotTold) -> bool:
        return self._rooms.clock.now() - notice.at > (REFUSED if error.refused else GIVEN_UP)

    def _told(self, notice: Notice) -> dict[str, str]:
        return {"receiver": self.name, "occasion": str(notice.occasion), "notice": notice.id}

    def _delay(self, tries: int, error: NotTold) -> float:
        return retry.delay(
            tries,
            first=FIRST_PAUSE,
            cap=LONGEST_PAUSE,
            jitter=self._rooms.jitter(),
            retry_after=error.retry_after,
        )

    async def _pause(self, seconds: float) -> None:
        """Wait for so long, or until it leaves."""
        if self._leaving:
            return
        self._pausing = True
        with suppress(TimeoutError):
            async with asyncio.timeout(None) as self._pause_ends:
                await self._rooms.clock.sleep(seconds)
        self._pause_ends = None
        self._pausing = False
