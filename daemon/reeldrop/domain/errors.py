"""The taxonomy of what can go wrong, classed by what must happen next.

    ReeldropError
    ├── SettingsError                    STOP        exit 78: mend the configuration
    ├── StartupError                     STOP        exit 75: a place is not there now
    ├── StepError
    │   ├── TransientError               RETRY       the same step may work later
    │   │   ├── ProviderUnavailable · RateLimited · FileBusy · FolderOffline · NotWhole
    │   │   ├── DropChanged · UploadUnavailable · NotTold
    │   │   ├── ResultDamaged · ResultGone · StagedMissing · GenerationUnknown · Stopping
    │   ├── UnknownOutcome               RECONCILE   the request may have been paid for
    │   ├── BlockedError                 PAUSE       every clip would meet the same
    │   │   ├── NotAuthorised · OutOfFunds · ProtocolChanged · DiskFull
    │   └── ClipError                    QUARANTINE  no retry can help this clip
    │       ├── ClipRejected · Unsendable · ClipUnreadable · Poisonous
    │       ├── GenerationFailed · ResultLost
    │       ├── Duplicate · Cancelled · SourceVanished
    ├── StoreUnavailable                 RETRY       the job table does not answer; no step's error
    └── Lost                             DROP        another owner has this job

The first line of each docstring is what an operator reads.
"""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum


class Disposition(StrEnum):
    """What the engine does next about an error."""

    STOP = "stop"
    RETRY = "retry"
    RECONCILE = "reconcile"
    PAUSE = "pause"
    QUARANTINE = "quarantine"
    DROP = "drop"


@dataclass(frozen=True, slots=True)
class Trouble:
    """What went wrong with one job, in the words of its record: `error {code, message, hint}`."""

    code: str
    message: str
    hint: str = ""


class ReeldropError(Exception):
    """Something Reeldrop expects to go wrong went wrong."""

    disposition: Disposition
    code = "error"

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    @property
    def words(self) -> str:
        """What happened and what to do, in one line."""
        end = "" if self.message.endswith((".", "!", "?")) else "."
        return f"{self.message}{end} {self.hint}" if self.hint else self.message

    def trouble(self) -> Trouble:
        """Return the error as the record shows it."""
        return Trouble(self.code, self.message, self.hint)


class SettingsError(ReeldropError):
    """The settings are wrong; mend them and start again."""

    disposition = Disposition.STOP
    code = "settings"


class StartupError(ReeldropError):
    """A place that Reeldrop needs is not there now."""

    disposition = Disposition.STOP
    code = "not_there"


class StepError(ReeldropError):
    """Something went wrong with one clip or one place."""


class TransientError(StepError):
    """The same step may work later; the job waits and is tried again."""

    disposition = Disposition.RETRY
    code = "transient"

    def __init__(self, message: str, *, hint: str = "", retry_after: float | None = None) -> None:
        """`retry_after` is in seconds; None leaves the delay to the retry policy."""
        super().__init__(message, hint=hint)
        self.retry_after = retry_after


class ProviderUnavailable(TransientError):
    """The API did not take the request; nothing was made."""

    code = "provider_unavailable"


class RateLimited(TransientError):
    """The API asks for fewer requests; nothing was made."""

    code = "rate_limited"


class FileBusy(TransientError):
    """A file changed or was held while Reeldrop read it."""

    code = "file_busy"


class DropChanged(TransientError):
    """A file of a drop has gone, or was replaced, before it could be taken."""

    code = "drop_changed"

    def __init__(
        self, message: str, *, gone: Collection[str] = (), held: Collection[str] = ()
    ) -> None:
        """`gone` and `held` are paths as the user knows them: no longer there, and not put back."""
        super().__init__(message)
        self.gone = frozenset(gone)
        self.held = frozenset(held)


class FolderOffline(TransientError):
    """A folder does not answer."""

    code = "folder_offline"


class UploadUnavailable(TransientError):
    """The place that the provider would fetch this file from does not take it now."""

    code = "upload_unavailable"


class NotTold(TransientError):
    """A receiver of notices could not be told; it is tried again, and no job waits for it."""

    code = "not_told"

    def __init__(
        self, message: str, *, retry_after: float | None = None, refused: bool = False
    ) -> None:
        """`refused`: it heard, and does not take this very notice; others it may take."""
        super().__init__(message, retry_after=retry_after)
        self.refused = refused


class ResultDamaged(TransientError):
    """The result could not be fetched whole; it is fetched again, which is free."""

    code = "result_damaged"


class NotWhole(TransientError):
    """Part of the file is missing; it may still be arriving."""

    code = "not_whole"


class ResultGone(TransientError):
    """The result's URL has expired; a new one is asked for."""

    code = "result_gone"


class StagedMissing(TransientError):
    """A prepared delivery is gone from the outbox's work folder; it is made again."""

    code = "staged_missing"


class GenerationUnknown(TransientError):
    """The provider does not know this generation now."""

    code = "generation_unknown"


class Stopping(TransientError):
    """The daemon is stopping; the step is done after the next start."""

    code = "stopping"


class UnknownOutcome(StepError):
    """The request may have been accepted and paid for; it is never sent again by itself."""

    disposition = Disposition.RECONCILE
    code = "unknown_outcome"


class BlockedError(StepError):
    """Every clip would meet the same trouble; the queue waits."""

    disposition = Disposition.PAUSE
    code = "blocked"


class NotAuthorised(BlockedError):
    """The API refuses the key or the account."""

    code = "not_authorised"


class OutOfFunds(BlockedError):
    """The account has no money left for this request."""

    code = "out_of_funds"


class ProtocolChanged(BlockedError):
    """The API's address does not answer as the API would."""

    code = "protocol_changed"


class DiskFull(BlockedError):
    """A disk is full."""

    code = "disk_full"


class ClipError(StepError):
    """This clip cannot be done; no retry would help it."""

    disposition = Disposition.QUARANTINE
    code = "clip"


class Unsendable(ClipError):
    """The request cannot be made from this drop."""

    code = "unsendable"


class Duplicate(ClipError):
    """The same bytes and parameters have been delivered already, and the watch runs nothing twice."""

    code = "duplicate"


class Cancelled(ClipError):
    """A person wants this clip no more, and nothing was paid for it."""

    code = "cancelled"


class ClipRejected(ClipError):
    """The API refuses this request for what it holds."""

    code = "rejected"


class SourceVanished(ClipError):
    """A file of the drop was taken away after Reeldrop had taken it."""

    code = "source_vanished"


class ClipUnreadable(ClipError):
    """The file is not what its drop says it is."""

    code = "unreadable"


class Poisonous(ClipUnreadable):
    """The daemon has ended again and again while it looked into this file."""

    code = "poison"


class GenerationFailed(ClipError):
    """The provider could not make this generation."""

    code = "generation_failed"


class ResultLost(ClipError):
    """The paid result could not be fetched."""

    code = "result_lost"


class StoreUnavailable(ReeldropError):
    """The job table cannot be written or read now; nothing is submitted until it can."""

    disposition = Disposition.RETRY
    code = "store_unavailable"


class Lost(ReeldropError):
    """Another owner has moved this job on; drop the work silently."""

    disposition = Disposition.DROP
    code = "lost"
