"""Follows a drop by its ticket, with nothing but the two folders: the outbox says what became of it.

Only calls that Windows and macOS have as well.
"""

import json
import re
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePath, PurePosixPath
from typing import Any, cast

from reeldrop.cli.placing import Placed
from reeldrop.domain.amounts import amount_told
from reeldrop.domain.errors import StartupError
from reeldrop.domain.held import Holder, holder_in
from reeldrop.domain.paths import LONGEST_PATH

DELIVERED, FAILED, UNCERTAIN, TIMED_OUT = 0, 1, 3, 4
ENDS = {"delivered": DELIVERED, "failed": FAILED, "cancelled": FAILED, "uncertain": UNCERTAIN}
INTERVAL = 0.5
"""Seconds between two looks."""
SEARCH_EVERY = 10
"""Looks between two searches of the outbox for a delivery that has left the status file."""
LEFT_FOR = 15.0
"""Seconds the daemon may take to tell that a drop is left over."""
UNCERTAIN_FOR = 10.0
"""Seconds in which the provider's log may still tell what became of an uncertain submit, in any case."""
GONE_FOR = 30.0
"""Seconds an outbox may be away before the wait is given up: a share that reconnects takes some."""
SILENT_FOR = 10.0
"""Seconds without a word of a drop after which that is said."""
STATUS_MAX = 256 * 1024 * 1024
TEXT_MAX = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Sight:
    """What is seen of a drop: its state, why it waits, and its folder once it has one."""

    state: str
    reason: str = ""
    folder: Path | None = None
    job: str = ""
    """The job's id, empty before there is one."""
    moved: float = 0.0
    """How far the files under way have gone, 0 to 1."""
    held: bool | None = field(default=None, compare=False)
    """Of one that is uncertain: whether it is held for a person, or still looked for; None: nobody says."""

    @property
    def end(self) -> int | None:
        """The exit code, None while it goes on."""
        return ENDS.get(self.state)


NOT_A_WORD = Sight(
    "waiting", "no daemon has said a word of it: does one run, and watch this inbox?"
)


