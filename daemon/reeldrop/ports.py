"""What the engine needs of the world. Every method's contract stands in its docstring.

Adapters raise only `reeldrop.domain.errors`. All paths are those of `reeldrop.domain.job`.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

from reeldrop.domain.errors import Trouble
from reeldrop.domain.job import (
    Claim,
    Cost,
    GenerationId,
    Job,
    JobId,
    JournalEntry,
    MediaFacts,
    RelPath,
    Waiting,
)
from reeldrop.domain.lifecycle import Event, State
from reeldrop.domain.references import Kind
from reeldrop.domain.settling import Evidence
from reeldrop.domain.spec import Fault, Model

# ---------------------------------------------------------------------------- host


class Clock(Protocol):
    """Time, so that rules about it can be tested without waiting."""

    def now(self) -> float:
        """Return wall-clock seconds since the epoch."""
        ...

    def monotonic(self) -> float:
        """Return seconds that never go back, for ages and time-outs of this process."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return after `seconds`."""
        ...


# ---------------------------------------------------------------------------- store


@dataclass(frozen=True, slots=True)
class KeptFile:
    """A file of a kept drop as it was taken: by its path and its bytes it is known for ever.

    `key` is its stat key (see `Entry.key`), which spares reading it again; `job` took it.
    """

    path: RelPath
    key: str
    sha256: str
    job: JobId


class JobStore(Protocol):
    """The memory. Every change is durable (fsynced) when its method returns.

    A guarded method writes only while the row still has the job's owner, token and state, and
    raises `Lost` otherwise. Each writes its journal row in the same transaction. A caller that is
    cancelled while it waits for a change does not undo it. Any method raises StoreUnavailable
    when the store itself cannot be written or read; then nothing was changed.
    """

    async def store_id(self) -> str:
        """Return the store's own random name (32 hexadecimal digits), the same for its whole life."""
        ...

    async def add(self, jobs: Sequence[Job], kept: Sequence[KeptFile] = ()) -> bool:
        """Record the new jobs (QUEUED, no owner) of one drop, all or none of them.

        None, and False, when a job that is not final has the source_key of one of them.

        `kept` are the source files of a kept claim, every one; they are remembered for
        `known_kept` in the same transaction.
        """
        ...

    async def withdraw(self, job: Job) -> None:
        """Guarded: forget a QUEUED job whose claim was never made, and the kept files it took.

        Its journal stays.
        """
        ...

    async def claim_next(self, now: float) -> Job | None:
        """Take the next due QUEUED job that is claimed, of the enrolled watches: event TAKEN, owner = this daemon, token + 1.

        Highest priority first (plus 1 for each 600 s waited since `created`), then oldest. None
        when none is due or a limit (`in_flight`, `submits_per_minute`) leaves no room. The job's
        `reason` is cleared: it moves.
        """
        ...

    async def next_due(self, now: float) -> float | None:
        """Return when `claim_next` is worth asking again by time alone, or None for "after a change"."""
        ...

    async def move(self, job: Job, event: Event, note: Mapping[str, Any] | None = None) -> Job:
        """Guarded: take the arrow `event`, and write every field of `job` as it is given.

        The owner is released by arrows into QUEUED, UNCERTAIN and final states. A job without an
        owner that gets into another state becomes this daemon's: token + 1.
        Raises IllegalTransition when the table has no such arrow.
        """
        ...

    async def update(self, job: Job, event: str, note: Mapping[str, Any] | None = None) -> Job:
        """Guarded: write the fields of `job` without a change of state; `event` names the journal row."""
        ...

    async def adopt(self) -> list[Job]:
        """Take over every owned job of dead daemons: token + 1, AFTER_CRASH applied, owner = this one.

        Returns the jobs that this daemon now owns. Called once, before anything else.
        """
        ...

    async def get(self, job_id: JobId) -> Job | None:
        """Return the job as recorded."""
        ...

    async def jobs(
        self, states: Sequence[State] | None = None, *, since: float = 0.0, limit: int | None = None
    ) -> list[Job]:
        """Return jobs, newest change first, filtered by state and by `updated >= since`."""
        ...

    async def journal(self, job_id: JobId) -> list[JournalEntry]:
        """Return the job's history, oldest first."""
        ...

    async def jobs_of_claim(self, folder: RelPath, watch: str) -> list[Job]:
        """Return the jobs that share the claim at `folder` of `watch`'s inbox; none for a kept drop."""
        ...

    async def enrol_watch(self, name: str, inbox: str, outbox: str) -> tuple[str, str] | None:
        """Serve the watch called `name` from now on, and remember where its folders are.

        When it has jobs that are not final and its folders were others, nothing is changed and
        those are returned, the inbox first.
        """
        ...

    async def set_blocked(self, reason: str) -> None:
        """Put down why no queued job is submitted now; "" when one may be."""
        ...

    async def blocked(self) -> str:
        """Return what `set_blocked` put down."""
        ...

    async def set_waiting(self, watch: str, waiting: Sequence[Waiting]) -> None:
        """Replace what is shown as waiting in `watch`."""
        ...

    async def waiting(self) -> list[Waiting]:
        """Return what is shown as waiting, all watches."""
        ...

    async def known_kept(self, watch: str) -> list[KeptFile]:
        """Return every file that was taken of the kept watch, under every stat key it has had."""
        ...

    async def remember_kept(self, watch: str, file: KeptFile) -> None:
        """Remember a new stat key of a kept file whose bytes are known."""
        ...

    async def close(self) -> None:
        """Finish what was asked for and close; later calls raise RuntimeError."""
        ...


