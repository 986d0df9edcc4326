"""The durable record of one drop."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, NewType, Self

from reeldrop.domain.errors import Trouble
from reeldrop.domain.fit import Fit
from reeldrop.domain.lifecycle import State, Verdict

JobId = NewType("JobId", str)
"""32 lower-case hexadecimal digits, 128 random bits: safe in a path, a URL and a header."""
GenerationId = NewType("GenerationId", str)
"""The provider's opaque name of a generation; may hold `:` and `/`."""
RelPath = NewType("RelPath", str)
"""A path relative to an inbox or outbox, `/` between parts, odd bytes as surrogate escapes."""

CREDITS_PER_USD = 2_000_000
"""The provider's FAQ; it agrees with every answer that names both."""


@dataclass(frozen=True, slots=True)
class MediaFacts:
    """What is known of a media file, as the record shows it; None where it is not known."""

    name: str
    bytes: int
    sha256: str | None = None
    seconds: float | None = None
    width: int | None = None
    height: int | None = None
    fps: float | None = None
    codec: str | None = None


@dataclass(frozen=True, slots=True)
class Cost:
    """What the provider says it charged; None where it did not say."""

    credits: float | None = None
    usd: float | None = None

    @property
    def dollars(self) -> float | None:
        """What it charged in USD, also where it told credits alone."""
        if self.usd is None and self.credits is not None:
            return self.credits / CREDITS_PER_USD
        return self.usd


@dataclass(frozen=True, slots=True)
class ClaimedFile:
    """One file of a drop inside its claim.

    `at` is its path below the claim's folder, `origin` the path it had, relative to the inbox.
    `key` is the stat key under which it was judged; nothing else may be taken in its place.
    """

    at: RelPath
    origin: RelPath
    key: str = ""


@dataclass(frozen=True, slots=True)
class Claim:
    """The files of a drop that belong to Reeldrop now.

    `folder` is relative to the inbox: `.reeldrop/claims/<id>` of the clip's own file system, or
    empty for a kept drop, whose files stay where they are (`at` then equals `origin`).
    `source` files (clip, sidecar) were moved; `references` were copied.
    """

    folder: RelPath
    source: tuple[ClaimedFile, ...]
    references: tuple[ClaimedFile, ...] = ()

    @property
    def kept(self) -> bool:
        """Say whether the files stayed in the inbox."""
        return not self.folder

    def path_of(self, origin: RelPath) -> RelPath:
        """Return where the file that lay at `origin` lies now, relative to the inbox."""
        for claimed in (*self.source, *self.references):
            if claimed.origin == origin:
                return claimed.at if self.kept else RelPath(f"{self.folder}/{claimed.at}")
        raise KeyError(origin)


@dataclass(frozen=True, slots=True)
class MediaFile:
    """A parameter's value that is a file of the drop; `origin` is relative to the inbox."""

    origin: RelPath


class Way(StrEnum):
    """What stands in a request for a file: its content, or an address from which it is fetched."""

    DATA_URI = "data_uri"
    SIGNED_URL = "signed_url"


@dataclass(frozen=True, slots=True)
class Sent:
    """How one file of a job went to the provider; `name` is its path relative to the inbox."""

    name: RelPath
    way: Way
    why: str


@dataclass(frozen=True, slots=True)
class Job:
    """One drop under one spec. Changed only by `evolve` and recorded only by the store."""

    id: JobId
    watch: str
    path: RelPath
    """The drop as the user knows it: its clip, else its sidecar, relative to the inbox."""
    folder: RelPath
    """Where its delivery is wanted, relative to the outbox (or to `_failed`)."""
    model: str
    params: Mapping[str, Any]
    """As they will be submitted, without `model`; files of the drop stand as `MediaFile`."""
    claim: Claim
    source_key: str
    """What makes a drop the same drop while it is not final."""
    created: float
    """Seconds since the epoch, like `updated` and `not_before`."""
    updated: float
    state: State = State.QUEUED
    claimed: bool = False
    """Its claim has been made: only then may a worker take it."""
    owner: str | None = None
    token: int = 0
    priority: int = 0
    upload: str = "auto"
    """The way its files are wanted to go: `auto`, or a Way."""
    labels: Mapping[str, Any] = field(default_factory=dict[str, Any])
    ticket: str = ""
    reason: str = ""
    """Why it waits, for people; empty while it moves."""
    late: bool = False
    """Generating for longer than a generation may take: asked seldom, counts against no limit."""
    not_before: float = 0.0
    tries: int = 0
    """Consecutive tries of the present step that did not work."""
    attempts: int = 0
    """Submits declared so far."""
    request_ids: tuple[str, ...] = ()
    """The client request ids of these submits."""
    settled: int = 0
    """How many of them were made before a person began the job anew: they are not looked for."""
    upload_mode: str = ""
    """The way that its clip went with the last submit; where there is none, that of its first file."""
    sent: tuple[Sent, ...] = ()
    """The ways of all its files, and why."""
    generation_id: GenerationId | None = None
    submitted: float | None = None
    searched: float = 0.0
    """Seconds for which the provider's log has answered, and not shown this uncertain submit."""
    held: bool = False
    """Uncertain, and looked for long enough: it waits for a person."""
    spec_key: str = ""
    """What identical drops share before a byte is read: model, parameters and sizes of files."""
    origin_key: str = ""
    """What a file that comes again shares with the one that came: watch, path, size and mtime."""
    leader: JobId | None = None
    """The identical job under way whose generation this one waits for, or has joined."""
    joined: bool = False
    """Its generation is another job's: it costs nothing, and takes no place at the provider."""
    aside: bool = False
    """Refused while another job passed: its trouble is its own and closes the queue for nobody."""
    cancel_asked: bool = False
    """A person wants it no more. Set by `JobMemory.ask_cancel` alone; a paid result is still kept."""
    result_url: str | None = None
    download: RelPath | None = None
    """The fetched result, relative to the outbox's work folder."""
    verdict: Verdict | None = None
    staged: RelPath | None = None
    """The complete folder that awaits its rename, relative to the outbox."""
    final: RelPath | None = None
    """The name it gets, or has, relative to the outbox."""
    source: MediaFacts | None = None
    fit: Fit | None = None
    """How the clip is made to fit its model before it is sent; None: it is sent as it is."""
    fitted: MediaFacts | None = None
    """The clip as it was made to fit, whole on disk; its name is that in the outbox's work folder."""
    media: tuple[MediaFacts, ...] = ()
    """The references; `name` is their path relative to the inbox, the digest known once they are sent."""
    result: MediaFacts | None = None
    cost: Cost | None = None
    error: Trouble | None = None

    def evolve(self, **changes: Any) -> Self:
        """Return the job with `changes`; some fields are the store's own to change."""
        if forbidden := changes.keys() & {"id", "state", "owner", "token", "cancel_asked"}:
            raise TypeError(f"only the store changes {', '.join(sorted(forbidden))}")
        return replace(self, **changes)

    @property
    def sought(self) -> tuple[str, ...]:
        """The request ids whose outcome matters to the job as it stands now."""
        return self.request_ids[self.settled :]

    @property
    def request_id(self) -> str:
        """The client request id of the attempt that this owner and token may make."""
        return f"{self.id}.{self.token}"


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """One line of a job's history, written in the transaction that made it true."""

    at: float
    event: str
    state: State
    token: int
    note: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Waiting:
    """A drop that is not a job yet, and what it waits for."""

    watch: str
    path: RelPath
    reason: str
    since: float
