"""How the looks at each inbox go. Health is the age of the last scan that came to its end."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from reeldrop.engine.intake.terms import Looked
from reeldrop.ports import Health

TOLD_AGAIN = 30.0
"""Seconds between two writes where nothing but the time of the last scan has changed."""


class Healths:
    """The health of every watch, and whether whoever looks must hear of it."""

    def __init__(self, watches: Iterable[str]) -> None:
        self._looks = {watch: Health(watch) for watch in watches}
        self._silent: Mapping[str, str] = {}
        self._told: list[Health] = []
        self._told_at = 0.0

    @property
    def now(self) -> list[Health]:
        """How each watch is, what keeps it from being looked at included."""
        return [
            replace(each, trouble=self._silent.get(watch) or each.trouble)
            for watch, each in self._looks.items()
        ]

    def looked(self, watch: str, looked: Looked) -> None:
        """Hear what a look at the inbox came to."""
        before = self._looks[watch]
        if looked.scanned is None:
            self._looks[watch] = replace(before, trouble=looked.offline)
        else:
            self._looks[watch] = Health(watch, looked.scanned, looked.offline, looked.modes)

    def silent(self, watches: Mapping[str, str]) -> None:
        """Hear of which watches a folder does not answer, and the sentence for each."""
        self._silent = watches

    def news(self, now: float) -> list[Health] | None:
        """Return what is to be put down at `now` (monotonic seconds); None: nothing is.

        A scan that went as the one before is put down seldom: the store's disk must not be kept
        awake by an inbox in which nothing happens.
        """
        health = self.now
        if _without_times(health) != _without_times(self._told):
            return health
        due = now - self._told_at >= TOLD_AGAIN
        return health if due and health != self._told else None

    def told(self, health: list[Health], now: float) -> None:
        """Note what was put down at `now` (monotonic seconds)."""
        self._told, self._told_at = health, now


def _without_times(health: Iterable[Health]) -> list[Health]:
    return [replace(each, scanned=None if each.scanned is None else 0.0) for each in health]
