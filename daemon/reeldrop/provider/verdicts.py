"""The table: what each answer, and each way of getting none, means for us.

Rule 1: once the last bytes of a submit may have left, only an answer that says so proves that
        nothing was made: a 4xx other than 408, or a 503 in the API's own shape.
Rule 2: before that, nothing can have been made, whatever was answered.
Rule 3: an exception's own text is never shown; it may hold a header with the key.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from enum import StrEnum

import httpx

from reeldrop.domain.errors import (
    BlockedError,
    ClipRejected,
    GenerationUnknown,
    NotAuthorised,
    OutOfFunds,
    ProtocolChanged,
    ProviderUnavailable,
    RateLimited,
    ResultDamaged,
    ResultGone,
    StepError,
    TransientError,
    UnknownOutcome,
)
from reeldrop.provider.wire import Answer, ApiError, read_error, text_of

WAIT_MAX = 86_400.0
"""s; no `Retry-After` holds us longer than a day."""


class Call(StrEnum):
    """What was going on when an answer, or none, came: a column of the table."""

    BEFORE = "submit, before the last bytes may have left"
    AFTER = "submit, after"
    POLL = "poll, balance"
    LOG = "request log"
    FETCH = "fetch of a result"


class Said(StrEnum):
    """What a body says, as far as the table needs it."""

    FUNDS = "no money left"
    ACCOUNT = "account not verified"
    KEY = "limit or scope of the key"
    API = "an error in the API's own shape"
    OTHER = "anything else"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table; the first that fits holds. An empty `said` fits every body."""

    statuses: range
    before: type[StepError]
    after: type[StepError]
    poll: type[StepError]
    log: type[StepError]
    fetch: type[StepError]
    said: frozenset[Said] = frozenset()

    def fits(self, status: int, said: Said) -> bool:
        """Say whether this line is about such an answer."""
        return status in self.statuses and (not self.said or said in self.said)

    def verdict(self, call: Call) -> type[StepError]:
        """Return the column of `call`."""
        return {
            Call.BEFORE: self.before,
            Call.AFTER: self.after,
            Call.POLL: self.poll,
            Call.LOG: self.log,
            Call.FETCH: self.fetch,
        }[call]


def _only(status: int) -> range:
    return range(status, status + 1)


_FUNDS = frozenset({Said.FUNDS})
_OURS = frozenset({Said.API})
_ACCOUNT_STATUSES = range(401, 404)
_Unavailable, _Unknown, _Changed = ProviderUnavailable, UnknownOutcome, ProtocolChanged

ROWS: tuple[Row, ...] = (
    Row(range(100, 200), _Unavailable, _Unknown, _Unavailable, _Unavailable, TransientError),
    # A 2xx comes here only when it cannot be read, names no generation or is no page of the log.
    Row(range(200, 300), _Unavailable, _Unknown, _Unavailable, _Unavailable, ResultDamaged),
    Row(range(300, 400), _Unavailable, _Unknown, _Unavailable, _Unavailable, ResultDamaged),
    Row(_ACCOUNT_STATUSES, OutOfFunds, OutOfFunds, OutOfFunds, OutOfFunds, ResultGone, _FUNDS),
    Row(_only(402), OutOfFunds, OutOfFunds, OutOfFunds, OutOfFunds, ResultGone),
    Row(_only(401), NotAuthorised, NotAuthorised, NotAuthorised, NotAuthorised, ResultGone),
    Row(_only(403), NotAuthorised, NotAuthorised, NotAuthorised, NotAuthorised, ResultGone),
    Row(_only(404), ClipRejected, ClipRejected, GenerationUnknown, _Unavailable, ResultGone, _OURS),
    Row(_only(404), _Changed, _Changed, GenerationUnknown, _Changed, ResultGone),
    Row(_only(410), ClipRejected, ClipRejected, GenerationUnknown, _Unavailable, ResultGone, _OURS),
    Row(_only(410), _Changed, _Changed, _Changed, _Changed, ResultGone),
    Row(_only(408), _Unavailable, _Unknown, _Unavailable, _Unavailable, TransientError),
    Row(_only(429), RateLimited, RateLimited, RateLimited, RateLimited, RateLimited),
    Row(_only(400), ClipRejected, ClipRejected, GenerationUnknown, _Unavailable, ResultGone),
    Row(_only(422), ClipRejected, ClipRejected, GenerationUnknown, _Unavailable, ResultGone),
    Row(_only(413), ClipRejected, ClipRejected, _Unavailable, _Unavailable, TransientError),
    Row(_only(415), ClipRejected, ClipRejected, _Unavailable, _Unavailable, TransientError),
    Row(
        range(400, 500),
        ClipRejected,
        ClipRejected,
        _Unavailable,
        _Unavailable,
        TransientError,
        _OURS,
    ),
    Row(range(400, 500), _Changed, _Changed, _Changed, _Changed, TransientError),
    Row(_only(503), _Unavailable, _Unavailable, _Unavailable, _Unavailable, TransientError, _OURS),
    Row(range(500, 1000), _Unavailable, _Unknown, _Unavailable, _Unavailable, TransientError),
)

