"""How the watches are: told when it changes, else seldom; and noticed while their own tasks wait."""

import asyncio
from collections.abc import Mapping

from structlog.testing import capture_logs

from engine.intake_desk import HandClock
from reeldrop.domain.job import RelPath
from reeldrop.engine.gate import Gate
from reeldrop.engine.healths import TOLD_AGAIN, Healths
from reeldrop.engine.intake.terms import Looked
from reeldrop.engine.pulse import Beat
from reeldrop.engine.vigil import LONGEST_STEP, Vigil
from reeldrop.ports import Health, Mode, Scope

INOTIFY = (Mode(RelPath(""), "inotify", "local file system (ext4)"),)
AWAY = "The inbox /far has not answered for more than 15 s."


def looked(at: float | None, offline: str = "") -> Looked:
    modes = INOTIFY if at is not None else ()
    return Looked(60.0, offline=offline, scanned=at, modes=modes)


class Told(Healths):
    """Healths with a store that takes everything; returns what it was given."""

    def put_down(self, now: float) -> list[Health] | None:
        health = self.news(now)
        if health is not None:
            self.told(health, now)
        return health


def test_what_changes_is_told_at_once_and_what_does_not_seldom() -> None:
    """An inbox in which nothing happens must not keep the store's disk awake."""
    healths = Told(["main"])
    assert healths.put_down(0.0) == [Health("main")]
    healths.looked("main", looked(1000.0))
    assert healths.put_down(1.0) == [Health("main", 1000.0, "", INOTIFY)]
    healths.looked("main", looked(1001.0))
    assert healths.put_down(2.0) is None
    assert healths.put_down(1.0 + TOLD_AGAIN) == [Health("main", 1001.0, "", INOTIFY)]
    assert healths.put_down(2.0 + 2 * TOLD_AGAIN) is None
    healths.looked("main", looked(None, "it is away"))
    assert healths.put_down(3.0 + 2 * TOLD_AGAIN) == [Health("main", 1001.0, "it is away", INOTIFY)]


def test_a_look_that_fails_leaves_the_time_of_the_last_that_did_not() -> None:
    """The age is what tells how blind we are."""
    healths = Healths(["main"])
    healths.looked("main", looked(1000.0))
    healths.looked("main", looked(None, "it is away"))
    assert healths.now == [Health("main", 1000.0, "it is away", INOTIFY)]
    healths.looked("main", looked(1005.0))
    assert healths.now == [Health("main", 1005.0, "", INOTIFY)]


def test_a_folder_that_is_silent_is_told_before_what_the_last_look_said() -> None:
    healths = Healths(["near", "far"])
    healths.silent({"far": AWAY})
    assert [each.trouble for each in healths.now] == ["", AWAY]
    healths.silent({})
    assert [each.trouble for each in healths.now] == ["", ""]


class OneRound(HandClock):
    """A clock on which nobody's sleep ends: whoever sleeps has done one round."""

    def __init__(self) -> None:
        super().__init__()
        self.sleeps = asyncio.Event()

    async def sleep(self, seconds: float) -> None:
        self.sleeps.set()
        await asyncio.Event().wait()


class Silent:
    """Folders that are silent when the test says so."""

    def __init__(self) -> None:
        self.now: dict[str, str] = {}

    async def short(self) -> Mapping[str, str]:
        return {}

    async def silent(self) -> Mapping[str, str]:
        return dict(self.now)


class Round:
    """A vigil whose rounds the test lets pass."""

    def __init__(self) -> None:
        self.clock, self.folders, self.changes = OneRound(), Silent(), 0
        self.gate, self.healths = Gate(self.clock), Healths(["near", "far"])
        self.given_up: list[str] = []
        self.moved = 0.0
        self.vigil = Vigil(
            self.clock, self.folders, lambda _: self.moved, self._hear, self.given_up.extend
        )

    def _hear(self, silent: Mapping[str, str]) -> None:
        self.gate.silent(silent)
        self.healths.silent(silent)
        self.changes += 1

    async def once(self) -> list[tuple[Scope, str]]:
        """Let it look once; return what nothing is submitted of."""
        self.clock.sleeps.clear()
        keeping = asyncio.ensure_future(self.vigil.lane(Beat(self.clock)))
        await self.clock.sleeps.wait()
        keeping.cancel()
        return [(block.scope, block.of) for block in self.gate.blocks]


async def test_a_silent_watch_submits_nothing_and_goes_on_by_itself() -> None:
    """It is said once when it begins and once when it is over."""
    here = Round()
    assert await here.once() == []
    here.folders.now = {"far": AWAY}
    with capture_logs() as logs:
        for _ in range(3):
            assert await here.once() == [(Scope.WATCH, "far")]
        here.folders.now = {}
        assert await here.once() == []
    assert [line["event"] for line in logs] == ["queue.blocked", "queue.unblocked"]
    assert here.changes == 2
    assert set(here.given_up) == {"far"}


async def test_a_look_that_never_ends_is_noticed_though_the_inbox_itself_answers() -> None:
    """A share that is mounted somewhere inside the inbox hangs; the folder above it knows nothing of it."""
    here = Round()
    here.vigil.look_begins("far")
    here.clock.time += LONGEST_STEP - 1
    here.moved = here.clock.time
    here.clock.time += LONGEST_STEP - 1
    assert await here.once() == [], "it has come a step on: busy is not hung"
    here.clock.time += 2
    assert await here.once() == [(Scope.WATCH, "far")]
    assert "does not answer" in here.healths.now[1].trouble
    here.vigil.look_ends("far")
    assert await here.once() == []
