"""What the intake makes of a share that goes away while it looks into a file."""

from pathlib import Path
from typing import Any

from engine.intake_desk import Desk, desk, settings
from reeldrop.domain.errors import ClipUnreadable

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
