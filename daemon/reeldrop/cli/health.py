"""What `reeldrop status --health` tells: whether the daemon of these settings says that it is well."""

import http.client
import json
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from reeldrop.domain.errors import SettingsError, StartupError
from reeldrop.host.lock import holder_of
from reeldrop.settings import web_token

if TYPE_CHECKING:
    from reeldrop.settings import Settings

UNAUTHORIZED = 401
PATIENCE = 5.0
"""Seconds: the daemon itself waits for its store for no longer than 3."""
LARGEST = 1_000_000
"""Bytes of an answer that are read."""
EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104 - nothing is bound here


@dataclass(frozen=True, slots=True)
class Finding:
    """Whether all is well, and the line that says so or why not."""

    well: bool
    text: str


def health(settings: "Settings") -> Finding:
    """Ask the daemon that runs with these settings; never raises."""
    address = settings.web.address
    if address is None:
        return Finding(False, 'nobody can be asked: web.listen is ""')
    host, port = address
    if not port:
        return Finding(
            False, f"nobody can be asked: web.listen = {settings.web.listen} is any port"
        )
    try:
        return _judged(settings, _asked(EVERYWHERE.get(host, host), port, settings))
    except (OSError, http.client.HTTPException) as error:
        why = str(error) or type(error).__name__
        return Finding(False, f"no daemon answers at {settings.web.listen}: {why}")
    except (ValueError, TypeError, KeyError, AttributeError):
        return Finding(False, f"another program than a Reeldrop answers at {settings.web.listen}")


def _judged(settings: "Settings", document: dict[str, Any]) -> Finding:
    """Judge an answer. Raises TypeError, KeyError, AttributeError where it is none of a Reeldrop's."""
    holder = _holder(settings)
    if _is_anothers(document, holder):
        runs = f"runs ({holder})" if holder else "does not run"
        text = f"another daemon answers at {settings.web.listen}, that of these settings {runs}"
        return Finding(False, text)
    return Finding(document["ok"] is True, _told(document))


def _asked(host: str, port: int, settings: "Settings") -> dict[str, Any]:
    """Return what /healthz says. Raises OSError, HTTPException, ValueError, TypeError."""
    token = _token(settings)
    headers = {"authorization": f"Bearer {token}"} if token else {}
    with closing(http.client.HTTPConnection(host, port, timeout=PATIENCE)) as connection:
        connection.request("GET", "/healthz", headers=headers)
        answer = connection.getresponse()
        if answer.status == UNAUTHORIZED:
            raise http.client.HTTPException("it knows another token than web.token_file holds")
        document = json.loads(answer.read(LARGEST))
    details = bool(token) or not (settings.web.token_file or settings.upload.public_url)
    if not isinstance(document, dict) or (details and "pid" not in document):
        raise TypeError("no answer of a Reeldrop")
    return cast("dict[str, Any]", document)


def _token(settings: "Settings") -> str:
    try:
        token = web_token(settings.web)
    except SettingsError:
        # Whoever may not read it is told less: whether all is well, and nothing else.
        return ""
    return token.get_secret_value() if token else ""


def _holder(settings: "Settings") -> str | None:
    """Return who holds the state folder; None where this user cannot know."""
    try:
        return holder_of(settings.store.state_folder)
    except StartupError:
        return None


def _is_anothers(document: Mapping[str, Any], holder: str | None) -> bool:
    """Say whether it is a daemon of other settings that answers: the lock names the process of ours."""
    if holder is None or "pid" not in document:
        return False
    return not holder.startswith(f"pid {document['pid']} ")


def _told(document: Mapping[str, Any]) -> str:
    said = "well" if document["ok"] is True else "not well"
    troubles = "; ".join(_troubles(document))
    return f"{said}: {troubles}" if troubles else said


def _troubles(document: Mapping[str, Any]) -> Iterator[str]:
    if reason := document.get("store", {}).get("reason"):
        yield str(reason)
    # They bring more with them than a daemon that is well needs.
    from reeldrop.web.records import health_told  # noqa: PLC0415

    yield from (health_told(each) for each in document.get("watches", ()) if not each["ok"])
    if stalled := document.get("stalled"):
        yield f"standing still: {', '.join(stalled)}"
    provider = document.get("provider", {})
    if provider.get("reason"):
        yield f"submits are {provider['state']}: {provider['reason']}"