class Follower:
    """Looks for one drop in one outbox."""

    def __init__(self, outbox: Path, placed: Placed, past: Collection[str] = ()) -> None:
        """`past` are ids of jobs of the same ticket that had ended before the drop was placed."""
        self.outbox = outbox
        self._placed = placed
        self._past = past
        self._looks = 0
        self._scans: set[str] = set()
        """The looks of the daemon that found the drop's ticket held by a job nobody knew of here."""

    def look(self) -> Sight | None:
        """Return what is seen now, None where there is no word of it."""
        self._looks += 1
        status = read_object(self.outbox / "_status.json", STATUS_MAX)
        return (
            _foremost(self._listed(status))
            or (_foremost(self._found()) if self._looks % SEARCH_EVERY == 1 else None)
            or self._as_waiting(status)
        )

    def holder(self) -> Holder | None:
        """Return the job whose ticket keeps the drop in the inbox, None where none does."""
        status = read_object(self.outbox / "_status.json", STATUS_MAX)
        return holder_in(_reason(self._entry(status)))

    def jobs(self) -> list[Sight]:
        """Return every job of the drop's ticket that the outbox knows."""
        status = read_object(self.outbox / "_status.json", STATUS_MAX)
        return [*self._listed(status), *self._found()]

    def _listed(self, status: Mapping[str, Any]) -> Iterator[Sight]:
        for job in _objects(status.get("jobs")):
            if job.get("ticket") == self._placed.ticket and str(job.get("id")) not in self._past:
                moved, told = _moving(job.get("transfer"))
                reason = _reason(job) or told
                final = self._folder(job.get("final"))
                held = job.get("held") if isinstance(job.get("held"), bool) else None
                yield Sight(str(job.get("state")), reason, final, str(job.get("id")), moved, held)

    def _as_waiting(self, status: Mapping[str, Any]) -> Sight | None:
        entry = self._entry(status)
        if entry is None:
            return None
        reason = _reason(entry)
        holder = holder_in(reason)
        if holder and holder.state in ENDS and self._is_true(holder, entry, status):
            return Sight(holder.state, reason, None, holder.job)
        return Sight("waiting", reason)

    def _entry(self, status: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Return what the status says of the drop as one that waits."""
        ours = (self._placed.clip.name, self._placed.sidecar.name)
        waiting = _objects(status.get("waiting"))
        return next((drop for drop in waiting if drop.get("path") in ours), None)

    def _is_true(self, holder: Holder, entry: Mapping[str, Any], status: Mapping[str, Any]) -> bool:
        """Say whether the holder is this drop's, and not of an earlier one of its name.

        It is if it is known to be of the ticket, or if two looks of the daemon have named it.
        """
        if any(holder.is_of(job) for job in self._past):
            return True
        watches = _objects(status.get("watches"))
        self._scans |= {
            str(each.get("scanned")) for each in watches if each.get("watch") == entry.get("watch")
        }
        return len(self._scans) > 1

    def _folder(self, final: object) -> Path | None:
        # Anybody may write to the share: a path that leaves the outbox is not followed.
        if not isinstance(final, str) or not 0 < len(final) <= LONGEST_PATH:
            return None
        # By this system's own rules as well: on Windows a backslash parts names, and C:x is elsewhere.
        forms = (PurePosixPath(final), PurePath(final))
        if any(form.anchor or form.drive or ".." in form.parts for form in forms):
            return None
        return self.outbox / forms[0]

    def _found(self) -> Iterator[Sight]:
        """Look for our sidecar in the delivered and failed folders of our name."""
        name = re.compile(rf"\+?{re.escape(self._placed.folder)}(-v\d+)?(-\d+)?")
        for top, state in ((self.outbox, "delivered"), (self.outbox / "_failed", "failed")):
            for folder in matching(top, name):
                if self._is_ours(folder):
                    record = read_object(folder / "job.json", TEXT_MAX)
                    told, job = record.get("state"), str(record.get("id"))
                    if job not in self._past:
                        yield Sight(told if told in ENDS else state, "", folder, job)

    def _is_ours(self, folder: Path) -> bool:
        own = (
            read_object(sidecar, TEXT_MAX).get("reeldrop")
            for sidecar in matching(folder / "source", re.compile(r".*\.json"))
        )
        return any(
            isinstance(each, dict) and each.get("ticket") == self._placed.ticket for each in own
        )


def follow(
    follower: Follower, until: float | None, say: Callable[[Sight], None]
) -> tuple[int, Sight | None]:
    """Wait for the end of a drop; `say` gets every change. Returns the exit code and the last sight.

    `until` is on the monotonic clock.

    Raises:
        StartupError: the outbox is not there.
    """
    outbox, seen, began = follower.outbox, None, time.monotonic()
    unsure = there = began
    if not outbox.is_dir():
        raise StartupError(f"the outbox {outbox} is not there")
    while True:
        now = time.monotonic()
        sight = follower.look() or _silence(seen, now - began)
        if sight is not None and sight != seen:
            say(sight)
            seen = sight
        if sight is None or sight.end != UNCERTAIN:
            unsure = now
        more = until is not None and now < until
        if sight and (end := _end_of(sight, now - unsure, more=more)) is not None:
            return end, sight
        there = now if outbox.is_dir() else there
        if now - there > GONE_FOR:
            raise StartupError(f"the outbox {outbox} is not there any more")
        if until is not None and now >= until:
            # Whether it is paid is not known, however short the time was: a person has to look.
            return UNCERTAIN if seen and seen.end == UNCERTAIN else TIMED_OUT, seen
        time.sleep(INTERVAL)


def _silence(seen: Sight | None, since: float) -> Sight | None:
    """Return what is said of a drop of which nothing has been heard for `since` seconds."""
    return NOT_A_WORD if seen is None and since > SILENT_FOR else None


def _end_of(sight: Sight, unsure: float, *, more: bool) -> int | None:
    """Return the exit code of a drop that has ended; `unsure` is for how long (s) it has been uncertain.

    Most are found in the provider's log within minutes. So one that is not held is waited for where
    there is `more` of the time that somebody gave it.
    """
    if sight.end != UNCERTAIN:
        return sight.end
    return None if unsure < UNCERTAIN_FOR or (more and sight.held is False) else UNCERTAIN


def is_left_over(follower: Follower, sight: Sight) -> bool:
    """Say whether the drop lies in the inbox for good, because the job that has ended has its ticket.

    That is so where two nodes dropped at the same moment, or where a person took the result away.
    """
    until = time.monotonic() + LEFT_FOR
    while (holder := follower.holder()) is not None and holder.is_of(sight.job):
        if ENDS.get(holder.state, UNCERTAIN) != UNCERTAIN:
            return True
        if time.monotonic() >= until:
            return False
        time.sleep(INTERVAL)
    return False


def outcome(sight: Sight) -> str:
    """Return what to tell of an end: the path of the result, or the text of error.txt."""
    if sight.folder is None:
        return sight.reason or sight.state
    if sight.state == "delivered":
        return str(_result(sight.folder))
    try:
        with (sight.folder / "error.txt").open("rb") as file:
            return file.read(TEXT_MAX).decode("utf-8", "replace").rstrip()
    except OSError:
        return f"{sight.reason or sight.state}: see {sight.folder}"


def _result(folder: Path) -> Path:
    result = read_object(folder / "job.json", TEXT_MAX).get("result")
    name = result.get("name") if isinstance(result, dict) else None
    if isinstance(name, str) and name and Path(name).name == name:
        return folder / name
    return folder


def matching(top: Path, name: re.Pattern[str]) -> Iterator[Path]:
    """Yield what lies in a folder under such a name; nothing where the folder is not there yet."""
    try:
        yield from sorted(entry for entry in top.iterdir() if name.fullmatch(entry.name))
    except OSError:
        return


def read_object(path: Path, limit: int) -> dict[str, Any]:
    """Return a JSON object, empty where there is none (now): it is looked at again."""
    try:
        if not path.is_file():
            return {}  # a pipe would be waited for
        with path.open("rb") as file:
            content = json.loads(file.read(limit))
    except (OSError, ValueError, RecursionError):
        return {}
    return cast("dict[str, Any]", content) if isinstance(content, dict) else {}


def _foremost(sights: Iterable[Sight]) -> Sight | None:
    """Return what goes on, else the worst end: one ticket may have several jobs, as variants do."""
    found = list(sights)
    going = next((sight for sight in found if sight.end is None), None)
    return going or max(found, key=lambda sight: sight.end or 0, default=None)


def _reason(record: Mapping[str, Any] | None) -> str:
    return str((record or {}).get("reason") or "")


def _moving(transfer: object) -> tuple[float, str]:
    """Return how far the files of a job have gone, in tenths, and in words: each tenth is a line."""
    match transfer:
        case {"bytes": int(count), "total": int(total)} if 0 <= count <= total and total:
            tenths = 10 * count // total
            return tenths / 10, f"{tenths * 10} % of {amount_told(total)}"
        case _:
            return 0.0, ""


def _objects(value: object) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, list):
        yield from (each for each in cast("list[Any]", value) if isinstance(each, dict))
