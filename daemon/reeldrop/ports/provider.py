"""What the engine needs of the remote service, and its catalogue."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

from reeldrop.domain.errors import StepError, Trouble
from reeldrop.domain.job import Cost, GenerationId
from reeldrop.domain.spec import Fault, Model
from reeldrop.ports.uploads import Meter


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
        self,
        request: SubmitRequest,
        before_last_bytes: Callable[[], Awaitable[None]],
        overdue: Callable[[StepError], Awaitable[None]],
    ) -> Generation:
        """POST once on a fresh connection. `before_last_bytes` is awaited while the body's end is held back.

        What `before_last_bytes` raises ends the request unsent and is raised as it is. `overdue` is
        awaited once if the whole request has left and no answer has begun for long, with the
        UnknownOutcome that this is for now; the answer is then awaited for longer, and what comes
        while `overdue` runs is kept. A ReeldropError that it raises ends the wait and is raised as it is.

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

    async def fetch(self, url: str, part: Path, meter: Meter) -> None:
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