EXCEPTIONS: dict[type[Exception], str] = {
    httpx.ConnectTimeout: "did not take the connection in time",
    httpx.ReadTimeout: "did not answer in time",
    httpx.WriteTimeout: "stopped taking the request",
    httpx.PoolTimeout: "has too many of our requests open",
    httpx.ConnectError: "cannot be reached",
    httpx.ReadError: "cut the connection",
    httpx.WriteError: "cut the connection while the request was sent",
    httpx.CloseError: "cut the connection",
    httpx.LocalProtocolError: "was sent a request that is no HTTP",
    httpx.RemoteProtocolError: "closed the connection, or answered something that is no HTTP",
    httpx.ProxyError: "cannot be reached through the proxy",
    httpx.UnsupportedProtocol: "has an address that is neither http nor https",
    httpx.InvalidURL: "has an address that cannot be read",
    httpx.DecodingError: "sent a body that cannot be decoded",
    httpx.TooManyRedirects: "redirects for ever",
    httpx.HTTPStatusError: "answered an error",
    httpx.CookieConflict: "set cookies that contradict each other",
    httpx.StreamConsumed: "was about to be sent a body twice",
    httpx.StreamClosed: "sent a body that was closed before it was read",
    httpx.ResponseNotRead: "sent a body that was not read",
    httpx.RequestNotRead: "was sent a body that was not read",
    TimeoutError: "did not answer in time",
    OSError: "cannot be reached",
}
"""Every exception of the HTTP client, in words. All of them mean the same: see EXCEPTION_ROW."""

FOREIGN: tuple[type[Exception], ...] = tuple(EXCEPTIONS)
EXCEPTION_ROW = Row(range(0), _Unavailable, _Unknown, _Unavailable, _Unavailable, TransientError)


def row_of(status: int, said: Said) -> Row:
    """Return the line that holds for such an answer."""
    return next(row for row in ROWS if row.fits(status, said))


def of_exception(call: Call, exc: Exception, place: str = "The API") -> StepError:
    """Return the error that takes the place of `exc`, one of FOREIGN."""
    words = next(EXCEPTIONS[kind] for kind in type(exc).__mro__ if kind in EXCEPTIONS)
    verdict = EXCEPTION_ROW.verdict(call)
    return verdict(f"{place} {words}.{_certainty(verdict)}", hint=_hint(verdict, Said.OTHER))


def of_answer(call: Call, answer: Answer, now: float) -> StepError:
    """Return the error that an answer stands for; 2xx only when it is unreadable.

    `now` is in seconds since the epoch; `Retry-After` may be a date.
    """
    error = read_error(answer.body)
    said = what_is_said(answer.status, error)
    verdict = row_of(answer.status, said).verdict(call)
    message = f"{_sentence(answer, error)}{_certainty(verdict)}"
    hint = _hint(verdict, said, answer.status)
    if issubclass(verdict, TransientError):
        return verdict(message, hint=hint, retry_after=retry_after(answer, now))
    return verdict(message, hint=hint)