# ---------------------------------------------------------------------------- provider


class Streamed(Protocol):
    """A JSON string value that is made while it is sent: the data URI of a file.

    `length` is the exact number of bytes between the quotes.
    """

    length: int

    def chunks(self) -> AsyncIterator[bytes]:
        """Yield the value; all of it is ASCII that needs no JSON escape.

        Raises FileBusy when the file is shorter than it was or cannot be read.
        """
        ...

    async def verify(self) -> None:
        """Raise FileBusy unless the file is still the one that `chunks` began to read."""
        ...

    def facts(self) -> MediaFacts:
        """Return name, bytes and SHA-256 of what `chunks` yielded to its end."""
        ...


@dataclass(frozen=True, slots=True)
class SubmitRequest:
    """One submit: `params` holds JSON values and, wherever a file goes, a Streamed."""

    model: str
    params: Mapping[str, Any]
    request_id: str


class Progress(StrEnum):
    """What a generation's status means to us."""

    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Generation:
    """An answer about a generation. `status` is the provider's own word."""

    id: GenerationId
    progress: Progress
    status: str
    url: str | None = None
    """Where a completed result lies; None where the answer had none."""
    error: Trouble | None = None
    cost: Cost | None = None


@dataclass(frozen=True, slots=True)
class LogRow:
    """What the provider's request log says of one submit."""

    request_id: str
    """Our own id of the submit: its `SubmitRequest.request_id`."""
    made: bool
    """False only where the log says `failed`: then nothing was charged. True for any other word."""
    generation_id: GenerationId | None = None
    """None where the row names none: it was made, and the log does not say as what."""
    cost: Cost | None = None
    """As charged by now; a generation that is still running may stand there with nothing."""


