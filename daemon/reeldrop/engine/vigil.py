"""Notices the watches whose folders have stopped to answer, while their own tasks wait for them.

What waits for a hung share learns nothing, and is not given up: it may still be at work when the share
comes back. Only submits that have not begun to pay are, for the places that they take are everybody's.
What is new is kept from the share, and people are told.
"""

from collections.abc import Callable, Mapping

from reeldrop.engine.pulse import Beat
from reeldrop.engine.rooms import Folders
from reeldrop.ports import Clock

PULSE = 1.0
"""Seconds between two looks at who is silent."""
SLOWEST = 60.0
"""Seconds within which a round comes to its end: disks are given two to answer."""
LONGEST_STEP = 1800.0
"""Seconds after which a look that comes no step on counts as hung although the inbox itself answers.

Something in the inbox does not. The digest of a very large file on a slow share may take minutes.
"""


class Vigil:
    """Who watches the watches."""

    def __init__(
        self,
        clock: Clock,
        folders: Folders,
        moved: Callable[[str], float],
        told: Callable[[Mapping[str, str]], None],
        give_up: Callable[[Mapping[str, str]], None],
    ) -> None:
        """`moved` tells when the look of a watch last came a step on (monotonic seconds).

        `told` hears which watches are silent, and why, whenever that has changed; `give_up` ends
        what takes part in the submits of these, and hears it every second.
        """
        self._clock = clock
        self._folders = folders
        self._told = told
        self._moved = moved
        self._give_up = give_up
        self._looking: dict[str, float] = {}
        self._silent: Mapping[str, str] = {}

    def look_begins(self, watch: str) -> None:
        """Hear that a look at an inbox begins."""
        self._looking[watch] = self._clock.monotonic()

    def look_ends(self, watch: str) -> None:
        """Hear that it has come to its end, well or not."""
        del self._looking[watch]

    async def lane(self, beat: Beat) -> None:
        """Keep watch until cancelled."""
        while True:
            beat.within(SLOWEST)
            silent = {**self._stuck(), **await self._folders.silent()}
            if silent != self._silent:
                self._silent = silent
                self._told(silent)
            if silent:
                self._give_up(silent)
            await self._clock.sleep(PULSE)

    def _stuck(self) -> dict[str, str]:
        now = self._clock.monotonic()
        minutes = f"{LONGEST_STEP / 60:.0f} min"
        return {
            watch: f"A look at the inbox has stood still for {minutes}: something in it does not answer."
            for watch, began in self._looking.items()
            if now - max(began, self._moved(watch)) > LONGEST_STEP
        }
