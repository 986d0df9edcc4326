"""The life of a job: states, events and the one table of transitions.

Rule 1: every arrow is in TRANSITIONS; nothing else changes a state.
Rule 2: nothing automatic leads from SUBMITTING or UNCERTAIN back to QUEUED but a definite answer:
        the API's own refusal, or its request log showing the attempt as failed.
        What has ended is begun again by a person alone (AGAIN, REVIVED).
Rule 3: a state in -ING says that an effect outside may be in flight. After a crash the world is
        asked what became of it; UPLOADING alone is simply begun again, because the last byte of a
        request leaves only after SUBMITTING is committed.
"""

from enum import StrEnum


class State(StrEnum):
    """Where a job is; the words that users read."""

    QUEUED = "queued"  # claimed from the inbox, waits for a slot
    UPLOADING = "uploading"  # the body is on its way; its last bytes are held back
    SUBMITTING = "submitting"  # the intent is on disk, the last bytes may have left
    GENERATING = "generating"  # the provider has named a generation
    DOWNLOADING = "downloading"  # the generation is complete, its result is being fetched
    DELIVERING = "delivering"  # the job's folder is being placed in the outbox
    DELIVERED = "delivered"
    FAILED = "failed"
    CANCELLED = "cancelled"
    UNCERTAIN = "uncertain"  # a submit whose outcome nobody knows; looked for in the log


FINAL = frozenset({State.DELIVERED, State.FAILED, State.CANCELLED})
UNFINISHED = tuple(state for state in State if state not in FINAL)


class Verdict(StrEnum):
    """How a job in DELIVERING ends: which folder it gets, and its final state."""

    DELIVERED = "delivered"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Event(StrEnum):
    """What happens to a job."""

    TAKEN = "taken"  # a worker took it from the queue
    RETURNED = "returned"  # definitely not sent: back to the queue
    DECLARED = "declared"  # the intent to submit is committed
    NOT_ACCEPTED = "not_accepted"  # the API definitely made nothing
    ACCEPTED = "accepted"  # a generation id is known
    OUTCOME_UNKNOWN = "outcome_unknown"
    COMPLETED = "completed"  # the provider says the result is there
    FETCHED = "fetched"  # the result is on our disk, whole
    FETCH_AGAIN = "fetch_again"  # the fetched result is gone from our disk
    FREED = "freed"  # an unknown submit is known to have made nothing: its log says so, or a person
    JOINED = "joined"  # an identical job has a generation: this one takes its result from it
    REFUSED = "refused"  # this clip fails
    CANCEL = "cancel"  # a person wants it no more
    AGAIN = "again"  # a person begins an ended job anew, with a submit of its own
    REVIVED = "revived"  # a person goes on with a generation that may still yield its result
    PLACED = "placed"  # its delivery is visible in the outbox
    PLACED_FAILED = "placed_failed"
    PLACED_CANCELLED = "placed_cancelled"


_S, _E = State, Event

TRANSITIONS: dict[tuple[State, Event], State] = {
    (_S.QUEUED, _E.TAKEN): _S.UPLOADING,
    (_S.QUEUED, _E.JOINED): _S.GENERATING,
    (_S.QUEUED, _E.REFUSED): _S.DELIVERING,
    (_S.QUEUED, _E.CANCEL): _S.DELIVERING,
    (_S.UPLOADING, _E.RETURNED): _S.QUEUED,
    (_S.UPLOADING, _E.DECLARED): _S.SUBMITTING,
    (_S.UPLOADING, _E.JOINED): _S.GENERATING,
    (_S.UPLOADING, _E.REFUSED): _S.DELIVERING,
    (_S.UPLOADING, _E.CANCEL): _S.DELIVERING,
    (_S.SUBMITTING, _E.NOT_ACCEPTED): _S.QUEUED,
    (_S.SUBMITTING, _E.ACCEPTED): _S.GENERATING,
    (_S.SUBMITTING, _E.OUTCOME_UNKNOWN): _S.UNCERTAIN,
    (_S.SUBMITTING, _E.REFUSED): _S.DELIVERING,
    (_S.UNCERTAIN, _E.ACCEPTED): _S.GENERATING,
    (_S.UNCERTAIN, _E.FREED): _S.QUEUED,
    (_S.UNCERTAIN, _E.REFUSED): _S.DELIVERING,
    (_S.UNCERTAIN, _E.CANCEL): _S.DELIVERING,
    (_S.GENERATING, _E.COMPLETED): _S.DOWNLOADING,
    (_S.GENERATING, _E.REFUSED): _S.DELIVERING,
    (_S.DOWNLOADING, _E.FETCHED): _S.DELIVERING,
    (_S.DOWNLOADING, _E.REFUSED): _S.DELIVERING,
    (_S.DELIVERING, _E.FETCH_AGAIN): _S.DOWNLOADING,
    (_S.DELIVERING, _E.PLACED): _S.DELIVERED,
    (_S.DELIVERING, _E.PLACED_FAILED): _S.FAILED,
    (_S.DELIVERING, _E.PLACED_CANCELLED): _S.CANCELLED,
    (_S.DELIVERED, _E.AGAIN): _S.QUEUED,
    (_S.FAILED, _E.AGAIN): _S.QUEUED,
    (_S.CANCELLED, _E.AGAIN): _S.QUEUED,
    (_S.FAILED, _E.REVIVED): _S.GENERATING,
    (_S.CANCELLED, _E.REVIVED): _S.GENERATING,
}

PLACED_AS: dict[Verdict, Event] = {
    Verdict.DELIVERED: Event.PLACED,
    Verdict.FAILED: Event.PLACED_FAILED,
    Verdict.CANCELLED: Event.PLACED_CANCELLED,
}

AFTER_CRASH: dict[State, Event] = {
    State.UPLOADING: Event.RETURNED,
    State.SUBMITTING: Event.OUTCOME_UNKNOWN,
}
"""What a new daemon does to a dead one's jobs; states not named go on where they were."""


class IllegalTransition(AssertionError):
    """A bug: an event that the state does not know. Nothing was changed."""


def advance(state: State, event: Event) -> State:
    """Return the state that `event` leads to.

    Raises:
        IllegalTransition: the table has no such arrow.
    """
    try:
        return TRANSITIONS[state, event]
    except KeyError:
        raise IllegalTransition(f"{event} does not happen to a job that is {state}") from None