def what_is_said(status: int, error: ApiError | None) -> Said:
    """Sort an error body. Only a refusal of the account is read for its words.

    Elsewhere words prove nothing: a message may quote the prompt.
    """
    if error is None:
        return Said.OTHER
    if status in _ACCOUNT_STATUSES:
        if error.kind in _FUNDS_KINDS or error.name == "OutOfFundsException":
            return Said.FUNDS
        for said, pattern in _PHRASES.items():
            if pattern.search(error.message):
                return said
    return Said.API if error.own else Said.OTHER


# "insufficent" is how the API spells it.
_FUNDS_KINDS = frozenset({"err_insufficent_credits", "err_insufficient_credits"})
_PHRASES = {
    Said.FUNDS: re.compile(
        r"run out of (credits|funds)|insufficient (credits|funds|balance)", re.IGNORECASE
    ),
    Said.ACCOUNT: re.compile(
        r"complete verification|not verified|billing/verification", re.IGNORECASE
    ),
    Said.KEY: re.compile(r"key('s)? .*(limit|threshold)|\bscopes?\b", re.IGNORECASE),
}


def retry_after(answer: Answer, now: float) -> float | None:
    """Return the seconds that `Retry-After` asks for, from 0 to a day; None where it says nothing."""
    value = answer.headers.get("retry-after", "").strip()
    if re.fullmatch(r"\d{1,12}(\.\d{1,9})?", value):
        return min(float(value), WAIT_MAX)
    try:
        date = parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0.0, min(date.timestamp() - now, WAIT_MAX))


def _sentence(answer: Answer, error: ApiError | None) -> str:
    if error is not None and error.message:
        return f"The server answered {answer.status}: {error.message}"
    if 200 <= answer.status < 300:
        return f"The server answered {answer.status}, with nothing that can be read."
    if target := answer.headers.get("location"):
        return f"The server answered {answer.status}, a redirect to {text_of(target, 200)}."
    return f"The server answered {answer.status} and gave no reason."


def _certainty(verdict: type[StepError]) -> str:
    if verdict is UnknownOutcome:
        return " The request had left; whether a generation was made is not known."
    return ""


def _hint(verdict: type[StepError], said: Said, status: int = 0) -> str:
    if issubclass(verdict, BlockedError):
        return _blocked_hint(verdict, said)
    if verdict is UnknownOutcome:
        return "It is not sent again by itself; look the request up in the account's log."
    if verdict is ClipRejected and status == 413:
        return (
            "The request is too large for the API: use a shorter or smaller clip, or fewer images."
        )
    if verdict is ClipRejected:
        return "Mend the sidecar or the clip and drop it again; nothing was charged."
    return ""


def _blocked_hint(verdict: type[StepError], said: Said) -> str:
    if verdict is OutOfFunds:
        return "Top up the account at https://aimlapi.com/app/billing; the queue then goes on."
    if verdict is ProtocolChanged:
        return "Check api.base_url: what answers there is not the API that Reeldrop knows."
    if said is Said.ACCOUNT:
        return "Verify the account at https://aimlapi.com/app/billing/verification."
    if said is Said.KEY:
        return "Raise the key's limit or widen its scope at https://aimlapi.com/app/keys."
    return "Check the API key: $AIMLAPI_API_KEY, or the file that api.key_file names."


# ---------------------------------------------------------------------------- the table in print


def printed() -> Iterator[str]:
    """Yield the table as lines of Markdown."""
    yield "| status | the body says | " + " | ".join(Call) + " |"
    yield "| --- " * (len(Call) + 2) + "|"
    for row in ROWS:
        said = ", ".join(sorted(row.said)) if row.said else "anything"
        yield f"| {_span(row.statuses)} | {said} | {_columns(row)} |"
    yield f"| none: the HTTP client raised | | {_columns(EXCEPTION_ROW)} |"


def _columns(row: Row) -> str:
    return " | ".join(f"{row.verdict(call).__name__}" for call in Call)


def _span(statuses: range) -> str:
    last = statuses[-1]
    return str(last) if len(statuses) == 1 else f"{statuses[0]} to {last}"