class Provider(Protocol):
    """The remote service. Its verdict on every answer is `provider/verdicts.py`."""

    async def submit(
        self, request: SubmitRequest, before_last_bytes: Callable[[], Awaitable[None]]
    ) -> Generation:
        """POST once on a fresh connection. `before_last_bytes` is awaited while the body's end is held back.

        What `before_last_bytes` raises ends the request unsent and is raised as it is.

        Raises:
            ProviderUnavailable, RateLimited: definitely nothing was made; try later.
            BlockedError: definitely nothing was made, and every clip would meet the same.
            ClipRejected: definitely nothing was made; the API refuses this request.
            UnknownOutcome: the whole body may have left and no answer tells what came of it.
        """
        ...

    async def poll(self, generation_id: GenerationId) -> Generation:
        """GET the generation.

        Raises:
            TransientError, BlockedError: ask again later.
            GenerationUnknown: 404; the provider does not know the id (now).
        """
        ...

    async def find(self, request_ids: Collection[str], reach: float) -> Mapping[str, LogRow]:
        """Look for submits by our own request ids, in the last `reach` seconds of the request log.

        The seconds are counted back on the provider's clock, with 10 minutes to spare, and never
        beyond 7 days. A submit without a row is not in the answer, and that is said only after all
        pages were read: what was found before an error came is not told. Where many ids are asked
        for at once and it does not get to the end, those that are there are found one by one, as
        reading stops when all have a generation. It may take minutes: the rate is limited.

        Raises:
            TransientError, BlockedError: the log did not answer; nothing is known of any submit.
        """
        ...

    async def fetch(self, url: str, part: Path) -> None:
        """Download `url` into `part`, without the key; go on by Range where `part` has a beginning.

        Redirects are followed. The file is fsynced and has the length that the server announced.
        Raises TransientError (try again, `part` is kept), ResultGone (403, 404, 410: ask for a new
        URL), DiskFull.
        """
        ...

    async def balance(self) -> tuple[float, str]:
        """Return the account's balance and its currency. Raises like `poll`."""
        ...


class Catalogue(Protocol):
    """The models of the API, as data."""

    def names(self) -> Sequence[str]:
        """Return every model's name, sorted."""
        ...

    def find(self, name: str) -> Model | None:
        """Return the model called `name`."""
        ...

    def check(self, model: Model, params: Mapping[str, Any]) -> tuple[dict[str, Any], list[Fault]]:
        """Return `params` with numbers given as strings made numbers, and every fault at once.

        A URI parameter passes here with any string: what it may be is the intake's to check.
        """
        ...


class Uploads(Protocol):
    """How a file of a drop reaches the provider."""

    async def prepare(self, file: Path, mode: str) -> tuple[Streamed | str, str]:
        """Return the value for the request and the mode taken (`data_uri` or `signed_url`).

        Raises ClipRejected when `mode` cannot be had, FileBusy when the file cannot be read.
        """
        ...


# ---------------------------------------------------------------------------- media


class Media(Protocol):
    """What only a decoder can say."""

    async def probe(self, file: Path) -> MediaFacts:
        """Return what the container says of a whole video (no SHA-256).

        Raises:
            NotWhole: part of the file is missing, as far as can be seen; it may still be arriving.
            ClipUnreadable: it opens as no video.
            FileBusy: the file cannot be read now, or is gone.
        """
        ...

    async def check_reference(self, file: Path, kind: Kind) -> None:
        """Raise ClipUnreadable, which says what it is, unless `file` is of `kind`; FileBusy as `probe`."""
        ...

    async def poster(self, video: Path, to: Path) -> None:
        """Write a JPEG of a frame of `video`. Raises ClipUnreadable where none can be decoded.

        DiskFull and FileBusy where `to` cannot be written.
        """
        ...


# ---------------------------------------------------------------------------- files


@dataclass(frozen=True, slots=True)
class Entry:
    """A regular file of an inbox as one scan saw it."""

    path: RelPath
    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int
    device: int

    @property
    def key(self) -> str:
        """What names the content over renames and restarts; tools can set every part of it back."""
        return f"{self.device}:{self.inode}:{self.size}:{self.mtime_ns}"

    @property
    def version(self) -> str:
        """What changes whenever the content may have: no tool can set ctime. A rename changes it too."""
        return f"{self.key}:{self.ctime_ns}"


@dataclass(frozen=True, slots=True)
class Scan:
    """One look at an inbox. Litter, links and special files are not in it."""

    entries: tuple[Entry, ...]
    evidence: Mapping[RelPath, tuple[Evidence, float]] = field(
        default_factory=dict[RelPath, tuple[Evidence, float]]
    )
    """The last evidence on each file since the daemon started, with its monotonic time (s)."""
    unreadable: Mapping[RelPath, str] = field(default_factory=dict[RelPath, str])
    """Folders and files that could not be looked at, and why."""


