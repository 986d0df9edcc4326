"""Notices the watches whose folders have stopped to answer, while their own tasks wait for them.

What waits for a hung share learns nothing, and is not given up: it may still be at work when the share
comes back. Only submits that have not begun to pay are, for the places that they take are everybody's.
What is new is kept from the share, and people are told.
"""

from collections.abc import Callable, Mapping

from reeldrop.engine.gate import Gate
from reeldrop.engine.healths import Healths
from reeldrop.engine.rooms import Folders
from reeldrop.ports import Clock

PULSE = 1.0
"""Seconds between two looks at who is silent."""
LONGEST_LOOK = 1800.0
"""Seconds after which a look counts as hung although the inbox itself answers: a folder in it does not.

A look ends early while it finds anything to do; a single step of it, the digest of a very large file on a
slow share, may take minutes.
"""


class Vigil:
    """Who watches the watches."""

    def __init__(
        self,
        clock: Clock,
        folders: Folders,
        gate: Gate,
        healths: Healths,
        give_up: Callable[[Mapping[str, str]], None],
        changed: Callable[[], None],
    ) -> None:
        """`give_up` ends what takes part in the submits of these watches, and is told why.

        `changed` is called when what people see of the watches may have changed.
        """
        self._clock = clock
        self._folders = folders
        self._gate = gate
        self._healths = healths
        self._give_up = give_up
        self._changed = changed
        self._looking: dict[str, float] = {}
        self._silent: Mapping[str, str] = {}

    def look_begins(self, watch: str) -> None:
        """Hear that a look at an inbox begins."""
        self._looking[watch] = self._clock.monotonic()

    def look_ends(self, watch: str) -> None:
        """Hear that it has come to its end, well or not."""
        del self._looking[watch]

    async def lane(self) -> None:
        """Keep watch until cancelled."""
        while True:
            silent = {**self._stuck(), **await self._folders.silent()}
            if silent != self._silent:
                self._silent = silent
                self._gate.silent(silent)
                self._healths.silent(silent)
                self._changed()
            if silent:
                self._give_up(silent)
            await self._clock.sleep(PULSE)

    def _stuck(self) -> dict[str, str]:
        now = self._clock.monotonic()
        minutes = f"{LONGEST_LOOK / 60:.0f} min"
        return {
            watch: f"A look at the inbox has taken more than {minutes}: something in it does not answer."
            for watch, began in self._looking.items()
            if now - began > LONGEST_LOOK
        }
