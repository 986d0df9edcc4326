"""What the engine is given: the ports, one pair of folders for each watch, and its policy."""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Protocol

from reeldrop.domain.errors import FolderOffline
from reeldrop.domain.job import Job, JobId
from reeldrop.engine.intake.probing import Probing
from reeldrop.engine.pulse import Pulse
from reeldrop.engine.transfers import Transfers
from reeldrop.ports import (
    Catalogue,
    Clock,
    Inbox,
    JobStore,
    Media,
    Outbox,
    Provider,
    Receiver,
    Uploads,
)

DAY = 86_400.0


@dataclass(slots=True)
class Place:
    """One watch: where its drops come from and where they go. A reload may change `duplicates`."""

    inbox: Inbox
    outbox: Outbox
    """Its own, also where watches share the folder: what hangs for one must not hold up another."""
    board: Outbox
    """The same folder, for the status alone: deliveries that hang must not hold that up."""
    media: Media
    """Its own as well."""
    archive: str
    """`move`, `delete` or `keep`."""
    duplicates: str
    """Which identical drops are not run: `in_flight`, `always` or `never`."""


class Folders(Protocol):
    """What the machine says of the folders of each watch; nothing here waits for one that hangs."""

    async def short(self) -> Mapping[str, str]:
        """Return which watches' disks are too full to take on work, and a sentence for each."""
        ...

    async def silent(self) -> Mapping[str, str]:
        """Return of which watches a folder does not answer any more, and a sentence for each."""
        ...


@dataclass(slots=True)
class Policy:
    """How long the engine waits for what; all in seconds. A reload may change it: it is asked at every step."""

    poll_interval: float
    generation_timeout: float
    reconcile_window: float
    """How long an uncertain submit is looked for before it is held for a person."""
    late_interval: float = 600.0
    unknown_generation: float = 600.0
    """How long the provider may not know a generation before it counts as late."""
    result_kept: float = 30 * DAY
    """How long a paid result is asked for."""
    longest_retry: float = 60.0
    longest_fetch_retry: float = 3600.0
    longest_freed: float = 600.0
    """Longest time between two submits of a clip that the API fails on again and again."""

    def become(self, other: "Policy") -> None:
        """Hold for all that is asked from now on as `other` does."""
        for each in fields(self):
            setattr(self, each.name, getattr(other, each.name))


Beside = Callable[[], Coroutine[Any, Any, None]]


@dataclass(frozen=True, slots=True)
class Rooms:
    """Everything outside that the engine may use."""

    node: str
    clock: Clock
    store: JobStore
    provider: Provider
    catalogue: Catalogue
    uploads: Uploads
    places: Mapping[str, Place]
    policy: Policy
    stopping: Callable[[], bool]
    transfers: Transfers
    pulse: Pulse
    receivers: Sequence[Receiver] = ()
    """Who is told what becomes of jobs."""
    beside: Sequence[Beside] = ()
    """What runs beside the work, as long as that does or until it has ended by itself."""
    jitter: Callable[[], float] = field(default=lambda: 1.0)
    """Numbers from 0 to 1 that spread retries."""
    cancelled: set[JobId] = field(default_factory=set[JobId])
    """The jobs that a person wants no more, and that have not ended yet."""
    probings: dict[str, Probing] = field(default_factory=dict[str, Probing])
    """By watch, what counts the crashes of the daemon under clips that are being made to fit."""

    def place(self, job: Job) -> Place:
        """Return the folders of the job's watch. Raises FolderOffline."""
        if job.watch not in self.places:
            raise FolderOffline(f'the settings name no watch "{job.watch}" any more')
        return self.places[job.watch]

    def probing(self, job: Job) -> Probing:
        """Return what counts the crashes of the daemon under clips of the job's watch."""
        return self.probings.setdefault(job.watch, Probing(job.watch, self.store))
