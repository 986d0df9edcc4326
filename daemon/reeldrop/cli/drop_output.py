"""What `drop` says while it waits and at the end: for people and scripts, or for a farm.

A farm takes every line that begins with `openjd_` for an order, on standard error as well, and what
the outbox holds was written by others: whatever is not ours becomes one line behind a word of ours.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path
from typing import Any, Protocol

import click

from reeldrop.cli import following
from reeldrop.cli.following import Sight
from reeldrop.cli.options import print_json
from reeldrop.cli.placing import Placed
from reeldrop.cli.tickets import Known
from reeldrop.domain.paths import LONGEST_PATH, printable

LONGEST = 1000
"""Characters of a line: a farm's reader breaks a very long one, and the rest would begin a line."""
PROGRESS = {
    "waiting": (0, 0),
    "queued": (2, 2),
    "uploading": (5, 25),
    "submitting": (25, 25),
    "uncertain": (25, 25),
    "generating": (30, 30),
    "downloading": (80, 95),
    "delivering": (95, 95),
    "delivered": (100, 100),
}
"""Where a state begins and ends, in hundredths of the way; bytes that are counted lead from one to the other."""


@dataclass(frozen=True, slots=True)
class Dropped:
    """A drop that was placed now, or the earlier one of the same ticket in its place."""

    source: Path
    placed: Placed
    known: Known

    @property
    def told(self) -> str:
        """What became of the clip."""
        if self.known.earlier is None:
            return f"{self.source} lies as {self.placed.clip}"
        ticket, state = self.placed.ticket, self.known.state
        return f"{self.source} was not dropped: its ticket {ticket} is {state} already"


@dataclass(frozen=True, slots=True)
class End:
    """How the wait for one drop ended: the exit code, and the last that was seen of it."""

    drop: Dropped
    code: int
    sight: Sight | None

    @property
    def outcome(self) -> str | None:
        """The path of the result or the text of the failure; None where there is neither yet."""
        ended = self.sight is not None and self.sight.end is not None
        return following.outcome(self.sight) if self.sight and ended else None

    @property
    def result(self) -> bool:
        """Say whether `outcome` is the path of a result."""
        delivered = self.code == following.DELIVERED and self.sight is not None
        return delivered and self.sight is not None and self.sight.folder is not None

    @property
    def told(self) -> str:
        """What is said of an end that has no result."""
        if self.code != following.TIMED_OUT:
            return self.outcome or ""
        state = self.sight.state if self.sight else "not taken yet"
        return f"{self.drop.placed.clip.name}: the time is up; it is {state}, and goes on."


class Output(Protocol):
    """What the command says of how drops go."""

    def dropped(self, drop: Dropped) -> None:
        """A clip lies in the inbox, or did already."""
        ...

    def seen(self, drop: Dropped, sight: Sight) -> None:
        """Something has changed."""
        ...

    def ended(self, ends: Sequence[End]) -> None:
        """Nothing is waited for any more."""
        ...

    def interrupted(self, text: str) -> None:
        """Whoever started the command ends it."""
        ...


class PlainOutput:
    """Speaks to people on standard error; standard output has the results alone, or JSON."""

    def __init__(self, *, wait: bool, as_json: bool) -> None:
        self._wait = wait
        self._json = as_json

    def dropped(self, drop: Dropped) -> None:
        """Name the place; it is the result of a command that does not wait."""
        if not self._json:
            click.echo(drop.told, err=self._wait)

    def seen(self, drop: Dropped, sight: Sight) -> None:
        """Tell the state and why it waits."""
        click.echo(_plain(_stand(drop, sight)), err=True)

    def ended(self, ends: Sequence[End]) -> None:
        """Print the path of each result."""
        for end in () if self._json else ends:
            click.echo(end.outcome if end.result else _plain(end.told), err=not end.result)

    def interrupted(self, text: str) -> None:
        """Tell what goes on."""
        click.echo(text, err=True)


def _plain(text: str) -> str:
    """Return what others have written so that it orders nothing: no terminal, and no farm around a plain wait."""
    lines = (printable(line) for line in text.splitlines())
    return "\n".join(f" {line}" if line.startswith("openjd_") else line for line in lines)


class OpenJdOutput:
    """Speaks Open Job Description: progress, status and failure on standard output, and the results."""

    def __init__(self, clips: int, *, as_json: bool) -> None:
        self._clips = clips
        self._json = as_json
        self._far: dict[int, float] = {}
        """How far each drop has gone at most, in hundredths."""
        self._told = -1.0
        if isinstance(sys.stdout, TextIOWrapper):
            # What farms read; Windows would write a pipe in its own code page.
            sys.stdout.reconfigure(encoding="utf-8")
        self._progress()

    def dropped(self, drop: Dropped) -> None:
        """Tell the place."""
        _say("status", drop.told)

    def seen(self, drop: Dropped, sight: Sight) -> None:
        """Tell the state, and how far all of them have gone: it never goes back."""
        least, most = PROGRESS.get(sight.state, (0, 0))
        before = self._far.get(id(drop), 0.0)
        self._far[id(drop)] = max(before, least + (most - least) * sight.moved)
        self._progress()
        _say("status", _stand(drop, sight))

    def ended(self, ends: Sequence[End]) -> None:
        """Tell every failure, then print the path of each result."""
        for end in ends:
            if not end.result:
                _say("status" if end.code == following.DELIVERED else "fail", end.told)
        for end in () if self._json else ends:
            if end.result and end.outcome:
                # Absolute: no path begins with a word.
                click.echo(printable(end.outcome)[:LONGEST_PATH])

    def failed(self, text: str) -> None:
        """Tell why nothing could be dropped, or not be followed."""
        _say("fail", text)

    def interrupted(self, text: str) -> None:
        """Tell what goes on."""
        _say("status", text)

    def _progress(self) -> None:
        far = sum(self._far.values()) / self._clips
        if far > self._told:
            self._told = far
            click.echo(f"openjd_progress: {far:.1f}")


def print_record(drops: Sequence[Dropped], ends: Sequence[End]) -> None:
    """Print all that is known of drops as JSON."""
    print_json({"drops": [_record(drop, ends) for drop in drops]})


def _record(drop: Dropped, ends: Sequence[End]) -> dict[str, Any]:
    record: dict[str, Any] = {
        "clip": str(drop.placed.clip),
        "sidecar": str(drop.placed.sidecar),
        "ticket": drop.placed.ticket,
        "placed": drop.known.earlier is None,
    }
    for end in ends:
        if end.drop is drop:
            state = end.sight.state if end.sight else None
            record |= {"state": state, "exit_code": end.code, "outcome": end.outcome}
    return record


def _stand(drop: Dropped, sight: Sight) -> str:
    reason = f": {sight.reason}" if sight.reason else ""
    return f"{drop.placed.clip.name}: {sight.state}{reason}"


def _say(what: str, text: str) -> None:
    click.echo(f"openjd_{what}: {printable(' '.join(text.split()))[:LONGEST] or '?'}")
