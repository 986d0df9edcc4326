"""Tokens that give one file out until a moment: they tell no name, and nobody else can make one.

A token is `<payload>.<signature>.<extension>`: base64 (for URLs) of the upload's id with the moment, and of
the HMAC-SHA256 over that and the extension. It ends in the extension because upstreams go by it.
"""

import hashlib
import hmac
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable
from enum import StrEnum

_TOKEN = re.compile(r"([A-Za-z0-9_-]{28})\.([A-Za-z0-9_-]{43})\.([a-z0-9]{1,8})", re.ASCII)
_ID = re.compile(r"[0-9a-f]{32}", re.ASCII)
_MOMENT = 5
"""Bytes of the moment, in seconds since the epoch: enough for 34,000 years."""
EXTENSION = "bin"
"""Of a file that has none of its own."""


class Refusal(StrEnum):
    """Why a token gives nothing out."""

    UNKNOWN = "unknown"
    """It is none of ours, or nobody needs its file any more."""
    EXPIRED = "expired"


def make(secret: bytes, upload_id: str, expires: int, extension: str) -> str:
    """Return the token of an upload (32 hexadecimal digits) that holds until `expires` (s since the epoch).

    Raises:
        ValueError: a part has not its form.
    """
    if not _ID.fullmatch(upload_id):
        raise ValueError("an upload's id is 32 hexadecimal digits")
    packed = bytes.fromhex(upload_id) + expires.to_bytes(_MOMENT, "big")
    payload = urlsafe_b64encode(packed).decode()
    token = f"{payload}.{_signature(secret, payload, extension)}.{extension}"
    if not _TOKEN.fullmatch(token):
        raise ValueError("an extension is up to 8 lower-case letters and digits")
    return token


def read(secrets: Iterable[bytes], token: str, now: float) -> str | Refusal:
    """Return the id of the upload that `token` names at `now` (s since the epoch), or why it names none.

    `secrets` are those by which tokens may have been signed; how long it takes tells nothing of them.
    """
    found = _TOKEN.fullmatch(token)
    if found is None:
        return Refusal.UNKNOWN
    payload, signature, extension = found.groups()
    good = [
        hmac.compare_digest(_signature(secret, payload, extension), signature) for secret in secrets
    ]
    if not any(good):
        return Refusal.UNKNOWN
    packed = urlsafe_b64decode(payload)
    if int.from_bytes(packed[-_MOMENT:], "big") < now:
        return Refusal.EXPIRED
    return packed[:-_MOMENT].hex()


def _signature(secret: bytes, payload: str, extension: str) -> str:
    signed = hmac.digest(secret, f"reeldrop media {payload}.{extension}".encode(), hashlib.sha256)
    return urlsafe_b64encode(signed).decode().rstrip("=")
