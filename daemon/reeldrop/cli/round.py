"""One run of `drop`: each clip is placed, or found to have been, and then followed to its end."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from reeldrop.cli import following
from reeldrop.cli.destination import Destination
from reeldrop.cli.drop_output import Dropped, End, Output
from reeldrop.cli.placing import Parcel, place, take_back
from reeldrop.cli.tickets import known_of


@dataclass(slots=True)
class Round:
    """One run of the command: what shall be dropped, and what has become of it so far."""

    parcels: Sequence[Parcel]
    destination: Destination
    output: Output
    drops: list[Dropped] = field(default_factory=list[Dropped])
    begun: int = 0
    """How many parcels have been begun."""

    def drop(self) -> None:
        """Place every parcel whose ticket has no drop yet. Raises StartupError."""
        inbox, outbox = self.destination.inbox, self.destination.outbox
        for parcel in self.parcels:
            self.begun += 1
            known = known_of(parcel, inbox, outbox)
            drop = Dropped(parcel.clip, known.earlier or place(parcel, inbox), known)
            self.drops.append(drop)
            self.output.dropped(drop)

    def follow(self, outbox: Path, until: float | None) -> list[End]:
        """Wait for the end of every drop, one after the other. Raises StartupError."""
        return [
            self._follow(drop, parcel, outbox, until)
            for drop, parcel in zip(self.drops, self.parcels, strict=True)
        ]

    def _follow(self, drop: Dropped, parcel: Parcel, outbox: Path, until: float | None) -> End:
        follower = following.Follower(outbox, drop.placed, drop.known.past)
        say = partial(self.output.seen, drop)
        code, sight = following.follow(follower, until, say)
        mine = drop.known.earlier is None
        if mine and sight and sight.end is not None and following.is_left_over(follower, sight):
            take_back(parcel, drop.placed)
        return End(drop, code, sight)

    def left(self) -> str:
        """Return what an interruption leaves behind."""
        names = ", ".join(drop.placed.clip.name for drop in self.drops)
        goes = f"the wait ends, the drop goes on: {names}" if names else "nothing was dropped"
        if self.begun > len(self.drops):
            halved = self.parcels[self.begun - 1].clip
            goes += f"; {halved} was being dropped, and may lie in {self.destination.inbox}"
        return f"interrupted; {goes}."
