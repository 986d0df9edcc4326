"""The table that decides what may be sent again."""

import json
from pathlib import Path

import httpx
import pytest

from reeldrop.domain.errors import (
    ClipRejected,
    Disposition,
    GenerationUnknown,
    NotAuthorised,
    OutOfFunds,
    ProtocolChanged,
    ProviderUnavailable,
    RateLimited,
    ResultGone,
    TransientError,
    UnknownOutcome,
)
from reeldrop.provider import page
from reeldrop.provider.verdicts import (
    EXCEPTIONS,
    FOREIGN,
    ROWS,
    WAIT_MAX,
    Call,
    Row,
    Said,
    of_answer,
    of_exception,
    retry_after,
    row_of,
)
from reeldrop.provider.wire import Answer

SHAPE_A = {"requestId": "r", "statusCode": "%d", "path": "/v2/video/generations", "message": "said"}
SHAPE_B = {"status": 503, "error": {"name": "SomeException", "message": "said"}}
HTML = b"<html>502 Bad Gateway</html>"
FUNDS = b'{"error": {"name": "OutOfFundsException", "message": "said"}}'


def own(status: int, message: str = "said") -> bytes:
    return json.dumps({**SHAPE_A, "statusCode": str(status), "message": message}).encode()


def application(status: int, message: str, name: str = "E", data: object = None) -> bytes:
    error = {"name": name, "message": message, "data": data}
    return json.dumps({"status": status, "message": message, "error": error}).encode()


STATUSES = range(100, 1000)


def bodies(status: int) -> dict[Said, bytes]:
    return {Said.API: own(status), Said.OTHER: HTML, Said.FUNDS: FUNDS}


def test_every_status_has_a_line() -> None:
    """An answer without a line would end in a traceback after the money is spent."""
    assert all(row_of(status, said) in ROWS for status in STATUSES for said in Said)


def test_every_line_is_reached() -> None:
    """A line that an earlier one hides is a rule that nobody obeys."""
    assert {row_of(status, said) for status in STATUSES for said in Said} == set(ROWS)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.statuses[0]}-{row.statuses[-1]}")
@pytest.mark.parametrize("call", Call)
def test_an_answer_gets_the_verdict_of_its_line(row: Row, call: Call) -> None:
    """From bytes to error: what the table prints is what happens."""
    said = next(said for said in bodies(0) if row_of(row.statuses[-1], said) is row)
    status = row.statuses[-1]

    error = of_answer(call, Answer(status, {}, bodies(status)[said]), 0.0)

    assert type(error) is row.verdict(call)


@pytest.mark.parametrize("ours", [True, False])
def test_after_the_last_bytes_only_a_refusal_is_definite(*, ours: bool) -> None:
    """The rule that keeps us from paying twice, stated apart from the table."""
    for status in STATUSES:
        body = own(status) if ours else HTML
        error = of_answer(Call.AFTER, Answer(status, {}, body), 0.0)
        definite = (400 <= status < 500 and status != 408) or (status == 503 and ours)

        assert (error.disposition is not Disposition.RECONCILE) == definite, status


def test_before_the_last_bytes_nothing_is_unknown() -> None:
    """A request that never left whole can have made nothing."""
    errors = [of_answer(Call.BEFORE, Answer(status, {}, HTML), 0.0) for status in STATUSES]

    assert not [error for error in errors if isinstance(error, UnknownOutcome)]


@pytest.mark.parametrize(
    "body",
    [
        b'{"message": "Service Unavailable"}',
        b'{"error": "Service Unavailable"}',
        b'{"detail": "upstream"}',
        b'{"status": 503, "message": "x", "cloudflare_error": true}',
        b"",
        b"null",
        own(503)[:-5],
    ],
)
def test_a_503_of_a_gateway_proves_nothing(body: bytes) -> None:
    """Gateways answer 503 when the server behind them took the request and then died."""
    assert isinstance(of_answer(Call.AFTER, Answer(503, {}, body), 0.0), UnknownOutcome)


@pytest.mark.parametrize("body", [own(503), json.dumps(SHAPE_B).encode()])
def test_a_503_of_the_api_itself_is_tried_again(body: bytes) -> None:
    """Both documented shapes of its errors count as its own."""
    error = of_answer(Call.AFTER, Answer(503, {"retry-after": "7"}, body), 0.0)

    assert isinstance(error, ProviderUnavailable)
    assert error.retry_after == 7.0


@pytest.mark.parametrize(
    ("status", "body", "kind", "hint"),
    [
        (401, own(401, "This request requires a valid API key."), NotAuthorised, "api.key_file"),
        (403, application(403, "no", data={"kind": "err_insufficent_credits"}), OutOfFunds, "Top"),
        (403, application(403, "no", name="OutOfFundsException"), OutOfFunds, "Top up"),
        (403, b'{"message": "You\'ve run out of credits."}', OutOfFunds, "Top up"),
        (402, HTML, OutOfFunds, "Top up"),
        (403, application(403, "Please complete verification"), NotAuthorised, "verification"),
        (403, application(403, "API key spending limit reached"), NotAuthorised, "limit"),
        (403, application(403, "missing scope model:video"), NotAuthorised, "scope"),
        (403, HTML, NotAuthorised, "api.key_file"),
    ],
)
def test_refusals_of_the_account_are_told_apart(
    status: int, body: bytes, kind: type[Exception], hint: str
) -> None:
    """Each needs another hand: the key's, the purse's, the account's."""
    for call in (Call.BEFORE, Call.AFTER, Call.POLL):
        error = of_answer(call, Answer(status, {}, body), 0.0)
        assert type(error) is kind
        assert hint in error.hint


