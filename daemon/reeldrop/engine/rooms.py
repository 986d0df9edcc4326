"""What the engine is given: the ports, one pair of folders for each watch, and its policy."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from reeldrop.domain.errors import FolderOffline
from reeldrop.domain.job import Job, JobId
from reeldrop.ports import Clock, Inbox, JobStore, Media, Outbox, Provider, Uploads

DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class Place:
    """One watch: where its drops come from and where they go."""

    inbox: Inbox
    outbox: Outbox
    archive: str
    """`move`, `delete` or `keep`."""
    duplicates: str
    """Which identical drops are not run: `in_flight`, `always` or `never`."""


@dataclass(frozen=True, slots=True)
class Policy:
    """How long the engine waits for what; all in seconds."""

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


@dataclass(frozen=True, slots=True)
class Rooms:
    """Everything outside that the engine may use."""

    node: str
    clock: Clock
    store: JobStore
    provider: Provider
    uploads: Uploads
    media: Media
    places: Mapping[str, Place]
    policy: Policy
    stopping: Callable[[], bool]
    jitter: Callable[[], float] = field(default=lambda: 1.0)
    """Numbers from 0 to 1 that spread retries."""
    cancelled: set[JobId] = field(default_factory=set[JobId])
    """The jobs that a person wants no more, and that have not ended yet."""

    def place(self, job: Job) -> Place:
        """Return the folders of the job's watch. Raises FolderOffline."""
        if job.watch not in self.places:
            raise FolderOffline(f'the settings name no watch "{job.watch}" any more')
        return self.places[job.watch]
