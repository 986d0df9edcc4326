"""The answers of the API as they are documented or were seen: two shapes of errors, and by name the ones
that a test or a person may ask for. Pure: what goes in is the request, what comes out is an Answer.
"""

import json
import secrets
import string
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from reeldrop.simulator.http import Answer, Request

ALPHABET = string.ascii_letters + string.digits + "_-"
BILLING = "https://aimlapi.com/app/billing"


@dataclass(frozen=True, slots=True)
class Shape:
    """A kind of answer. `make` needs the request and the time (seconds since the epoch)."""

    status: int
    make: Callable[[Request, float], Answer]


def nanoid() -> str:
    """Return 21 characters, the form of the API's ids today."""
    return "".join(secrets.choice(ALPHABET) for _ in range(21))


def iso(at: float) -> str:
    """Return a time as the API writes it."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def json_answer(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    """Return `value` as an answer."""
    body = json.dumps(value, separators=(",", ":")).encode()
    return Answer(
        status, body, {"content-type": "application/json; charset=utf-8", **(headers or {})}
    )


def gate_error(status: int, message: str) -> Shape:
    """Return an error of the layer that checks keys and rates: flat, with `statusCode`."""

    def make(request: Request, at: float) -> Answer:
        body = {
            "requestId": nanoid(),
            "statusCode": status,
            "timestamp": iso(at),
            "path": request.path,
            "message": message,
        }
        return json_answer(body, status)

    return Shape(status, make)


def app_error(status: int, message: str, name: str = "", data: Any = None) -> Shape:
    """Return an error of the application: with `title` and a nested `error`."""
    title = HTTPStatus(status).phrase

    def make(request: Request, at: float) -> Answer:
        error = {"name": name or f"{title.replace(' ', '')}Exception", "message": message}
        body = {
            "requestId": nanoid(),
            "title": title,
            "status": status,
            "message": message,
            "instance": request.target,
            "timestamp": iso(at),
            "error": error if data is None else {**error, "data": data},
        }
        return json_answer(body, status)

    return Shape(status, make)


def invalid(issues: list[dict[str, Any]], message: str = "Invalid payload provided") -> Shape:
    """Return the 400 that lists what is wrong, one issue for each fault."""
    return app_error(400, message, data=issues)


def _page(status: int, title: str) -> Shape:
    """Return what a proxy in front of the API says, which is no JSON."""
    text = f"<html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>"

    def make(request: Request, at: float) -> Answer:
        del request, at
        return Answer(status, text.encode(), {"content-type": "text/html; charset=UTF-8"})

    return Shape(status, make)


def _raw(status: int, body: bytes, kind: str = "application/json; charset=utf-8") -> Shape:
    def make(request: Request, at: float) -> Answer:
        del request, at
        return Answer(status, body, {"content-type": kind} if body else {})

    return Shape(status, make)


def _elsewhere(status: int) -> Shape:
    """Send the client on: a file to its signed address, anything else to the site's front page."""

    def make(request: Request, at: float) -> Answer:
        del at
        signed = f"{request.target}{'&' if '?' in request.target else '?'}signed=1"
        return Answer(status, b"", {"location": signed})

    return Shape(status, make)


_NO_KEY = (
    "This request requires a valid API key. "
    "You can create a new API key on the Billing page: https://aimlapi.com/app/keys"
)
_NO_CREDITS = (
    "You've run out of credits. Please top up your balance or update your payment method "
    f"to continue: {BILLING}/"
)
_NO_FUNDS = f"You've run out of funds. Please top up your balance to continue: {BILLING}"
_UNVERIFIED = f"Please complete verification to use the API: {BILLING}/verification"
_MAINTENANCE = "The model is under maintenance, please contact us at help@aimlapi.com."
_BROKEN = "Something wrong with the server. Please, try again later."
_ISSUE = {
    "code": "invalid_type",
    "expected": "string",
    "received": "undefined",
    "path": ["prompt"],
    "message": "Required",
}
_DENIED = b"<?xml version='1.0'?><Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"

NAMED: dict[str, Shape] = {
    "bad_request": invalid([_ISSUE]),
    "unauthorised": gate_error(401, _NO_KEY),
    "out_of_credits": app_error(403, _NO_CREDITS, data={"kind": "err_insufficent_credits"}),
    "out_of_funds": app_error(403, _NO_FUNDS, "OutOfFundsException"),
    "unverified": app_error(403, _UNVERIFIED),
    "key_limit": app_error(403, "The spending limit of this API key has been reached."),
    "key_scope": app_error(403, "This API key has no access to this model."),
    "not_found": app_error(404, "Inference not found"),
    "too_long": app_error(413, "request entity too large", "PayloadTooLargeException"),
    "too_many": gate_error(429, "Too Many Requests"),
    "internal": app_error(500, _BROKEN, "InternalServerErrorException"),
    "maintenance": app_error(500, _MAINTENANCE, "InternalServerErrorException"),
    "bad_gateway": app_error(502, "Bad Gateway"),
    "unavailable": app_error(503, "Service unavailable", "ServiceUnavailableException"),
    "generation_timeout": app_error(504, "Generation timeout", "GatewayTimeoutException"),
    "html_502": _page(502, "502 Bad Gateway"),
    "html_503": _page(503, "503 Service Temporarily Unavailable"),
    "html_504": _page(504, "504 Gateway Time-out"),
    "cloudflare_520": _page(520, "api.aimlapi.com | 520: Web server is returning an unknown error"),
    "cloudflare_522": _page(522, "api.aimlapi.com | 522: Connection timed out"),
    "cloudflare_524": _page(524, "api.aimlapi.com | 524: A timeout occurred"),
    "html_page": _page(200, "Welcome"),
    "empty": _raw(200, b""),
    "half_json": _raw(200, b'{"id":"QC4qjlUKt8Zed'),
    "no_id": _raw(200, b'{"status":"queued"}'),
    "moved": _elsewhere(302),
    "moved_307": _elsewhere(307),
    "expired": _raw(403, _DENIED, "application/xml"),
}
"""By name: what to answer. Those without a number in their name are the API's own JSON."""