def test_words_of_an_empty_purse_in_a_quoted_prompt_block_nobody() -> None:
    """A 400 quotes what it refuses; a prompt must not be able to stop the queue."""
    body = application(400, "received 'a hero who has run out of credits'")

    assert isinstance(of_answer(Call.AFTER, Answer(400, {}, body), 0.0), ClipRejected)


@pytest.mark.parametrize("status", [404, 405, 410, 418])
def test_a_wrong_address_blocks_and_a_refused_request_does_not(status: int) -> None:
    """A page in place of the API's JSON means that the address is wrong, for every clip."""
    page_instead = of_answer(Call.AFTER, Answer(status, {}, HTML), 0.0)
    refused = of_answer(Call.AFTER, Answer(status, {}, own(status)), 0.0)

    assert isinstance(page_instead, ProtocolChanged)
    assert isinstance(refused, ClipRejected)


def test_validation_issues_are_readable() -> None:
    """Whoever wrote the sidecar must find the key in the API's complaint."""
    issue = {"path": ["elements", 0, "frontal_image_url"], "message": "Invalid url"}
    body = application(400, "Invalid payload provided", data=[issue, {"message": "And this"}])

    error = of_answer(Call.AFTER, Answer(400, {}, body), 0.0)

    assert error.message == (
        "The server answered 400: Invalid payload provided; "
        "elements[0].frontal_image_url: Invalid url; And this"
    )


def test_text_of_the_api_is_bounded() -> None:
    """A record must not grow with what a server cares to send."""
    body = application(400, "x" * 100_000 + "\x1b[31m")

    error = of_answer(Call.AFTER, Answer(400, {}, body), 0.0)

    assert len(error.message) < 1000
    assert "\x1b" not in error.message


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (404, GenerationUnknown),
        (400, GenerationUnknown),
        (429, RateLimited),
        (500, ProviderUnavailable),
        (524, ProviderUnavailable),
        (302, ProviderUnavailable),
        (200, ProviderUnavailable),
    ],
)
def test_a_poll_is_asked_again(status: int, kind: type[Exception]) -> None:
    """No answer to a poll may end a generation that is paid for."""
    error = of_answer(Call.POLL, Answer(status, {}, HTML), 0.0)

    assert type(error) is kind
    assert isinstance(error, TransientError)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410])
def test_an_expired_url_is_told_from_a_failing_server(status: int) -> None:
    """Only a new URL helps against the one, only patience against the other."""
    assert isinstance(of_answer(Call.FETCH, Answer(status), 0.0), ResultGone)
    assert type(of_answer(Call.FETCH, Answer(503), 0.0)) is TransientError


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("12", 12.0),
        ("1.5", 1.5),
        ("0", 0.0),
        ("999999", WAIT_MAX),
        ("Thu, 01 Jan 1970 00:01:40 GMT", 90.0),
        ("Thu, 01 Jan 1970 00:00:05 GMT", 0.0),
        ("Fri, 01 Jan 2100 00:00:00 GMT", WAIT_MAX),
        ("-5", None),
        ("soon", None),
        ("nan", None),
        ("", None),
        ("9" * 400, None),
    ],
)
def test_retry_after_is_seconds_or_a_date_and_bounded(value: str, seconds: float | None) -> None:
    """A server's number must not freeze the queue or crash it."""
    assert retry_after(Answer(429, {"retry-after": value}), 10.0) == seconds


@pytest.mark.parametrize("kind", FOREIGN)
def test_an_exception_means_unknown_only_after_the_last_bytes(kind: type[Exception]) -> None:
    """What the HTTP client calls it matters to people, not to the money."""
    exc = kind.__new__(kind)

    assert isinstance(of_exception(Call.BEFORE, exc), ProviderUnavailable)
    assert isinstance(of_exception(Call.AFTER, exc), UnknownOutcome)
    assert isinstance(of_exception(Call.POLL, exc), ProviderUnavailable)
    assert isinstance(of_exception(Call.FETCH, exc), TransientError)


def test_every_exception_of_httpx_has_words() -> None:
    """A new httpx with a new exception fails here, not after a submit."""
    kinds = {
        kind
        for kind in vars(httpx).values()
        if isinstance(kind, type) and issubclass(kind, Exception)
    }
    concrete = {kind for kind in kinds if not any(kind in other.__mro__[1:] for other in kinds)}

    assert concrete <= set(EXCEPTIONS)
    assert all(issubclass(kind, FOREIGN) for kind in concrete)


def test_an_exception_never_shows_its_own_text() -> None:
    """An illegal header is quoted in it: the key."""
    error = of_exception(Call.BEFORE, httpx.LocalProtocolError("Illegal header b'Bearer secret'"))

    assert "secret" not in error.message + error.hint


def test_the_document_is_the_table() -> None:
    """docs/provider.md is printed, not written: `python -m reeldrop.provider.page`."""
    document = Path(__file__).parents[2] / "docs" / "provider.md"

    assert document.read_text("utf-8") == page.page()