class Inbox(Protocol):
    """One watched folder."""

    async def changed(self, timeout: float) -> None:
        """Return when something may have changed since the last scan, or after `timeout` seconds."""
        ...

    async def scan(self) -> Scan:
        """Look at the whole folder. Raises FolderOffline when the folder itself does not answer."""
        ...

    async def read(self, path: RelPath, limit: int) -> bytes:
        """Return at most `limit` + 1 bytes of a file. Raises FileBusy, FolderOffline."""
        ...

    async def sha256(self, entry: Entry) -> str:
        """Return the SHA-256 of a file in hexadecimal digits.

        Raises FileBusy when it is not the file that `entry` saw, before or after; FolderOffline.
        """
        ...

    async def check_inside(self, path: RelPath) -> str:
        """Return "" if `path` may be used, "missing" if nothing is there, else why it must not be used.

        A path through a symbolic link, out of the inbox, or to anything but a regular file must not.
        """
        ...

    async def written_by_another(self, path: RelPath) -> bool | None:
        """Say whether a process of this host holds the file open for writing; None: cannot be told."""
        ...

    def real(self, path: RelPath) -> Path:
        """Return where `path` lies on this host."""
        ...

    def plan_claim(
        self,
        clip: RelPath,
        sources: Sequence[RelPath],
        base: RelPath,
        references: Sequence[RelPath],
        *,
        keep: bool,
    ) -> Claim:
        """Name the claim's folder and every file's place in it; nothing is touched.

        `base` is the folder of the sidecar (or of the clip): what lies below it keeps its path.
        """
        ...

    async def claim(self, claim: Claim) -> None:
        """Make `claim` true, durably: references copied, sources moved, folders fsynced.

        May be called again after a crash and then finishes. What fails puts back what was moved.

        Raises:
            DropChanged: a file has gone, or is not the one that was judged (`ClaimedFile.key`).
            FileBusy, FolderOffline, DiskFull: a file cannot be moved now.
        """
        ...

    async def release(self, claim: Claim) -> None:
        """Remove the claim's folder and what is in it; nothing happens if it is gone."""
        ...

    async def claims(self) -> list[RelPath]:
        """Return the folders of all claims there are."""
        ...


@dataclass(frozen=True, slots=True)
class Delivery:
    """What a job's folder in the outbox shall hold."""

    texts: Mapping[str, bytes]
    """Small files by name: job.json, job.log.jsonl, error.txt."""
    result: tuple[Path, str] | None = None
    """The fetched result and the name it gets."""
    poster: Path | None = None
    sources: Sequence[tuple[Path, RelPath]] = ()
    """Files to show below `source/`, linked or copied, with their paths there."""


class Outbox(Protocol):
    """One folder of results."""

    def work(self, name: str) -> Path:
        """Return a path in the outbox's own work folder, on its file system."""
        ...

    def real(self, path: RelPath) -> Path:
        """Return where `path` lies on this host."""
        ...

    async def stage(self, name: str, delivery: Delivery) -> RelPath:
        """Make the complete folder `name` in the work folder, all of it fsynced; replaces an old one.

        Raises DiskFull, FolderOffline, FileBusy.
        """
        ...

    async def free_name(self, wanted: RelPath) -> RelPath:
        """Return `wanted`, or with `-2`, `-3` … the first name that nothing has.

        An empty folder has a name too, and so has a folder of drops.
        """
        ...

    async def publish(self, staged: RelPath, final: RelPath) -> bool:
        """Rename the staged folder to `final`, durably; False when `final` has been taken meanwhile.

        True as well where the staged folder is gone and `final` holds it: the rename was done
        before a crash. Raises StagedMissing when neither is there, FolderOffline.
        """
        ...

    async def sha256(self, file: Path) -> str:
        """Return the SHA-256 of a file of the work folder, in hexadecimal digits."""
        ...

    async def discard(self, name: str) -> None:
        """Remove what the work folder holds under `name`; nothing happens if it is gone."""
        ...

    async def leftovers(self) -> list[str]:
        """Return the names that the work folder holds."""
        ...

    async def write_status(self, name: str, content: bytes) -> None:
        """Replace the file `name` at the top of the outbox, atomically."""
        ...
