"""What the intake makes of a share that goes away while it looks into a file."""

from collections.abc import Collection
from pathlib import Path
from typing import Any

from engine.intake_desk import GOOD, Desk, clip_bytes, desk, reasons, settings
from reeldrop.domain.errors import ClipUnreadable
from reeldrop.domain.job import RelPath
from reeldrop.ports import Scan

__all__ = ["desk", "settings"]


class Leaving:
    """A decoder under whose hands the inbox goes away, once: the rest of the file looks like nonsense."""

    def __init__(self, media: Any, folder: Path) -> None:
        self.media = media
        self.away = folder.with_name("away")
        self.left = False
        self._folder = folder

    async def probe(self, file: Path) -> Any:
        if self.left:
            return await self.media.probe(file)
        self.left = True
        self._folder.rename(self.away)
        raise ClipUnreadable(f"{file.name} is no video: Transport endpoint is not connected")

    def __getattr__(self, name: str) -> Any:
        return getattr(self.media, name)


async def test_what_a_decoder_says_of_a_file_that_is_away_is_not_believed(desk: Desk) -> None:
    """A good clip would go to `_failed` once its server is back, for what was seen as that died."""
    decoder: Any = Leaving(desk.media, desk.folder)
    desk.media = decoder
    desk.intake = desk.another()
    desk.drop("a.mov")
    await desk.settled()
    assert decoder.left
    assert await desk.jobs() == {}
    decoder.away.rename(desk.folder)
    await desk.settled()
    (job,) = (await desk.jobs()).values()
    assert (job.path, job.error) == ("a.mov", None)


async def test_the_time_in_which_a_share_is_away_is_no_time_to_wait(desk: Desk) -> None:
    """Nobody can bring what is missing meanwhile: half a copy, or the clip of a sidecar that came first."""
    desk.put("torn.mov", clip_bytes()[:-2000])
    desk.spec("torn.json", GOOD)
    desk.spec("alone.json", GOOD)
    waiting = reasons(await desk.settled()).keys()
    away = desk.folder.with_name("away")
    desk.folder.rename(away)
    assert (await desk.intake.look()).offline
    desk.clock.time += 100_000
    away.rename(desk.folder)
    for _ in range(3):
        looked = await desk.intake.look()
        assert looked.refused == ()
        assert reasons(looked).keys() == waiting
        desk.clock.time += 10
    (desk.folder / "torn.mov").write_bytes(clip_bytes())
    desk.clock.time += 10
    await desk.settled()
    (job,) = (await desk.jobs()).values()
    assert (job.path, job.error) == ("torn.mov", None)


async def test_a_scan_that_hung_is_no_time_to_wait_either(desk: Desk) -> None:
    """Who copies to the share hung as well."""
    desk.put("torn.mov", clip_bytes()[:-2000])
    desk.spec("torn.json", GOOD)
    waiting = reasons(await desk.settled()).keys()
    scan = desk.inbox.scan

    async def hung(closely: Collection[RelPath] = ()) -> Scan:
        desk.clock.time += 100_000
        return await scan(closely)

    desk.inbox.scan = hung  # type: ignore[method-assign]
    assert (await desk.intake.look()).refused == ()
    desk.inbox.scan = scan  # type: ignore[method-assign]
    desk.clock.time += 10
    looked = await desk.intake.look()
    assert looked.refused == ()
    assert reasons(looked).keys() == waiting


async def test_where_every_scan_takes_long_drops_are_taken_all_the_same(desk: Desk) -> None:
    """A slow server is no hang."""
    scan = desk.inbox.scan

    async def slow(closely: Collection[RelPath] = ()) -> Scan:
        desk.clock.time += 12
        return await scan(closely)

    desk.inbox.scan = slow  # type: ignore[method-assign]
    desk.drop("a.mov")
    added = [(await desk.intake.look()).jobs_added for _ in range(5)]
    assert sum(added) == 1
